/** What is in files after a run: every value, in order, whole, once. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Column } from '../../../src/core/columns.ts';
import { openOutput } from '../../../src/dataset/open-output.ts';
import { outputOptions } from '../../../src/dataset/options.ts';
import type { OutputColumns } from '../../../src/dataset/output.ts';
import { readAll, sql } from '../../support/dataset.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { NUMBERED, numbered, writeOutput } from '../../support/write-output.ts';

const INTERVAL = { startMs: Date.parse('2026-11-23T11:00:00Z'), endMs: Date.parse('2026-11-23T11:30:00Z') };
const flat = Float32Array.of(0.1, 0.9, NaN, 1, 0.5, 0.5);
const EVERY: readonly Column[] = [
  { name: 'b', type: 'BOOL', values: Uint8Array.of(1, 0, 0), nulls: Uint8Array.of(0, 0, 1) },
  { name: 'i8', type: 'INT8', values: Int8Array.of(-128, 0, 127) },
  { name: 'i64', type: 'INT64', values: BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n) },
  { name: 'u64', type: 'UINT64', values: BigUint64Array.of(0n, 1n, 2n ** 64n - 1n) },
  { name: 'f32', type: 'FP32', values: Float32Array.of(0.1, -0, Infinity) },
  { name: 'f64', type: 'FP64', values: Float64Array.of(0.1, 1e300, NaN), nulls: Uint8Array.of(0, 1, 0) },
  { name: 'te"xt', type: 'TEXT', values: ['é,"\n', '', null], nulls: Uint8Array.of(0, 0, 1) },
  { name: 'x', type: 'BYTES', values: [Uint8Array.of(255, 0), Uint8Array.of(), Uint8Array.of(1)] },
  {
    name: 'p',
    type: 'LIST',
    list: { item: 'FP32', depth: 1 },
    flat,
    get values(): never {
      throw new Error('made for nobody: a million rows would be a million arrays');
    },
  },
  {
    name: 'r',
    type: 'LIST',
    list: { item: 'INT64', depth: 1 },
    values: [[1n, 2n], [], null],
    nulls: Uint8Array.of(0, 0, 1),
  },
  { name: 'n', type: 'LIST', list: { item: 'TEXT', depth: 2 }, values: [[['a'], ['b', 'c']], [[]], []] },
  { name: 'ts', type: 'OTHER', values: ['2026-11-23 11:00:00.123456', '1970-01-01 00:00:00', '2026-11-23 11:00:00'] },
  { name: 'd', type: 'OTHER', values: ['12.30', '-0.01', null], nulls: Uint8Array.of(0, 0, 1) },
];
const SQL_TYPES: Readonly<Record<string, string>> = { ts: 'TIMESTAMP', d: 'DECIMAL(10,2)' };
const COLUMNS: OutputColumns = EVERY.map(({ name, type, list }) => ({ name, type, list, sqlType: SQL_TYPES[name] }));
const RUN = { columns: COLUMNS, chunks: [[{ rows: 3, columns: EVERY }]] };

test('Parquet: every type is written as what it is, and read back as it was', async () => {
  await using folder = await temporaryFolder();
  await writeOutput(folder.path, { path: 'out.parquet' }, RUN);
  const described = await sql(`DESCRIBE SELECT * FROM '${folder.path}/out.parquet'`);
  assert.deepEqual(Object.fromEntries(described.map((row) => [row['column_name'], row['column_type']])), {
    b: 'BOOLEAN',
    i8: 'TINYINT',
    i64: 'BIGINT',
    u64: 'UBIGINT',
    f32: 'FLOAT',
    f64: 'DOUBLE',
    'te"xt': 'VARCHAR',
    x: 'BLOB',
    p: 'FLOAT[]',
    r: 'BIGINT[]',
    n: 'VARCHAR[][]',
    ts: 'TIMESTAMP',
    d: 'DECIMAL(10,2)',
  });
  const { rows } = await readAll(
    folder.path,
    { path: 'out.parquet' },
    COLUMNS.map(({ name }) => ({ name })),
  );
  const expected = [0, 1, 2].map((i) =>
    Object.fromEntries(
      EVERY.map((column) => {
        const { name, type, nulls } = column;
        if (nulls?.[i] === 1) return [name, null];
        if (name === 'p') return [name, [...flat.subarray(i * 2, i * 2 + 2)]];
        const value: unknown = column.values[i];
        return [name, type === 'BOOL' ? value === 1 : value];
      }),
    ),
  );
  assert.deepEqual(rows, expected);
});

test('CSV: lists are JSON text, and empty texts are not missing ones', async () => {
  await using folder = await temporaryFolder();
  await writeOutput(folder.path, { path: 'out.csv' }, RUN);
  const [header, ...lines] = (await readFile(join(folder.path, 'out.csv'), 'utf8')).split(/\n(?=true|false|,|$)/);
  assert.equal(header, 'b,i8,i64,u64,f32,f64,"te""xt",x,p,r,n,ts,d');
  assert.equal(
    lines[0],
    'true,-128,-9223372036854775808,0,0.1,0.1,"é,""\n",\\xFF\\x00,"[0.10000000149011612,0.8999999761581421]","[1,2]","[[""a""],[""b"",""c""]]",2026-11-23 11:00:00.123456,12.30',
  );
  assert.equal(lines[1], 'false,0,0,1,-0.0,,"","","[null,1.0]",[],[[]],1970-01-01 00:00:00,-0.01');
});

test('NDJSON: every line is JSON, without NaN', async () => {
  await using folder = await temporaryFolder();
  await writeOutput(folder.path, { path: 'out.ndjson' }, RUN);
  const lines = (await readFile(join(folder.path, 'out.ndjson'), 'utf8')).trimEnd().split('\n');
  const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(rows[1]!['p'], [null, 1]);
  assert.equal(rows[2]!['f32'], null);
  assert.deepEqual(rows[0]!['n'], [['a'], ['b', 'c']]);
});

test('chunks make one file, in their order, whatever the format', async () => {
  await using folder = await temporaryFolder();
  const chunks = [
    [numbered(0, 150_000), numbered(150_000, 200_001)],
    [],
    [numbered(200_001, 200_002)],
    [numbered(200_002, 260_000)],
  ].map((parts) => parts);
  for (const path of ['a.parquet', 'a.csv', 'a.ndjson', 'a.csv.gz', 'a.ndjson.zst']) {
    const { manifest } = await writeOutput(folder.path, { path }, { columns: NUMBERED, chunks });
    const read = await readAll(folder.path, { path }, [
      { name: 'id', as: 'INT64' },
      { name: 't', as: 'TEXT' },
    ]);
    assert.equal(read.rows.length, 260_000, path);
    assert.ok(
      read.rows.every(({ id, t }, i) => id === BigInt(i) && t === `row ${i}`),
      path,
    );
    const bytes = await readFile(join(folder.path, path));
    assert.equal(manifest.rows, 260_000);
    assert.deepEqual(manifest.files, [
      { path, rows: 260_000, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
    ]);
  }
  assert.equal(
    gunzipSync(await readFile(join(folder.path, 'a.csv.gz')))
      .toString()
      .split('\n').length,
    260_002,
  );
  assert.ok(zstdDecompressSync(await readFile(join(folder.path, 'a.ndjson.zst'))).length > 1_000_000);
  // Statistics were moved with their row groups: a filter finds rows of each chunk.
  const [found] = await sql(`SELECT count(*) AS n FROM '${folder.path}/a.parquet' WHERE id IN (5, 200001, 259999)`);
  assert.equal(found!['n'], 3n);
});

test('the same chunks make the same bytes', async () => {
  await using folder = await temporaryFolder();
  const chunks = [[numbered(0, 300_000)], [numbered(300_000, 400_000)]];
  for (const format of ['parquet', 'csv', 'ndjson']) {
    const files = await Promise.all(
      ['a', 'b'].map(async (name) => {
        await writeOutput(folder.path, { path: `${name}.${format}` }, { runId: name, columns: NUMBERED, chunks });
        return readFile(join(folder.path, `${name}.${format}`));
      }),
    );
    assert.ok(files[0]!.equals(files[1]!), format);
  }
});

test('an interval replaces itself and leaves the others', async () => {
  await using folder = await temporaryFolder();
  const output = { path: 'scores/' };
  const later = { startMs: INTERVAL.endMs, endMs: INTERVAL.endMs + 1_800_000 };
  const write = (runId: string, interval: typeof INTERVAL, to: number) =>
    writeOutput(folder.path, output, { runId, interval, columns: NUMBERED, chunks: [[numbered(0, to)]] });
  const { outputs, manifest } = await write('a', INTERVAL, 10);
  assert.deepEqual(outputs, [join(folder.path, 'scores/interval=20261123T110000Z/part-00000.parquet')]);
  assert.deepEqual(manifest.interval, { start: '2026-11-23T11:00:00Z', end: '2026-11-23T11:30:00Z' });
  await write('b', later, 5);
  await write('c', INTERVAL, 3);
  const rows = await sql(
    `SELECT interval, count(*)::INTEGER AS n FROM read_parquet('${folder.path}/scores/**/*.parquet', hive_partitioning = true) GROUP BY interval ORDER BY interval`,
  );
  assert.deepEqual(rows, [
    { interval: '20261123T110000Z', n: 3 },
    { interval: '20261123T113000Z', n: 5 },
  ]);
  assert.deepEqual((await readdir(folder.path)).sort(), ['.scores.servery', 'scores']);
});

