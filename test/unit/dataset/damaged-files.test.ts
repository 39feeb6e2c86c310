/** Damage costs the rows that it hit: every other row comes out right, and each row is counted once. */
import assert from 'node:assert/strict';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { openInput } from '../../../src/dataset/open-input.ts';
import { inputOptions } from '../../../src/dataset/options.ts';
import { readAll, sql } from '../../support/dataset.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ID = [{ name: 'id', as: 'INT64' as const }];
const TWO = [...ID, { name: 'x', as: 'FP64' as const }];

test('CSV: each kind of bad line costs itself, and says where and why', async () => {
  await using folder = await temporaryFolder();
  const lines = [
    'id,x',
    '1,1.5',
    '2',
    '3,"unclosed',
    '4,4.5',
    '5,5,5',
    '6,abc',
    '7,1_000',
    '8,"8.5"',
    '9,0x10',
    '10,nan',
    '',
    '11,7',
  ];
  await writeFile(join(folder.path, 'a.csv'), `${lines.join('\n')}\n`);
  const { rows, bad, numbers } = await readAll(folder.path, { path: 'a.csv' }, TWO);
  assert.deepEqual(rows, [
    { id: 1n, x: 1.5 },
    { id: 4n, x: 4.5 },
    { id: 8n, x: 8.5 },
    { id: 11n, x: 7 },
  ]);
  assert.deepEqual(numbers, ['a.csv:1', 'a.csv:4', 'a.csv:8', 'a.csv:11']);
  assert.deepEqual(
    bad.map(({ row, line, stage, message }) => [row, line, stage, message]),
    [
      [2, 3, 'parse', 'Cannot read the line: it has 1 cell, and the header 2'],
      [3, 4, 'parse', 'Cannot read the line: something follows a closing quote'],
      [5, 6, 'parse', 'Cannot read the line: it has 3 cells, and the header 2'],
      [6, undefined, 'schema', 'Cannot use "x": expected a number'],
      [7, undefined, 'schema', 'Cannot use "x": expected a number'],
      [9, undefined, 'schema', 'Cannot use "x": expected a number'],
      [10, undefined, 'schema', 'Cannot use "x": expected a number'],
    ],
  );
  assert.equal(bad[0]!.payload, '2');
  assert.deepEqual(bad[3]!.payload, { id: '6', x: 'abc' });
  assert.equal(rows.length + bad.length, 11);
});

test('CSV: integers are not rounded, and truth values not guessed', async () => {
  await using folder = await temporaryFolder();
  await writeFile(
    join(folder.path, 'a.csv'),
    'i,b\n1.5,true\n1e3,TRUE\n3.0,false\n9223372036854775808,true\n1,yes\n1,1\n,\n',
  );
  const wanted = [
    { name: 'i', as: 'INT32' as const },
    { name: 'b', as: 'BOOL' as const },
  ];
  const { rows, bad } = await readAll(folder.path, { path: 'a.csv' }, wanted);
  assert.deepEqual(rows, [
    { i: 1000n, b: true },
    { i: 3n, b: false },
    { i: null, b: null },
  ]);
  assert.deepEqual(
    bad.map(({ row, message }) => [row, message]),
    [
      [1, 'Cannot use "i": expected an integer'],
      [4, 'Cannot use "i": expected an integer'],
      [5, 'Cannot use "b": expected true or false'],
      [6, 'Cannot use "b": expected true or false'],
    ],
  );
});

test('NDJSON: a broken line is no row of nulls', async () => {
  await using folder = await temporaryFolder();
  const lines = [
    '{"id":1,"x":1.5}',
    '{"id":2,"x":',
    '[3]',
    '{"id":4,"x":"4"}',
    '"5"',
    'null',
    '{"id":7}',
    '{"id":8.5,"x":1}',
    '\u0001',
    '{"id":10,"x":2}',
  ];
  await writeFile(join(folder.path, 'a.ndjson'), lines.join('\n'));
  const { rows, bad } = await readAll(folder.path, { path: 'a.ndjson' }, TWO);
  assert.deepEqual(rows, [
    { id: 1n, x: 1.5 },
    { id: 7n, x: null },
    { id: 10n, x: 2 },
  ]);
  assert.deepEqual(
    [...bad].sort((a, b) => a.row! - b.row!).map(({ row, stage }) => [row, stage]),
    [
      [2, 'parse'],
      [3, 'parse'],
      [4, 'schema'],
      [5, 'parse'],
      [6, 'parse'],
      [8, 'schema'],
      [9, 'parse'],
    ],
  );
  assert.equal(rows.length + bad.length, lines.length);
});

