/**
 * Tables and queries of a database as an input.
 *
 * A database does not stand still, and has no row numbers to come back to: planning copies the rows that are asked for,
 * in one snapshot, to a file of JSON lines, and everything else reads that. So a resume sees the same rows, and a
 * value that is not what its column is for makes a bad row, as in any NDJSON file.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ColumnType } from '../core/columns.ts';
import type { DataInterval } from '../core/data-interval.ts';
import { ServeryError, quote } from '../core/errors.ts';
import type { DuckDb } from './duckdb.ts';
import { syncFile } from './durable.ts';
import type { Input, InputContext, InputPlan, WantedColumn } from './input.ts';
import { ndjsonFormat } from './ndjson-format.ts';
import type { InputOptions } from './options.ts';
import { sealPlan } from './plan-chunks.ts';
import { postgresRows } from './postgres-rows.ts';
import { givenName, missingColumn, originalName, type Source } from './source.ts';
import { sqliteRows } from './sqlite-rows.ts';
import { textSource } from './text-input.ts';
import { openSpool } from './text-ranges.ts';

export interface DatabaseColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** How the database compares it with the bounds of an interval. */
  readonly time: 'instant' | 'number' | undefined;
}

export interface DatabaseRows extends AsyncDisposable {
  /** `sqlite:shop.db#orders`: for people. */
  readonly name: string;
  readonly columns: readonly DatabaseColumn[];
  /** Rows in batches, as values of JSON by column, all of one snapshot. */
  read(query: RowQuery): AsyncIterable<readonly (readonly JsonText[])[]>;
}

/** JSON text of one value. */
type JsonText = string;

export interface RowQuery {
  readonly columns: readonly string[];
  readonly where: string | undefined;
  /** Leaves out what certainly lies outside; what comes is looked at again. */
  readonly time:
    { readonly column: DatabaseColumn; readonly interval: DataInterval; readonly unit: string | undefined } | undefined;
  readonly limit: number | undefined;
}

export function databaseInput(options: InputOptions, context: InputContext, duckdb: DuckDb): Input {
  const spooled: InputOptions = {
    ...options,
    where: undefined,
    format: 'ndjson',
    compression: 'none',
    hivePartitions: false,
  };
  const source: Source = { options: spooled, context, duckdb };
  const text = textSource(ndjsonFormat);
  const open = () => (options.sqlite === undefined ? postgresRows(options, context) : sqliteRows(options, context));

  const copy = async (wanted: readonly WantedColumn[], name: string, limit?: number) => {
    await using rows = await open();
    const find = (column: string) => {
      const original = originalName(options, column);
      const found = rows.columns.find((other) => other.name === original);
      if (found === undefined) throw missingColumn(original, rows.name);
      return found;
    };
    const time = options.timeColumn === undefined ? undefined : find(options.timeColumn);
    if (time?.time === 'number' && options.timeUnit === undefined) {
      throw new ServeryError('DATA_INVALID', `The time column ${quote(time.name)} has numbers: say what they count`, {
        hint: 'Set `input.timeUnit` to s, ms, us or ns.',
      });
    }
    const columns = [
      ...new Set([...wanted.map((column) => find(column.name).name), ...(time === undefined ? [] : [time.name])]),
    ];
    const path = join(context.spoolFolder, name);
    await mkdir(context.spoolFolder, { recursive: true });
    const keys = columns.map((column) => JSON.stringify(column));
    {
      await using spool = await openSpool(path);
      const { interval } = context;
      const bounds =
        time === undefined || interval === undefined ? undefined : { column: time, interval, unit: options.timeUnit };
      for await (const batch of rows.read({ columns, where: options.where, time: bounds, limit })) {
        context.signal?.throwIfAborted();
        const lines = batch.map((values) => `{${values.map((value, i) => `${keys[i]!}:${value}`).join(',')}}\n`);
        await spool.write([Buffer.from(lines.join(''))]);
      }
    }
    await syncFile(path);
    return { path, name: rows.name };
  };

  return {
    async describe() {
      await using rows = await open();
      return rows.columns.map(({ name, type }) => ({ name: givenName(options, name), type }));
    },

    async plan(wanted): Promise<InputPlan> {
      const spool = await copy(wanted, 'rows.ndjson');
      const { checksum: _, ...plan } = await text.plan(source, [spool.path], wanted, 'fail');
      return sealPlan({ ...plan, files: plan.files.map((file) => ({ ...file, source: spool.name })) });
    },

    async sample(wanted, rows) {
      const spool = await copy(wanted, 'sample.ndjson', rows);
      try {
        return await text.sample(source, spool.path, wanted, rows);
      } finally {
        await rm(spool.path, { force: true });
      }
    },

    read: (plan, chunk, damage) => text.read(source, plan, chunk, damage),

    async [Symbol.asyncDispose]() {
      await text[Symbol.asyncDispose]();
      duckdb.close();
    },
  };
}
