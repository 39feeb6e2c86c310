/** Very many small files: what is found in them does not depend on how many are looked at together. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { csvFormat } from '../../../src/dataset/csv-format.ts';
import { DEFAULT_LIMITS, openDuckDb } from '../../../src/dataset/duckdb.ts';
import { mapInOrder } from '../../../src/dataset/map-in-order.ts';
import { ndjsonFormat } from '../../../src/dataset/ndjson-format.ts';
import { inputOptions } from '../../../src/dataset/options.ts';
import type { TextFormat } from '../../../src/dataset/text-format.ts';
import { textSource } from '../../../src/dataset/text-input.ts';
import { readAll } from '../../support/dataset.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const FILES = 300;
const WANTED = [{ name: 'id' }, { name: 'price' }, { name: 'code' }];
const name = (i: number, format: string) => `data/${String(i).padStart(4, '0')}.${format}`;
/** One file of them all has a price with a fraction, another one a code that is no number. */
const row = (i: number) => ({ id: i, price: i === 299 ? 1.5 : i, code: i === 7 ? '007' : i });

const TEXTS: Readonly<Record<'csv' | 'ndjson', (i: number) => string>> = {
  // Every third file has its columns in another order.
  csv: (i) => {
    const { id, price, code } = row(i);
    return i % 3 === 0 ? `code,id,price\n${code},${id},${price}\n` : `id,price,code\n${id},${price},${code}\n`;
  },
  ndjson: (i) => `${JSON.stringify(row(i))}\n`,
};

async function makeFiles(workspace: string, format: 'csv' | 'ndjson'): Promise<readonly string[]> {
  await mkdir(join(workspace, 'data'));
  const paths = Array.from({ length: FILES }, (_, i) => join(workspace, name(i, format)));
  await Promise.all(paths.map((path, i) => writeFile(path, TEXTS[format](i))));
  return paths;
}

for (const [format, kind] of [
  ['csv', csvFormat],
  ['ndjson', ndjsonFormat],
] as const) {
  test(`${format}: the types of columns are those of all files`, async () => {
    await using folder = await temporaryFolder();
    await makeFiles(folder.path, format);
    const { rows, numbers, types } = await readAll(folder.path, { path: 'data' }, WANTED);
    assert.deepEqual(types, { id: 'INT64', price: 'FP64', code: format === 'csv' ? 'TEXT' : 'OTHER' });
    assert.deepEqual([rows.length, rows[299]!['price'], rows[298]!['price']], [FILES, 1.5, 298]);
    assert.equal(rows[7]!['code'], format === 'csv' ? '007' : '"007"');
    assert.deepEqual(
      numbers,
      Array.from({ length: FILES }, (_, i) => `${name(i, format)}:1`),
    );
  });

  test(`${format}: a query looks at many files`, async () => {
    await using folder = await temporaryFolder();
    const paths = await makeFiles(folder.path, format);
    assert.ok((await connectionsToPlan(folder.path, kind, paths)) <= 8);
  });

  test(`${format}: of two files that cannot be read the first one is named`, async () => {
    await using folder = await temporaryFolder();
    await makeFiles(folder.path, format);
    // The later one is found out sooner, since the first one has much before its damage.
    const filler = format === 'csv' ? `id,price\n${'1,2\n'.repeat(100_000)}` : 'no object\n'.repeat(100_000);
    await writeFile(join(folder.path, name(40, format)), filler);
    await writeFile(join(folder.path, name(41, format)), format === 'csv' ? 'id\n1\n' : '[]\n');
    await assert.rejects(readAll(folder.path, { path: 'data' }, WANTED), /"data\/0040\./);
  });
}

test('partitions of the path are looked at with their own files', async () => {
  await using folder = await temporaryFolder();
  const write = async (path: string, text: string) => {
    await mkdir(join(folder.path, path), { recursive: true });
    await writeFile(join(folder.path, path, 'a.csv'), text);
  };
  await write('data/shop=1', 'id\n1\n');
  await write('data/shop=2', 'id\n2\n');
  assert.deepEqual((await readAll(folder.path, { path: 'data' }, [{ name: 'shop' }])).types, { shop: 'INT64' });
  await write('data/shop=x', 'id\n3\n');
  const { types, rows } = await readAll(folder.path, { path: 'data' }, [{ name: 'shop' }]);
  assert.deepEqual([types, rows], [{ shop: 'TEXT' }, [{ shop: '1' }, { shop: '2' }, { shop: 'x' }]]);
});

test('mapInOrder() keeps the order, works on a few at once, and throws what comes first in it', async () => {
  let running = 0;
  let most = 0;
  const later = async (item: number) => {
    running += 1;
    most = Math.max(most, running);
    for (let i = 0; i < 10 - item; i += 1) await Promise.resolve();
    running -= 1;
    if (item === 3 || item === 5) throw new Error(`item ${item}`);
    return item * 2;
  };
  assert.deepEqual(await mapInOrder([0, 1, 2], 2, later), [0, 2, 4]);
  assert.equal(most, 2);
  await assert.rejects(mapInOrder([0, 1, 2, 3, 4, 5, 6], 6, later), /item 3/);
});

/** How many connections, each for a query, planning takes. */
async function connectionsToPlan(workspace: string, format: TextFormat, paths: readonly string[]): Promise<number> {
  const duckdb = await openDuckDb(DEFAULT_LIMITS, join(workspace, '.duckdb'));
  let connections = 0;
  const counting = { ...duckdb, connect: () => ((connections += 1), duckdb.connect()) };
  const context = { interval: undefined, timezone: 'UTC', workspace, spoolFolder: join(workspace, '.spool') };
  await using source = textSource(format);
  await source.plan(
    { options: inputOptions.parse({ path: 'data' }), context, duckdb: counting },
    paths,
    WANTED,
    'fail',
  );
  duckdb.close();
  return connections;
}
