/** What comes out of files: values by their types, in order, numbered, the interval's rows only. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { readAll, sql } from '../../support/dataset.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const names = (...columns: string[]) => columns.map((name) => ({ name }));
const at = (text: string) => Date.parse(text);

test('Parquet: every type keeps its values', async () => {
  await using folder = await temporaryFolder();
  await sql(`COPY (
    SELECT true AS b, (-128)::TINYINT AS i8, 32767::SMALLINT AS i16, 2147483647 AS i32, 9007199254740993 AS i64,
      255::UTINYINT AS u8, 18446744073709551615::UBIGINT AS u64, 0.1::FLOAT AS f32, 0.1::DOUBLE AS f64, 'é' AS t,
      '\\xFF\\x00'::BLOB AS x, [1.5::DOUBLE, 2.5] AS l, [[1], NULL, [2, 3]] AS ll, 12.30::DECIMAL(10,2) AS d,
      TIMESTAMP '2026-11-23 11:00:00.123456' AS ts, TIMESTAMPTZ '2026-11-23 11:00:00+09:00' AS tz, DATE '2026-11-23' AS day,
      {'a': 1} AS s, NULL::INTEGER AS n, [1.0, 2.0]::FLOAT[2] AS a
  ) TO '${folder.path}/a.parquet'`);
  const columns = names(
    'b',
    'i8',
    'i16',
    'i32',
    'i64',
    'u8',
    'u64',
    'f32',
    'f64',
    't',
    'x',
    'l',
    'll',
    'd',
    'ts',
    'tz',
    'day',
    's',
    'n',
    'a',
  );
  const { rows, types } = await readAll(folder.path, { path: 'a.parquet' }, columns);
  assert.deepEqual(rows, [
    {
      b: true,
      i8: -128,
      i16: 32767,
      i32: 2147483647,
      i64: 9007199254740993n,
      u8: 255,
      u64: 18446744073709551615n,
      f32: Math.fround(0.1),
      f64: 0.1,
      t: 'é',
      x: Uint8Array.of(255, 0),
      l: [1.5, 2.5],
      ll: [[1], null, [2, 3]],
      d: '12.30',
      ts: '2026-11-23 11:00:00.123456',
      tz: '2026-11-23 02:00:00+00',
      day: '2026-11-23',
      s: '{"a":1}',
      n: null,
      a: [1, 2],
    },
  ]);
  assert.deepEqual([types['i64'], types['d'], types['l'], types['x']], ['INT64', 'OTHER', 'LIST', 'BYTES']);
});

test('decimals are floats where the model takes floats', async () => {
  await using folder = await temporaryFolder();
  await sql(
    `COPY (SELECT 12.30::DECIMAL(10,2) AS d, 7::DECIMAL(10,0) AS i, [1.5, 2.5] AS l) TO '${folder.path}/a.parquet'`,
  );
  const wanted = [
    { name: 'd', as: 'FP32' as const },
    { name: 'i', as: 'INT64' as const },
    { name: 'l', as: 'LIST' as const },
  ];
  const { rows } = await readAll(folder.path, { path: 'a.parquet' }, wanted);
  assert.deepEqual(rows, [{ d: 12.3, i: 7n, l: [1.5, 2.5] }]);
});

test('rows come in order, with their numbers, from chunks that depend on the files alone', async () => {
  await using folder = await temporaryFolder();
  for (const [i, name] of ['b', 'a', 'c'].entries()) {
    await sql(
      `COPY (SELECT ${i} * 1000000 + range AS id FROM range(${300_000 + i})) TO '${folder.path}/${name}.parquet'`,
    );
  }
  const input = { path: '*.parquet', chunkRows: 250_000 };
  const read = await readAll(folder.path, input, names('id'));
  assert.equal(read.rows.length, 900_003);
  assert.deepEqual(read.rows.slice(0, 2), [{ id: 1000000n }, { id: 1000001n }]);
  assert.equal(read.numbers[300_000], 'a.parquet:300001');
  assert.equal(read.numbers[300_001], 'b.parquet:1');
  assert.ok(
    read.rows.every(({ id }, i) => i === 0 || read.numbers[i]!.endsWith(`:${(Number(id as bigint) % 1_000_000) + 1}`)),
  );
  assert.equal(read.chunks, 6);
  assert.equal((await readAll(folder.path, input, names('id'))).checksum, read.checksum);
});

const CSV = 'id,x,name,ok,v\n1,1.5,a,true,"[1,2]"\n2,,"b,""c""",FALSE,"[]"\n3,-1e3,,,\n';
const NDJSON =
  '{"id":1,"x":1.5,"name":"a","ok":true,"v":[1,2]}\n{"id":2,"x":null,"name":"b,\\"c\\"","ok":false,"v":[]}\n{"id":3,"x":-1e3,"name":"","v":null}\n';
const ROWS = [
  { id: 1n, x: 1.5, name: 'a', ok: true, v: [1, 2] },
  { id: 2n, x: null, name: 'b,"c"', ok: false, v: [] },
  { id: 3n, x: -1000, name: '', ok: null, v: null },
];
const TYPED = [
  { name: 'id', as: 'INT32' as const },
  { name: 'x', as: 'FP32' as const },
  { name: 'name', as: 'BYTES' as const },
  { name: 'ok', as: 'BOOL' as const },
  { name: 'v', as: 'LIST' as const },
];
const PACK = { '': (text: string) => text, '.gz': gzipSync, '.zst': zstdCompressSync };

for (const [format, text] of [
  ['csv', CSV],
  ['ndjson', NDJSON],
] as const) {
  for (const [extension, pack] of Object.entries(PACK)) {
    test(`${format}${extension}: cells are read as what they are for`, async () => {
      await using folder = await temporaryFolder();
      await writeFile(join(folder.path, `a.${format}${extension}`), pack(text));
      for (const chunkRows of [1, 2, 500]) {
        const { rows, bad, numbers } = await readAll(
          folder.path,
          { path: `a.${format}${extension}`, chunkRows },
          TYPED,
        );
        assert.deepEqual(bad, []);
        assert.deepEqual(rows, ROWS);
        assert.deepEqual(
          numbers,
          [1, 2, 3].map((row) => `a.${format}${extension}:${row}`),
        );
      }
    });
  }
}

test('CSV: columns without a purpose get the narrowest type that keeps every cell', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'a.csv'), 'i,f,z,t,big\n1,0.5,007,x,123456789012345678901\n-2,,010,,1\n');
  const { rows, types } = await readAll(folder.path, { path: 'a.csv' }, names('i', 'f', 'z', 't', 'big'));
  assert.deepEqual(types, { i: 'INT64', f: 'FP64', z: 'TEXT', t: 'TEXT', big: 'TEXT' });
  assert.deepEqual(rows, [
    { i: 1n, f: 0.5, z: '007', t: 'x', big: '123456789012345678901' },
    { i: -2n, f: null, z: '010', t: null, big: '1' },
  ]);
});

test('the interval is half-open, whatever the times are written as', async () => {
  await using folder = await temporaryFolder();
  const local = ['2026-11-23 19:59:59.999', '2026-11-23 20:00:00', '2026-11-23 20:29:59.999', '2026-11-23 20:30:00'];
  const rows = local.map((time, i) => `(${i}, TIMESTAMP '${time}')`).join(', ');
  const interval = { startMs: at('2026-11-23T11:00:00Z'), endMs: at('2026-11-23T11:30:00Z') };
  const kinds = {
    ts: ['t', {}],
    tz: [`timezone('Asia/Seoul', t)`, {}],
    ns: ['t::TIMESTAMP_NS', {}],
    text: [`strftime(t, '%Y-%m-%dT%H:%M:%S.%g')`, {}],
    texttz: [`strftime(t, '%Y-%m-%dT%H:%M:%S.%g') || '+09:00'`, {}],
    ms: [`epoch_ms(timezone('Asia/Seoul', t))`, { timeUnit: 'ms' }],
    us: [`epoch_us(timezone('Asia/Seoul', t))`, { timeUnit: 'us' }],
  } as const;
  for (const [kind, [expression, more]] of Object.entries(kinds)) {
    for (const format of ['parquet', 'csv', 'ndjson']) {
      const path = `${kind}.${format}`;
      const form = { parquet: 'PARQUET', csv: 'CSV', ndjson: 'JSON' }[format];
      await sql(
        `SET TimeZone = 'UTC'`,
        `COPY (SELECT id, ${expression} AS t FROM (VALUES ${rows}) v(id, t)) TO '${folder.path}/${path}' (FORMAT ${form})`,
      );
      const input = { path, timeColumn: 't', timeZone: 'Asia/Seoul', ...more };
      const found = await readAll(folder.path, input, [{ name: 'id', as: 'INT64' }], { interval });
      assert.deepEqual(
        found.rows.map(({ id }) => Number(id)),
        [1, 2],
        path,
      );
      assert.deepEqual(found.bad, [], path);
      assert.deepEqual(found.numbers, [`${path}:2`, `${path}:3`], path);
    }
  }
});

test('numbers are no times unless the unit is said', async () => {
  await using folder = await temporaryFolder();
  await sql(`COPY (SELECT 1 AS id, 1700000000 AS t) TO '${folder.path}/a.parquet'`);
  const interval = { startMs: 0, endMs: 1 };
  await assert.rejects(readAll(folder.path, { path: 'a.parquet', timeColumn: 't' }, names('id'), { interval }), {
    code: 'DATA_INVALID',
    hint: /timeUnit/,
  });
});

test('where, renamed columns, and partitions of the path', async () => {
  await using folder = await temporaryFolder();
  for (const region of ['eu', 'us']) {
    await mkdir(join(folder.path, `in/region=${region}`), { recursive: true });
    await sql(
      `COPY (SELECT range AS "order id", range * 1.5 AS amount FROM range(4)) TO '${folder.path}/in/region=${region}/a.parquet'`,
    );
    await sql(
      `COPY (SELECT range AS "order id", range * 1.5 AS amount FROM range(4)) TO '${folder.path}/in/region=${region}/a.csv'`,
    );
    await sql(
      `COPY (SELECT range AS "order id", range * 1.5 AS amount FROM range(4)) TO '${folder.path}/in/region=${region}/a.ndjson' (FORMAT JSON)`,
    );
  }
  for (const format of ['parquet', 'csv', 'ndjson']) {
    const input = { path: `in/**/*.${format}`, columns: { id: 'order id' }, where: `amount > 1.5 AND region = 'us'` };
    const { rows, numbers } = await readAll(folder.path, input, [{ name: 'id', as: 'INT64' }, { name: 'region' }]);
    assert.deepEqual(
      rows,
      [
        { id: 2n, region: 'us' },
        { id: 3n, region: 'us' },
      ],
      format,
    );
    assert.deepEqual(
      numbers,
      [3, 4].map((row) => `in/region=us/a.${format}:${row}`),
    );
  }
});

test('partitions are decoded, and that of no value has none', async () => {
  await using folder = await temporaryFolder();
  const keys = ['a%20b', '%C3%BC%2F%25', '__HIVE_DEFAULT_PARTITION__'];
  for (const key of keys) {
    await mkdir(join(folder.path, `k=${key}`), { recursive: true });
    for (const [format, form] of [
      ['parquet', 'PARQUET'],
      ['csv', 'CSV'],
      ['ndjson', 'JSON'],
    ]) {
      await sql(`COPY (SELECT 1 AS id) TO '${folder.path}/k=${key}/a.${format}' (FORMAT ${form})`);
    }
  }
  for (const format of ['parquet', 'csv', 'ndjson']) {
    const { rows } = await readAll(folder.path, { path: `*/*.${format}` }, names('k'));
    assert.deepEqual(
      rows.map(({ k }) => k),
      ['ü/%', null, 'a b'],
      format,
    );
  }
});

test('what is missing is named', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'a.csv'), 'a\n1\n');
  await assert.rejects(readAll(folder.path, { path: 'b.csv' }, []), { code: 'DATA_NOT_FOUND', message: /b\.csv/ });
  await assert.rejects(readAll(folder.path, { path: '*.parquet' }, []), { code: 'DATA_NOT_FOUND' });
  await assert.rejects(readAll(folder.path, { path: 'a.csv' }, names('x')), { code: 'DATA_INVALID', message: /"x"/ });
});
