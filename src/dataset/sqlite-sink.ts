/** Writes a run into a SQLite table in one transaction. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ColumnType } from '../core/columns.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { refuseOverlap, type Sink, type SinkOptions } from './database-output.ts';
import { translateFailure } from './failures.ts';
import type { OutputColumns } from './output.ts';
import { ident } from './sql-text.ts';

const BUSY_MS = 30_000;
const COMMITS = 'servery_commits';

type SqliteValue = null | number | bigint | string | Uint8Array;

export function openSqliteSink(path: string, options: SinkOptions, columns: OutputColumns): Sink {
  const { table, mode, key, intervalColumn, interval, run } = options;
  mkdirSync(dirname(path), { recursive: true });
  const database = attempt(() => new DatabaseSync(path, { timeout: BUSY_MS }));
  let isOpen = false;
  const close = () => {
    if (isOpen) database.exec('ROLLBACK');
    isOpen = false;
    database.close();
  };
  try {
    // What is committed is on the disk.
    attempt(() => database.exec('PRAGMA synchronous = FULL'));
    attempt(() => database.exec('BEGIN IMMEDIATE'));
    isOpen = true;
    attempt(() =>
      database.exec(
        `CREATE TABLE IF NOT EXISTS ${COMMITS} (run TEXT NOT NULL, output TEXT NOT NULL, interval TEXT NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (run, output))`,
      ),
    );
    const known = database.prepare(`SELECT 1 FROM ${COMMITS} WHERE run = ? AND output = ?`).get(run, table);
    const isCommitted = known !== undefined;
    if (!isCommitted) attempt(() => prepare(database, options, columns));
    const names = [...columns.map(({ name }) => name), intervalColumn];
    const update = names
      .filter((name) => !key.includes(name))
      .map((name) => `${ident(name)} = excluded.${ident(name)}`);
    const conflict =
      mode === 'upsert' ? ` ON CONFLICT (${key.map(ident).join(', ')}) DO UPDATE SET ${update.join(', ')}` : '';
    const sql = `INSERT INTO ${ident(table)} (${names.map(ident).join(', ')}) VALUES (${names.map(() => '?').join(', ')})${conflict}`;
    const insert = isCommitted ? undefined : attempt(() => database.prepare(sql));
    return {
      isCommitted,
      insert(rows) {
        attempt(() => {
          for (const row of rows) insert!.run(...row.map(sqliteValue), interval);
        });
        return Promise.resolve();
      },
      commit(rows) {
        attempt(() => {
          database.prepare(`INSERT INTO ${COMMITS} VALUES (?, ?, ?, ?)`).run(run, table, interval, rows);
          database.exec('COMMIT');
        });
        isOpen = false;
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => {
        close();
        return Promise.resolve();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

function prepare(database: DatabaseSync, options: SinkOptions, columns: OutputColumns): void {
  const { table, mode, key, intervalColumn, interval } = options;
  const definitions = columns.map(({ name, type }) => `${ident(name)} ${sqliteType(type)}`);
  database.exec(
    `CREATE TABLE IF NOT EXISTS ${ident(table)} (${[...definitions, `${ident(intervalColumn)} TEXT`].join(', ')})`,
  );
  const there = new Set(
    database
      .prepare(`PRAGMA table_info(${ident(table)})`)
      .all()
      .map((row) => String(row['name'])),
  );
  const absent = [...columns.map(({ name }) => name), intervalColumn].find((name) => !there.has(name));
  if (absent !== undefined) {
    throw new ServeryError('OUTPUT_INVALID', `The table ${quote(table)} has no column ${quote(absent)}`);
  }
  if (mode === 'upsert') {
    const index = ident(`servery_key_${table}`);
    database.exec(`CREATE UNIQUE INDEX IF NOT EXISTS ${index} ON ${ident(table)} (${key.map(ident).join(', ')})`);
  } else if (mode === 'replaceInterval') {
    const intervals = database.prepare(`SELECT DISTINCT interval FROM ${COMMITS} WHERE output = ?`).all(table);
    const there = intervals.map((row) => String(row['interval']));
    const has = database.prepare(`SELECT 1 FROM ${ident(table)} WHERE ${ident(intervalColumn)} = ? LIMIT 1`);
    refuseOverlap(
      options,
      there.filter((other) => has.get(other) !== undefined),
    );
    database
      .prepare(`DELETE FROM ${ident(table)} WHERE ${ident(intervalColumn)} = ? OR ? = 'all'`)
      .run(interval, interval);
  }
}

function sqliteType(type: ColumnType): string {
  if (type === 'BOOL' || /INT/.test(type)) return 'INTEGER';
  if (type === 'FP32' || type === 'FP64') return 'REAL';
  return type === 'BYTES' ? 'BLOB' : 'TEXT';
}

const LARGEST = 2n ** 63n - 1n;

function sqliteValue(value: unknown): SqliteValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint' && value > LARGEST) {
    throw new ServeryError('OUTPUT_INVALID', 'SQLite cannot hold an integer above 9223372036854775807');
  }
  return value as SqliteValue;
}

function attempt<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    const isInvalid = /no such|has no column|UNIQUE constraint|syntax|conflict/i.test(
      error instanceof Error ? error.message : '',
    );
    throw translateFailure(error, isInvalid ? 'OUTPUT_INVALID' : 'DATABASE_FAILED');
  }
}
