/**
 * Every value comes out as it went in, whatever the collector takes away meanwhile: each way in and out, each type.
 *
 * What is read lies in memory of DuckDB, of executors and of pools that are used again. A mistake there shows as values
 * of other rows, and only when a collection falls between two steps: here they fall between all of them.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DuckDBInstance, DuckDBResult } from '@duckdb/node-api';
import { createFileLedger } from '../../../../src/jobs/predict/file-ledger.ts';
import { batchWorkspace } from '../../../support/batch-models.ts';
import { runStep, sql } from '../../../support/predict-step.ts';

const ROWS = 5000;
/** Two chunks, the first of several vectors. */
const CHUNK_ROWS = 4500;

/** What a value is, by the number of its row `n`. */
const COLUMNS = {
  text: `CASE n % 3 WHEN 0 THEN 'short ' || n WHEN 1 THEN 'a text of more than twelve bytes, ' || n ELSE '' END`,
  unicode: `'모델 “quoted”, "twice", new\nline; é ' || n`,
  flag: 'n % 2 = 0',
  tiny: '(n % 256 - 128)::TINYINT',
  short: '(n % 65536 - 32768)::SMALLINT',
  int: '(n * 1000 - 4000000)::INTEGER',
  big: '9007199254740993 + n',
  utiny: '(n % 256)::UTINYINT',
  ushort: '(n % 65536)::USMALLINT',
  uint: '(4294967295 - n)::UINTEGER',
  ubig: '18446744073709551615::UBIGINT - n::UBIGINT',
  float: '(n / 3)::FLOAT',
  double: 'n / 7',
  decimal: '((n * 10 + 1) / 100)::DECIMAL(18, 2)',
  wide: `('1234567890123456789012345678.' || lpad((n % 10000)::VARCHAR, 4, '0'))::DECIMAL(38, 4)`,
  date: `DATE '2026-03-29' + n::INTEGER`,
  time: `TIME '00:00:00' + to_seconds(n)`,
  stamp: `TIMESTAMP '2026-03-29 00:59:59.123456' + to_seconds(n)`,
  stampNs: `TIMESTAMP_NS '2026-03-29 00:59:59.123456789'`,
  stampTz: `TIMESTAMPTZ '2026-03-29 00:59:59.123456Z' + to_minutes(n)`,
  uuid: `('00000000-0000-4000-8000-' || lpad(n::VARCHAR, 12, '0'))::UUID`,
  bytes: `encode('bytes, more than twelve, ' || n) || '\\x00\\xFF'::BLOB`,
  kind: `CASE n % 2 WHEN 0 THEN 'even' ELSE 'odd' END::ENUM('even', 'odd')`,
};
const LISTS = {
  numbers: '[n, n + 0.5, -n]::DOUBLE[]',
  ragged: 'list_transform(range(n % 5), lambda v: v * n)::BIGINT[]',
  texts: `['first of row ' || n, 'second of row ' || n, NULL]`,
  nested: '[[n, n + 1], [], [n]]::INTEGER[][]',
  blobs: `[encode('a blob of a list of row ' || n), NULL]`,
};
const STRUCTURES = {
  struct: `{'a': n, 'b': ['in a structure of row ' || n]}`,
  map: `MAP {'key of row ' || n: n}`,
};

type Values = Readonly<Record<string, string>>;

/** Other values of the same sizes are from this row number on. */
const OTHERS = 100_000;

/** Rows with a number `id`, the input `x` of the model, and a null in every seventh place of the others. */
function select(columns: Values, from = 0, rows = ROWS): string {
  const sparse = Object.entries(columns).map(
    ([name, value], i) => `CASE WHEN (n + ${i}) % 7 <> 0 THEN ${value} END AS "${name}"`,
  );
  return `SELECT n AS id, (n / 8)::FLOAT AS x, ${sparse.join(', ')} FROM range(${from}, ${from + rows}) t(n)`;
}

const each = (columns: Values, form: (value: string) => string): Values =>
  Object.fromEntries(Object.entries(columns).map(([name, value]) => [name, form(value)]));
const json = (value: string) => `to_json(${value})`;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** From now on, whenever a chunk comes, what nobody holds is collected, and what is free then is written over. */
async function forgetEverything(other: string): Promise<AsyncDisposable> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const { fetchChunk } = DuckDBResult.prototype;
  const others: unknown[] = [];
  DuckDBResult.prototype.fetchChunk = async function (this: DuckDBResult) {
    const chunk = await fetchChunk.call(this);
    for (let i = 0; i < 2; i += 1) {
      collect();
      await nextTurn();
    }
    const result = await connection.stream(`SELECT * FROM ${other}`);
    for (let i = 0; i < 3; i += 1) others.push(await fetchChunk.call(result));
    others.splice(0, others.length - 12);
    return chunk;
  };
  return {
    [Symbol.asyncDispose]: () => {
      DuckDBResult.prototype.fetchChunk = fetchChunk;
      connection.closeSync();
      instance.closeSync();
      return Promise.resolve();
    },
  };
}

/** How a file is read again, each value as a text. */
const READERS: Readonly<Record<string, (path: string, columns: Values) => string>> = {
  parquet: (path) => `read_parquet('${path}')`,
  csv: (path) => `read_csv('${path}', all_varchar = true, header = true, allow_quoted_nulls = false)`,
  ndjson: (path, columns) => {
    const names = ['id', 'x', 'y', ...Object.keys(columns)];
    const types = names.map((name) => `'${name}': 'JSON'`).join(', ');
    const texts = names.map(
      (name) =>
        `CASE json_type("${name}") WHEN 'NULL' THEN NULL WHEN 'VARCHAR' THEN json_extract_string("${name}", '$') ELSE "${name}"::VARCHAR END AS "${name}"`,
    );
    return `(SELECT ${texts.join(', ')} FROM read_json('${path}', format = 'newline_delimited', columns = {${types}}))`;
  },
};

