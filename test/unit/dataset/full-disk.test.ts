/** A disk that is full: the run fails with a code of its own, and what was visible before stays as it was. */
import assert from 'node:assert/strict';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Column } from '../../../src/core/columns.ts';
import { smallDisk, testsThatMount } from '../../support/small-disk.ts';
import { contents, run } from '../../support/output-runs.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { NUMBERED, numbered, writeOutput } from '../../support/write-output.ts';

testsThatMount(import.meta.filename, () =>
  test('a full disk', async () => {
    await using folder = await temporaryFolder();
    await using disk = smallDisk(folder.path, 3_000_000);
    const chunk = (): { rows: number; columns: readonly Column[] } => {
      const { rows, columns } = numbered(0, 50_000);
      const texts = Array.from({ length: rows }, (_, i) => `${i}`.repeat(20));
      return { rows, columns: [columns[0]!, { name: 't', type: 'TEXT', values: texts }] };
    };
    for (const path of ['scores.parquet', 'scores.csv', 'scores.ndjson']) {
      await writeOutput(disk.path, { path }, { columns: NUMBERED, chunks: [[numbered(0, 10)]] });
      const before = await readFile(join(disk.path, path));
      await writeFile(join(disk.path, 'filler'), Buffer.alloc(1_000_000));
      const run = { runId: 'large', columns: NUMBERED, chunks: Array.from({ length: 6 }, () => [chunk()]) };
      await assert.rejects(writeOutput(disk.path, { path }, run), { code: 'STORAGE_FULL' }, path);
      assert.ok(before.equals(await readFile(join(disk.path, path))), path);
      for (const name of await readdir(disk.path)) {
        if (name !== path) await rm(join(disk.path, name), { recursive: true });
      }
      await rm(join(disk.path, path));
    }
  }),
);

for (const path of ['scores/', 'scores.csv', 'scores.ndjson']) {
  test(`a limit on the size of files: ${path}`, async () => {
    await using folder = await temporaryFolder();
    assert.equal((await run(folder.path, { path }, 'before', 0)).code, 0);
    const visible = () => Object.entries(contents(folder.path)).filter(([name]) => name.startsWith('/scores'));
    const before = visible();
    const { code, errors } = await run(folder.path, { path }, 'run', 7000, undefined, { largestFileBytes: 4096 });
    assert.equal(code, 1);
    assert.match(errors, /STORAGE_FULL/);
    assert.deepEqual(visible(), before);
    assert.equal((await run(folder.path, { path }, 'run', 7000)).code, 0);
    assert.notDeepEqual(visible(), before);
  });
}
