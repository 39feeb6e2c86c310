/** Rows of a SQLite file, one at a time: `node:sqlite` reads them as they are asked for. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ColumnType } from '../core/columns.ts';
import { ServeryError, quote } from '../core/errors.ts';
import type { DatabaseRows, RowQuery } from './database-input.ts';
import { translateFailure } from './failures.ts';
import type { InputContext } from './input.ts';
import type { InputOptions } from './options.ts';
import { ident } from './sql-text.ts';

const BATCH_ROWS = 1000;
const BUSY_MS = 5000;

export function sqliteRows(options: InputOptions, { workspace }: InputContext): Promise<DatabaseRows> {
  const path = resolve(workspace, options.sqlite!);
  if (!existsSync(path)) throw new ServeryError('DATA_NOT_FOUND', `Cannot find the database ${quote(options.sqlite!)}`);
  const from = options.table === undefined ? `(${options.query!}\n)` : ident(options.table);
  const database = attempt(() => new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS }));
  const columns = attempt(() =>
    database
      .prepare(`SELECT * FROM ${from} LIMIT 0`)
      .columns()
      .map(({ name, type }) => ({ name, ...typeOf(type) })),
  );
  return Promise.resolve({
    name: `sqlite:${options.sqlite!}${options.table === undefined ? '' : `#${options.table}`}`,
    columns,
    // A generator, for what waits between two rows: the file that they are written to.
    async *read(query: RowQuery) {
      const statement = attempt(() => database.prepare(selectText(from, query)));
      statement.setReadBigInts(true);
      statement.setReturnArrays(true);
      let batch: string[][] = [];
      try {
        for (const row of statement.iterate() as Iterable<unknown>) {
          batch.push((row as unknown[]).map(jsonText));
          if (batch.length < BATCH_ROWS) continue;
          yield batch;
          batch = [];
        }
      } catch (error) {
        throw failure(error);
      }
      if (batch.length > 0) yield batch;
    },
    [Symbol.asyncDispose]: () => {
      database.close();
      return Promise.resolve();
    },
  });
}

function selectText(from: string, { columns, where, time, limit }: RowQuery): string {
  const conditions = where === undefined ? [] : [`(${where}\n)`];
  if (time?.unit !== undefined) {
    const scale = { s: 1, ms: 1000, us: 1e6, ns: 1e9 }[time.unit] ?? 1;
    const [start, end] = [time.interval.startMs, time.interval.endMs].map((ms) => BigInt(ms) * BigInt(scale));
    // One more on either side: a second lies between two of its milliseconds. Texts are left for a closer look.
    const column = ident(time.column.name);
    conditions.push(
      `(typeof(${column}) NOT IN ('integer', 'real') OR (${column} >= ${start! / 1000n - 1n} AND ${column} <= ${end! / 1000n + 1n}))`,
    );
  }
  return (
    `SELECT ${columns.map(ident).join(', ') || '1'} FROM ${from}` +
    (conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`) +
    (limit === undefined ? '' : ` LIMIT ${limit}`)
  );
}

/** Declared types are only advice in SQLite; what a value is decides when it is read. */
function typeOf(declared: string | null): { readonly type: ColumnType; readonly time: 'number' | undefined } {
  const text = (declared ?? '').toUpperCase();
  if (text.includes('INT')) return { type: 'INT64', time: 'number' };
  if (/CHAR|CLOB|TEXT/.test(text)) return { type: 'TEXT', time: undefined };
  if (text.includes('BLOB')) return { type: 'BYTES', time: undefined };
  if (/REAL|FLOA|DOUB/.test(text)) return { type: 'FP64', time: 'number' };
  return { type: 'OTHER', time: undefined };
}

function jsonText(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'));
  // JSON has no word for infinity; as a text it is a bad row wherever a number is needed.
  if (typeof value === 'number' && !Number.isFinite(value)) return JSON.stringify(String(value));
  // Written out in full, the digits of a large one would look like those of an integer.
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) return value.toExponential();
  return JSON.stringify(value);
}

function attempt<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw failure(error);
  }
}

function failure(error: unknown): ServeryError {
  const message = error instanceof Error ? error.message : '';
  if (/no such (table|column)/.test(message)) {
    return new ServeryError('DATA_NOT_FOUND', 'Cannot read the database: a table or column is not there', {
      cause: error,
    });
  }
  return translateFailure(error, 'DATABASE_FAILED');
}
