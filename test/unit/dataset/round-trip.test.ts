/** Whatever is written is read back, and reading and writing at once lose nothing. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Column, ColumnType } from '../../../src/core/columns.ts';
import { openInput } from '../../../src/dataset/open-input.ts';
import { openOutput } from '../../../src/dataset/open-output.ts';
import { inputOptions, outputOptions } from '../../../src/dataset/options.ts';
import { readAll, sql } from '../../support/dataset.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { writeOutput } from '../../support/write-output.ts';

const ROWS = 5;
const of = <T>(value: fc.Arbitrary<T>) => fc.array(fc.option(value), { minLength: ROWS, maxLength: ROWS });
const numbers = <T extends number | bigint>(
  type: ColumnType,
  make: (values: T[]) => Column['values'],
  zero: T,
  value: fc.Arbitrary<T>,
) =>
  of(value).map((values) => ({
    type,
    values: make(values.map((each) => each ?? zero)),
    nulls: Uint8Array.from(values, (each) => (each === null ? 1 : 0)),
    expected: values,
  }));
const others = (type: ColumnType, value: fc.Arbitrary<unknown>) =>
  of(value).map((values) => ({
    type,
    values,
    nulls: Uint8Array.from(values, (each) => (each === null ? 1 : 0)),
    expected: values,
  }));

/** Text without NUL, which DuckDB takes for the end of a text, and without halves of characters. */
const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0') && value.isWellFormed());

const COLUMNS = {
  f64: numbers('FP64', (values) => Float64Array.from(values), 0, fc.double()),
  f32: numbers('FP32', (values) => Float32Array.from(values), 0, fc.float()),
  i64: numbers(
    'INT64',
    (values) => BigInt64Array.from(values),
    0n,
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  ),
  u64: numbers('UINT64', (values) => BigUint64Array.from(values), 0n, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  i16: numbers('INT16', (values) => Int16Array.from(values), 0, fc.integer({ min: -32768, max: 32767 })),
  text: others('TEXT', text),
  bytes: others('BYTES', fc.uint8Array()),
};

test('Parquet gives back what it was given', async () => {
  await using folder = await temporaryFolder();
  await fc.assert(
    fc.asyncProperty(fc.record(COLUMNS), async (columns) => {
      const names = Object.keys(columns) as (keyof typeof columns)[];
      const chunk = { rows: ROWS, columns: names.map((name): Column => ({ name, ...columns[name] })) };
      const schema = names.map((name) => ({ name, type: columns[name].type }));
      await writeOutput(folder.path, { path: 'a.parquet' }, { columns: schema, chunks: [[chunk], [chunk]] });
      const { rows } = await readAll(
        folder.path,
        { path: 'a.parquet' },
        schema.map(({ name }) => ({ name })),
      );
      const expected = Array.from({ length: 2 * ROWS }, (_, i) =>
        Object.fromEntries(names.map((name) => [name, columns[name].expected[i % ROWS]])),
      );
      assert.deepEqual(rows, expected);
    }),
    { numRuns: 25 },
  );
});

test('CSV and NDJSON give back numbers and texts', async () => {
  await using folder = await temporaryFolder();
  const finite = numbers(
    'FP64',
    (values) => Float64Array.from(values),
    0,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  await fc.assert(
    fc.asyncProperty(fc.record({ f64: finite, i64: COLUMNS.i64, text: COLUMNS.text }), async (columns) => {
      const names = Object.keys(columns) as (keyof typeof columns)[];
      const chunk = { rows: ROWS, columns: names.map((name): Column => ({ name, ...columns[name] })) };
      const schema = names.map((name) => ({ name, type: columns[name].type }));
      const wanted = schema.map(({ name, type }) => ({ name, as: type }));
      for (const path of ['a.csv', 'a.ndjson']) {
        await writeOutput(folder.path, { path }, { columns: schema, chunks: [[chunk]] });
        const { rows, bad } = await readAll(folder.path, { path }, wanted);
        assert.deepEqual(bad, []);
        // A text that CSV is asked for is empty where there is none.
        const expected = Array.from({ length: ROWS }, (_, i) =>
          Object.fromEntries(
            names.map((name) => [name, columns[name].expected[i] ?? (name === 'text' && path === 'a.csv' ? '' : null)]),
          ),
        );
        assert.deepEqual(rows, expected, path);
      }
    }),
    { numRuns: 25 },
  );
});

test('a stream is not ended by what is written meanwhile', async () => {
  await using folder = await temporaryFolder();
  const total = 500_000;
  await sql(`COPY (SELECT range AS id FROM range(${total})) TO '${folder.path}/a.parquet'`);
  const context = { interval: undefined, workspace: folder.path };
  await using input = await openInput(inputOptions.parse({ path: 'a.parquet' }), {
    ...context,
    timezone: 'UTC',
    spoolFolder: join(folder.path, 'spool'),
  });
  const columns = [{ name: 'id', type: 'INT64' as const }];
  const plan = await input.plan(columns, 'fail');
  await using output = await openOutput(outputOptions.parse({ path: 'out.parquet' }), columns, {
    ...context,
    runId: 'run',
    step: 'predict',
  });
  await using writer = await output.stageChunk(0);
  // More than the 204,800 rows at which an appender flushes by itself.
  for await (const part of input.read(plan, plan.chunks[0]!, 'fail')) {
    if (part.kind === 'rows') await writer.write(part);
  }
  const staged = await writer.finish();
  assert.equal(staged.rows, total);
  await output.finalise({ staged: [staged], badRows: [], facts: {}, confirmLease: () => Promise.resolve() });
  const [row] = await sql(
    `SELECT count(*)::INTEGER AS n, count(DISTINCT id)::INTEGER AS ids FROM '${folder.path}/out.parquet'`,
  );
  assert.deepEqual(row, { n: total, ids: total });
});
