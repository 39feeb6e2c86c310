/** Rows of PostgreSQL through a cursor, in one repeatable-read transaction: all of them as of one moment. */
import type Cursor from 'pg-cursor';
import type { ColumnType } from '../core/columns.ts';
import { formatInstant } from '../core/data-interval.ts';
import { ServeryError } from '../core/errors.ts';
import type { DatabaseColumn, DatabaseRows, RowQuery } from './database-input.ts';
import { translateFailure } from './failures.ts';
import type { InputContext } from './input.ts';
import type { InputOptions } from './options.ts';
import { connectPostgres, tableName } from './postgres-client.ts';
import { ident, literal } from './sql-text.ts';

const BATCH_ROWS = 2000;
const DAY_MS = 86_400_000;
const AS_TEXT = { types: { getTypeParser: () => (text: string) => text } } as const;

interface PostgresType {
  readonly type: ColumnType;
  readonly time?: DatabaseColumn['time'];
  /** Text of PostgreSQL → JSON. */
  readonly json: (text: string) => string;
}

const asIs = (text: string) => text;
const number = (text: string) => (/^-?[0-9.]+(e[+-]?[0-9]+)?$/i.test(text) ? text : JSON.stringify(text));
const string = (text: string) => JSON.stringify(text);
const boolean = (text: string) => (text === 't' ? 'true' : 'false');
const bytes = (text: string) => JSON.stringify(Buffer.from(text.slice(2), 'hex').toString('base64'));

const TEXT: PostgresType = { type: 'TEXT', json: string };
const INSTANT: PostgresType = { type: 'OTHER', time: 'instant', json: string };
const numbers = (type: ColumnType): PostgresType => ({ type, time: 'number', json: number });
const list = (item: (text: string) => string): PostgresType => ({
  type: 'LIST',
  json: (text) => arrayJson(text, item),
});

/** By the numbers of pg_type. Everything else is text. */
const TYPES: Readonly<Record<number, PostgresType>> = {
  16: { type: 'BOOL', json: boolean },
  17: { type: 'BYTES', json: bytes },
  20: numbers('INT64'),
  21: numbers('INT16'),
  23: numbers('INT32'),
  700: numbers('FP32'),
  701: numbers('FP64'),
  1700: numbers('FP64'),
  114: { type: 'OTHER', json: asIs },
  3802: { type: 'OTHER', json: asIs },
  1082: INSTANT,
  1114: INSTANT,
  1184: INSTANT,
  1000: list(boolean),
  1005: list(number),
  1007: list(number),
  1016: list(number),
  1021: list(number),
  1022: list(number),
  1231: list(number),
  1009: list(string),
};

export async function postgresRows(options: InputOptions, _context: InputContext): Promise<DatabaseRows> {
  const Cursor = await loadCursor();
  const client = await connectPostgres(options.postgres!);
  const from = options.table === undefined ? `(${options.query!}\n) AS q` : tableName(options.table);
  const close = async () => {
    await client.end().catch(() => undefined);
  };
  try {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { fields } = await client.query(`SELECT * FROM ${from} LIMIT 0`);
    const types = new Map(fields.map(({ name, dataTypeID }) => [name, TYPES[dataTypeID] ?? TEXT]));
    return {
      name: `postgres:${options.table ?? 'query'}`,
      columns: Array.from(types, ([name, { type, time }]) => ({ name, type, time })),
      async *read(query) {
        const readers = query.columns.map((name) => types.get(name)!.json);
        const text = selectText(from, query);
        const cursor = client.query(new Cursor(text, [], { rowMode: 'array', ...AS_TEXT } as Cursor.CursorQueryConfig));
        try {
          for (;;) {
            const rows = (await cursor.read(BATCH_ROWS)) as (string | null)[][];
            if (rows.length === 0) return;
            yield rows.map((row) => row.map((value, i) => (value === null ? 'null' : readers[i]!(value))));
          }
        } catch (error) {
          throw translateFailure(error, 'DATABASE_FAILED');
        } finally {
          await cursor.close().catch(() => undefined);
        }
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    const isMissing = ['42P01', '42703'].includes((error as { code?: string }).code ?? '');
    if (!isMissing) throw translateFailure(error, 'DATABASE_FAILED');
    throw new ServeryError('DATA_NOT_FOUND', 'Cannot read the database: a table or column is not there', {
      cause: error,
    });
  }
}

async function loadCursor(): Promise<typeof Cursor> {
  try {
    return (await import('pg-cursor')).default;
  } catch (cause) {
    throw new ServeryError('DATASET_MISSING', 'Cannot use PostgreSQL: pg-cursor is not installed', { cause });
  }
}

function selectText(from: string, { columns, where, time, limit }: RowQuery): string {
  const conditions = where === undefined ? [] : [`(${where}\n)`];
  if (time !== undefined) {
    const { startMs, endMs } = time.interval;
    const column = ident(time.column.name);
    if (time.column.time === 'instant') {
      // A day more on either side, for times without a zone: an index serves this, and a closer look follows.
      const [start, end] = [startMs - DAY_MS, endMs + DAY_MS].map((ms) => `${literal(formatInstant(ms))}::timestamptz`);
      conditions.push(`${column} >= ${start!}`, `${column} < ${end!}`);
    } else if (time.column.time === 'number') {
      const scale = { s: 1n, ms: 1000n, us: 1_000_000n, ns: 1_000_000_000n }[time.unit ?? 's'] ?? 1n;
      const [start, end] = [startMs, endMs].map((ms) => (BigInt(ms) * scale) / 1000n);
      conditions.push(`${column} >= ${start! - 1n}`, `${column} <= ${end! + 1n}`);
    }
  }
  return (
    `SELECT ${columns.map(ident).join(', ')} FROM ${from}` +
    (conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`) +
    (limit === undefined ? '' : ` LIMIT ${limit}`)
  );
}

/** `{1,NULL,{"a b"}}` → JSON. */
function arrayJson(text: string, item: (text: string) => string): string {
  let at = 0;
  const element = (): string => {
    if (text[at] === '{') {
      at += 1;
      const items: string[] = [];
      while (text[at] !== '}') {
        items.push(element());
        if (text[at] === ',') at += 1;
      }
      at += 1;
      return `[${items.join(',')}]`;
    }
    if (text[at] === '"') {
      let value = '';
      for (at += 1; text[at] !== '"'; at += 1) {
        if (text[at] === '\\') at += 1;
        value += text[at]!;
      }
      at += 1;
      return item(value);
    }
    const [word = ''] = /^[^,}]*/.exec(text.slice(at)) ?? [];
    at += word.length;
    return word === 'NULL' ? 'null' : item(word);
  };
  return element();
}
