/** Files whose names have signs that mean something in a pattern, a path of partitions, or SQL. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readAll, sql } from '../../support/dataset.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { NUMBERED, numbered, writeOutput } from '../../support/write-output.ts';

/** Each with another file that it would match as a pattern. */
const NAMES = [
  ['a[1]', 'a1'],
  ['b*', 'bx'],
  ['c?', 'cx'],
  ['d{1,2}', 'd1'],
  ['**', 'e'],
  [`f'g"h`, 'f'],
  ['i[!x]', 'iy'],
  ['[', '{'],
  ['~', '$HOME'],
  ['id=9', 'x%20y'],
] as const;
/** Of a folder that all is in. */
const FOLDER = `[w] {o,r} k*?'" id=7`;

const FORMATS = {
  parquet: (path: string, id: number) =>
    sql(`COPY (SELECT ${id} AS id, 'n${id}' AS name) TO '${path.replaceAll("'", "''")}' (FORMAT parquet)`),
  csv: (path: string, id: number) => writeFile(path, `id,name\n${id},n${id}\n`),
  ndjson: (path: string, id: number) => writeFile(path, `{"id":${id},"name":"n${id}"}\n`),
  'csv.gz': (path: string, id: number) => writeFile(path, gzipSync(`id,name\n${id},n${id}\n`)),
} as const;

for (const [format, write] of Object.entries(FORMATS)) {
  for (const inside of ['shop', FOLDER]) {
    test(`${format}: a name is a name, in ${inside}`, async () => {
      await using folder = await temporaryFolder();
      const workspace = join(folder.path, inside);
      await mkdir(join(workspace, 'data'), { recursive: true });
      const ids = new Map<string, number>();
      for (const name of NAMES.flat()) {
        ids.set(`data/${name}.${format}`, ids.size);
        await write(join(workspace, `data/${name}.${format}`), ids.size - 1);
      }
      const read = (path: string) =>
        readAll(workspace, { path, hivePartitions: false }, [{ name: 'id' }, { name: 'name' }]);
      for (const [name] of NAMES) {
        const path = `data/${name}.${format}`;
        const id = ids.get(path)!;
        const { rows, numbers } = await read(path);
        assert.deepEqual(
          [rows.map((row) => [Number(row['id']), row['name']]), numbers],
          [[[id, `n${id}`]], [`${path}:1`]],
        );
      }
      // The path of the workspace is no part of a pattern.
      for (const path of ['data', `data/*.${format}`]) {
        const { rows, numbers } = await read(path);
        const found = numbers.map((number, i) => [number.replace(/:1$/, ''), Number(rows[i]!['id'])] as const);
        assert.deepEqual(new Map(found), ids, path);
      }
    });
  }
}

for (const output of [{ path: 'o[1].parquet' }, { path: 'o[1]/', format: 'csv' }, { path: 'o[1].ndjson' }] as const) {
  test(`results for ${output.path}`, async () => {
    await using folder = await temporaryFolder();
    const workspace = join(folder.path, FOLDER);
    await mkdir(workspace);
    // What the staged files would match as patterns.
    await mkdir(join(folder.path, FOLDER.replace('[w]', 'w')));
    const chunks = [[numbered(0, 3)], [numbered(3, 5)]];
    const { outputs } = await writeOutput(workspace, output, { columns: NUMBERED, chunks });
    const { rows } = await readAll(workspace, { path: outputs[0]! }, [{ name: 'id' }, { name: 't' }]);
    assert.deepEqual(
      rows.map(({ id, t }) => [Number(id), t]),
      Array.from({ length: 5 }, (_, i) => [i, `row ${i}`]),
    );
  });
}

test('results for a table, staged under such a path', async () => {
  await using folder = await temporaryFolder();
  const workspace = join(folder.path, FOLDER);
  await mkdir(workspace);
  const output = { sqlite: 'o[1].db', table: 'scores' };
  await writeOutput(workspace, output, { columns: NUMBERED, chunks: [[numbered(0, 3)], [numbered(3, 5)]] });
  const { rows } = await readAll(workspace, { sqlite: 'o[1].db', table: 'scores' }, [{ name: 'id' }]);
  assert.deepEqual(
    rows.map(({ id }) => Number(id)),
    [0, 1, 2, 3, 4],
  );
});