async function compare(columns: Values, expected: string, found: string): Promise<void> {
  const names = ['id', 'x', ...Object.keys(columns)];
  const differing = names.map(
    (name) => `count(*) FILTER (a."${name}"::VARCHAR IS DISTINCT FROM b."${name}"::VARCHAR)::INT AS "${name}"`,
  );
  const answers = 'count(*) FILTER (b.y::DOUBLE IS DISTINCT FROM 2 * a.x::DOUBLE)::INT AS y';
  const numbered = (table: string) => `(SELECT *, row_number() OVER () AS place FROM ${table})`;
  const [counts] = await sql(
    `SELECT ${[...differing, answers].join(', ')} FROM ${numbered(expected)} a FULL JOIN ${numbered(found)} b ON a.place = b.place`,
  );
  assert.deepEqual(
    Object.entries(counts!).filter(([, count]) => count !== 0),
    [],
  );
}

const FORMS: Readonly<Record<string, Values>> = {
  parquet: { ...COLUMNS, kind: `(${COLUMNS.kind})::VARCHAR`, ...LISTS, ...each(STRUCTURES, json) },
  csv: { ...COLUMNS, ...each(LISTS, json), ...each(STRUCTURES, json) },
  ndjson: { ...COLUMNS, ...LISTS, ...STRUCTURES },
};

describe('values through a predict step, while the collector works', () => {
  for (const [output, form] of Object.entries(FORMS)) {
    it(`are those of Parquet in ${output}`, async () => {
      await using workspace = await batchWorkspace('doubler');
      const at = (name: string) => join(workspace.path, name);
      await sql(`COPY (${select({ ...COLUMNS, ...LISTS, ...STRUCTURES })}) TO '${at('in.parquet')}'`);
      const copy = output === 'parquet' ? 'PARQUET' : output === 'csv' ? 'CSV, HEADER' : 'JSON';
      await sql(`COPY (${select(form)}) TO '${at('expected')}' (FORMAT ${copy})`);
      await sql(`COPY (${select({ ...COLUMNS, ...LISTS, ...STRUCTURES }, OTHERS)}) TO '${at('other.parquet')}'`);
      await using _ = await forgetEverything(`read_parquet('${at('other.parquet')}')`);
      const { rows } = await runStep(workspace, {
        model: 'doubler',
        input: { path: 'in.parquet', chunkRows: CHUNK_ROWS },
        output: `out.${output}`,
        passthrough: 'all',
      });
      assert.deepEqual(rows, { in: ROWS, out: ROWS, bad: 0, nulled: 0 });
      const read = READERS[output]!;
      await compare(form, read(at('expected'), form), read(at(`out.${output}`), form));
    });
  }

  it('are those of their rows where many pieces use the same memory one after the other', async () => {
    await using workspace = await batchWorkspace('doubler');
    const at = (name: string) => join(workspace.path, name);
    const { flag, big, ubig, float, double, text } = COLUMNS;
    const columns = { flag, big, ubig, float, double, text };
    await sql(`COPY (${select(columns, 0, 100_000)}) TO '${at('in.parquet')}'`);
    const { rows } = await runStep(workspace, {
      model: 'doubler',
      input: 'in.parquet',
      output: 'out.parquet',
      passthrough: 'all',
    });
    assert.equal(rows.out, 100_000);
    const read = READERS['parquet']!;
    await compare(columns, read(at('in.parquet'), columns), read(at('out.parquet'), columns));
  });

  for (const input of ['csv', 'ndjson.zst']) {
    it(`are those of ${input} in Parquet and in the same format`, async () => {
      await using workspace = await batchWorkspace('doubler');
      const at = (name: string) => join(workspace.path, name);
      const isCsv = input.startsWith('csv');
      const [format, packing] = input.split('.') as [string, string | undefined];
      // A number of JSON has no more digits than a double.
      const form = isCsv ? FORMS[format]! : { ...FORMS[format]!, wide: `(${COLUMNS.wide})::VARCHAR` };
      const compression = packing === undefined ? '' : ', COMPRESSION zstd';
      await sql(
        `COPY (${select(form)}) TO '${at(`in.${input}`)}' (FORMAT ${isCsv ? 'CSV, HEADER' : 'JSON'}${compression})`,
      );
      await sql(`COPY (${select(form, OTHERS)}) TO '${at('other')}' (FORMAT ${isCsv ? 'CSV, HEADER' : 'JSON'})`);
      await using _ = await forgetEverything(READERS[format]!(at('other'), form));
      const read = READERS[format]!;
      for (const output of ['out.parquet', `out.${input}`]) {
        const { rows } = await runStep(
          workspace,
          {
            model: 'doubler',
            input: { path: `in.${input}`, chunkRows: CHUNK_ROWS },
            output,
            passthrough: 'all',
          },
          { runId: output },
          createFileLedger(at(`${output}.ledger`)),
        );
        assert.deepEqual(rows, { in: ROWS, out: ROWS, bad: 0, nulled: 0 });
        const found = output.endsWith('parquet') ? READERS['parquet']! : read;
        await compare(form, read(at(`in.${input}`), form), found(at(output), form));
      }
    });
  }
});
