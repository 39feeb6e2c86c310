/** A disk that is full: the run fails with a code of its own, and what was visible before stays as it was. */
import assert from 'node:assert/strict';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Column } from '../../../src/core/columns.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { NUMBERED, numbered, writeOutput } from '../../support/write-output.ts';

test('a full disk', async (context) => {
  await using folder = await temporaryFolder();
  await using disk = smallDisk(folder.path, 3_000_000);
  if (disk === undefined) return context.skip('no permission to mount a small file system');
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
});