test('an interval that overlaps another one is refused before any work, until that one is removed', async () => {
  await using folder = await temporaryFolder();
  const { startMs, endMs } = INTERVAL;
  const write = (runId: string, interval: typeof INTERVAL | undefined) =>
    writeOutput(
      folder.path,
      { path: 'scores/' },
      { runId, ...(interval && { interval }), columns: NUMBERED, chunks: [[numbered(0, 2)]] },
    );
  await write('a', INTERVAL);
  const overlapping = [
    { startMs, endMs: endMs + 1_800_000 },
    { startMs, endMs: endMs - 1 },
    { startMs: startMs + 60_000, endMs: endMs - 60_000 },
    { startMs: startMs - 500, endMs: startMs + 1 },
    undefined,
  ];
  for (const interval of overlapping) {
    await assert.rejects(write('b', interval), {
      code: 'OUTPUT_INVALID',
      message: /it holds that of interval 20261123T110000Z-20261123T113000Z, and their rows would be there twice/,
      hint: /^Remove "interval=20261123T110000Z\/part-00000.parquet"/,
    });
  }
  await write('c', { startMs: startMs - 500, endMs: startMs });
  await write('d', { startMs: endMs, endMs: endMs + 1 });
  // One that overlaps comes to its end while this one is at work.
  await rm(join(folder.path, 'scores'), { recursive: true });
  await using slow = await openOutput(outputOptions.parse({ path: 'scores/' }), NUMBERED, {
    interval: { startMs, endMs: endMs + 60_000 },
    workspace: folder.path,
    runId: 'slow',
    step: 'predict',
  });
  await write('quick', INTERVAL);
  const confirmLease = () => Promise.resolve();
  const finished = { staged: [], badRows: [], facts: {}, confirmLease };
  await assert.rejects(slow.finalise(finished), { code: 'OUTPUT_INVALID' });
  const [row] = await sql(`SELECT count(*)::INTEGER AS n FROM '${folder.path}/scores/**/*.parquet'`);
  assert.equal(row!['n'], 2);
});