test('a time that cannot be read makes a bad row, in whatever interval', async () => {
  await using folder = await temporaryFolder();
  const interval = { startMs: Date.parse('2026-11-23T00:00:00Z'), endMs: Date.parse('2026-11-24T00:00:00Z') };
  const texts = ['2026-11-23T10:00:00Z', 'yesterday', '2026-11-24T00:00:00Z', '23/11/2026'];
  await writeFile(join(folder.path, 'a.csv'), `id,t\n${texts.map((text, i) => `${i},${text}`).join('\n')}\n`);
  await sql(
    `COPY (SELECT id, t::VARCHAR AS t FROM read_csv('${folder.path}/a.csv', types = {'t': 'VARCHAR'})) TO '${folder.path}/a.parquet'`,
  );
  await sql(
    `COPY (SELECT id, t::VARCHAR AS t FROM read_csv('${folder.path}/a.csv', types = {'t': 'VARCHAR'})) TO '${folder.path}/a.ndjson' (FORMAT JSON)`,
  );
  for (const format of ['csv', 'ndjson', 'parquet']) {
    const { rows, bad } = await readAll(folder.path, { path: `a.${format}`, timeColumn: 't' }, ID, { interval });
    assert.deepEqual(rows, [{ id: 0n }], format);
    assert.deepEqual(
      bad.map(({ row, stage }) => [row, stage]),
      [
        [2, 'schema'],
        [4, 'schema'],
      ],
      format,
    );
  }
});

for (const [extension, pack] of Object.entries({ gz: gzipSync, zst: zstdCompressSync })) {
  test(`${extension}: a file that ends early gives the rows before the damage`, async () => {
    await using folder = await temporaryFolder();
    const text = `id\n${Array.from({ length: 200_000 }, (_, i) => String((i * 7919) % 1_000_003)).join('\n')}\n`;
    const packed = pack(text);
    const path = `a.csv.${extension}`;
    await writeFile(join(folder.path, path), packed.subarray(0, Math.floor(packed.length / 2)));
    await assert.rejects(readAll(folder.path, { path }, ID), { code: 'DATA_INVALID' });
    const { rows, bad } = await readAll(folder.path, { path, chunkRows: 10_000 }, ID, { keepDamage: true });
    assert.ok(rows.length > 10_000 && rows.length < 200_000, String(rows.length));
    assert.ok(rows.every(({ id }, i) => Number(id) === (i * 7919) % 1_000_003));
    assert.deepEqual(
      bad.map(({ row, rows: count }) => [row, count]),
      [[rows.length + 1, 1]],
    );
  });
}

test('Parquet: a file without its end is refused, or one bad row', async () => {
  await using folder = await temporaryFolder();
  for (const name of ['a', 'b']) {
    await sql(`COPY (SELECT range AS id FROM range(1000)) TO '${folder.path}/${name}.parquet'`);
  }
  await truncate(join(folder.path, 'a.parquet'), 900);
  await assert.rejects(readAll(folder.path, { path: '*.parquet' }, ID), {
    code: 'DATA_INVALID',
    message: /a\.parquet/,
  });
  const { rows, bad } = await readAll(folder.path, { path: '*.parquet' }, ID, { keepDamage: true });
  assert.equal(rows.length, 1000);
  assert.deepEqual(
    bad.map(({ source, row, rows: count }) => [source, row, count]),
    [['a.parquet', undefined, 1]],
  );
});