test('append adds a file for each run, once', async () => {
  await using folder = await temporaryFolder();
  const run = (runId: string) => ({ runId, interval: INTERVAL, columns: NUMBERED, chunks: [[numbered(0, 4)]] });
  for (const runId of ['a', 'b', 'a']) await writeOutput(folder.path, { path: 'scores/', mode: 'append' }, run(runId));
  const [row] = await sql(`SELECT count(*)::INTEGER AS n FROM '${folder.path}/scores/**/*.parquet'`);
  assert.equal(row!['n'], 8);
});

test('many files follow their manifest, and the generation before goes', async () => {
  await using folder = await temporaryFolder();
  const output = { path: 'scores/', files: 'many' };
  const run = (runId: string, chunks: number) => ({
    runId,
    interval: INTERVAL,
    columns: NUMBERED,
    chunks: Array.from({ length: chunks }, (_, i) => [numbered(i, i + 1)]),
  });
  await writeOutput(folder.path, output, run('a', 3));
  const { outputs } = await writeOutput(folder.path, output, run('b', 2));
  assert.deepEqual((await readdir(join(folder.path, 'scores/interval=20261123T110000Z'))).length, 2);
  assert.equal(outputs.length, 2);
  await writeOutput(folder.path, { path: 'scores/' }, run('c', 2));
  assert.deepEqual(await readdir(join(folder.path, 'scores/interval=20261123T110000Z')), ['part-00000.parquet']);
});

test('no rows make a file with columns', async () => {
  await using folder = await temporaryFolder();
  for (const path of ['a.parquet', 'a.csv', 'a.ndjson']) {
    const { manifest } = await writeOutput(folder.path, { path }, { columns: COLUMNS, chunks: [] });
    assert.equal(manifest.rows, 0);
  }
  assert.equal((await sql(`DESCRIBE SELECT * FROM '${folder.path}/a.parquet'`)).length, EVERY.length);
  assert.match(await readFile(join(folder.path, 'a.csv'), 'utf8'), /^b,i8,.*,d\n$/);
});

test('texts that are no texts after all become bytes, in every chunk', async () => {
  await using folder = await temporaryFolder();
  const columns: OutputColumns = [{ name: 't', type: 'TEXT' }];
  const chunk = (...values: unknown[]) => [
    { rows: values.length, columns: [{ name: 't', type: 'TEXT' as const, values }] },
  ];
  await writeOutput(
    folder.path,
    { path: 'a.parquet' },
    { columns, chunks: [chunk('a', Buffer.from('é')), chunk('b')] },
  );
  assert.deepEqual(
    (await sql(`SELECT t FROM '${folder.path}/a.parquet'`)).map(({ t }) => t),
    ['a', 'é', 'b'],
  );
  const mixed = [...chunk('a'), ...chunk(Uint8Array.of(255)), ...chunk('c')];
  await writeOutput(folder.path, { path: 'b.parquet' }, { columns, chunks: [chunk('x'), mixed] });
  const { rows } = await readAll(folder.path, { path: 'b.parquet' }, [{ name: 't' }]);
  assert.deepEqual(
    rows.map(({ t }) => Buffer.from(t as Uint8Array).toString('latin1')),
    ['x', 'a', '\xff', 'c'],
  );
});

test('lists whose lengths change later', async () => {
  await using folder = await temporaryFolder();
  const columns: OutputColumns = [{ name: 'p', type: 'LIST', list: { item: 'FP64', depth: 1 } }];
  const part = (rows: number, ...values: number[]) => ({
    rows,
    columns: [
      {
        name: 'p',
        type: 'LIST' as const,
        list: { item: 'FP64' as const, depth: 1 },
        flat: Float64Array.from(values),
        values: Array.from({ length: rows }, (_, i) =>
          values.slice((i * values.length) / rows, ((i + 1) * values.length) / rows),
        ),
      },
    ],
  });
  await writeOutput(
    folder.path,
    { path: 'a.parquet' },
    { columns, chunks: [[part(2, 1, 2, 3, 4), part(1, 5, 6, 7)], [part(1, 8)]] },
  );
  const { rows } = await readAll(folder.path, { path: 'a.parquet' }, [{ name: 'p' }]);
  assert.deepEqual(
    rows.map(({ p }) => p),
    [[1, 2], [3, 4], [5, 6, 7], [8]],
  );
});

test('bad rows have a file of their own', async () => {
  await using folder = await temporaryFolder();
  const bad = {
    source: 'a.csv',
    row: 3,
    rows: 1,
    line: 4,
    stage: 'parse',
    code: 'DATA_INVALID',
    message: 'no',
    payload: { x: 9007199254740993n },
  } as const;
  const { badRows } = await writeOutput(
    folder.path,
    { path: 'scores/' },
    { columns: NUMBERED, chunks: [[numbered(0, 1)]], bad: [bad] },
  );
  assert.deepEqual(badRows, [join(folder.path, '.scores.servery/bad/run.predict.ndjson')]);
  assert.deepEqual(JSON.parse(await readFile(badRows[0]!, 'utf8')), {
    source: 'a.csv',
    row: 3,
    line: 4,
    stage: 'parse',
    code: 'DATA_INVALID',
    message: 'no',
    payload: { x: '9007199254740993' },
  });
});

test('a lease that was lost makes nothing visible', async () => {
  await using folder = await temporaryFolder();
  const confirmLease = () => Promise.reject(new Error('lost'));
  await assert.rejects(
    writeOutput(folder.path, { path: 'scores/' }, { columns: NUMBERED, chunks: [[numbered(0, 1)]], confirmLease }),
  );
  assert.deepEqual(await readdir(folder.path), ['.scores.servery']);
});

test('what cannot be is refused', async () => {
  await using folder = await temporaryFolder();
  const run = { columns: NUMBERED, chunks: [] };
  await assert.rejects(writeOutput(folder.path, { path: 'a.parquet', mode: 'append' }, run), {
    code: 'OUTPUT_INVALID',
  });
  await assert.rejects(writeOutput(folder.path, { path: 'a/', compression: 'gzip' }, run), { code: 'OUTPUT_INVALID' });
  await writeFile(join(folder.path, 'file'), '');
  await assert.rejects(writeOutput(folder.path, { path: 'file/scores/' }, run), { code: 'OUTPUT_INVALID' });
});