test('Parquet: a damaged row group is one range, and the others are whole', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.parquet');
  await sql(
    `COPY (SELECT range AS id, hash(range) AS h FROM range(10000)) TO '${path}' (ROW_GROUP_SIZE 2048, COMPRESSION zstd)`,
  );
  const [second] = await sql(
    `SELECT data_page_offset AS at FROM parquet_metadata('${path}') WHERE row_group_id = 2 AND path_in_schema = 'h'`,
  );
  const bytes = await readFile(path);
  bytes.fill(0xa5, Number(second!['at']) + 20, Number(second!['at']) + 400);
  await writeFile(path, bytes);
  const wanted = [{ name: 'id' }, { name: 'h' }];
  await assert.rejects(readAll(folder.path, { path: 'a.parquet' }, wanted), { code: 'DATA_INVALID' });
  for (const chunkRows of [500_000, 3000]) {
    const { rows, bad } = await readAll(folder.path, { path: 'a.parquet', chunkRows }, wanted, { keepDamage: true });
    const lost = bad.reduce((sum, row) => sum + row.rows, 0);
    assert.equal(lost, 2048);
    assert.equal(bad[0]!.row, 4097);
    assert.equal(rows.length + lost, 10_000);
    assert.deepEqual(
      rows.map(({ id }) => Number(id)),
      Array.from({ length: 10_000 }, (_, i) => i).filter((i) => i < 4096 || i >= 6144),
    );
  }
});

test('a file that changes after it was planned is not read', async () => {
  await using folder = await temporaryFolder();
  const { openInput } = await import('../../../src/dataset/open-input.ts');
  const { inputOptions } = await import('../../../src/dataset/options.ts');
  await writeFile(join(folder.path, 'a.csv'), 'id\n1\n');
  const context = {
    interval: undefined,
    timezone: 'UTC',
    workspace: folder.path,
    spoolFolder: join(folder.path, 'spool'),
  };
  await using input = await openInput(inputOptions.parse({ path: 'a.csv' }), context);
  const plan = await input.plan(ID, 'fail');
  await writeFile(join(folder.path, 'a.csv'), 'id\n1\n2\n');
  await assert.rejects(
    async () => {
      for await (const _ of input.read(plan, plan.chunks[0]!, 'fail'));
    },
    { code: 'DATA_INVALID', message: /has changed/ },
  );
});

test('Parquet: one damaged file among many is named, or costs itself, and schemas may alternate', async () => {
  await using folder = await temporaryFolder();
  for (let i = 0; i < 9; i += 1) {
    const type = i % 2 === 0 ? 'INTEGER' : 'BIGINT';
    await sql(`COPY (SELECT CAST(${i} AS ${type}) AS id) TO '${join(folder.path, `${i}.parquet`)}'`);
  }
  const input = { path: './' };
  const whole = await readAll(folder.path, input, ID);
  assert.deepEqual(
    whole.rows.map(({ id }) => id),
    [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n],
  );
  await truncate(join(folder.path, '5.parquet'), 20);
  const { rows, bad } = await readAll(folder.path, input, ID, { keepDamage: true });
  assert.equal(rows.length, 8);
  assert.deepEqual(
    bad.map(({ source }) => source),
    ['5.parquet'],
  );
  await assert.rejects(readAll(folder.path, input, ID), {
    code: 'DATA_INVALID',
    message: 'Cannot open "5.parquet": it is no whole Parquet file',
  });
});

for (const [format, ok, bad] of [
  ['parquet', '', 2],
  ['csv', 'id\n1\n', 0],
  ['ndjson', '{"id":1}\n', 0],
] as const) {
  test(`${format}: a first file that nobody has written to says nothing of the others`, async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, `a.${format}`), '');
    await writeFile(join(folder.path, `b.${format}`), ok);
    await writeFile(join(folder.path, `c.${format}`), '');
    if (format === 'parquet') await sql(`COPY (SELECT 1::BIGINT AS id) TO '${folder.path}/b.parquet'`);
    const input = { path: `*.${format}`, where: 'id > 0' };
    const context = {
      interval: undefined,
      timezone: 'UTC',
      workspace: folder.path,
      spoolFolder: `${folder.path}/spool`,
    };
    await using source = await openInput(inputOptions.parse(input), context);
    assert.deepEqual(
      (await source.describe()).map(({ name }) => name),
      ['id'],
    );
    const found = await readAll(folder.path, input, ID, { keepDamage: true });
    assert.deepEqual([found.rows, found.numbers, found.bad.length], [[{ id: 1n }], [`b.${format}:1`], bad]);
    await using empty = await openInput(inputOptions.parse({ path: `a.${format}` }), context);
    await assert.rejects(empty.describe(), { code: 'DATA_INVALID' });
  });
}
