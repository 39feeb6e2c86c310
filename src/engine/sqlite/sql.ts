/**
 * The file state.db: opened with the settings that durability and several processes need, statements prepared
 * once, and SQLite's result codes as errors that an operator can act on.
 */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { ServeryError } from '../../core/errors.ts';
import { migrate } from './migrations.ts';

/** How long a writer waits for the writer of another process. `node:sqlite` itself would not wait at all. */
const BUSY_TIMEOUT_MS = 5000;
/** The log is cut back to this after it was copied into the file. */
const LOG_LIMIT_BYTES = 16 * 1024 * 1024;

export type SqlValue = string | number | boolean | undefined | null;

export class Sql implements Disposable {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #synchronous: 'NORMAL' | 'FULL' = 'FULL';

  /** @param file absolute path; made, with its folder, readable by its owner only, when it is not there */
  constructor(file: string, options: { readonly maxPages?: number } = {}) {
    this.#db = translated(() => openDatabase(file, options.maxPages));
  }

  all<T>(text: string, ...values: readonly SqlValue[]): T[] {
    return this.#prepare(text).all(...values.map(bindable)) as T[];
  }

  get<T>(text: string, ...values: readonly SqlValue[]): T | undefined {
    return this.#prepare(text).get(...values.map(bindable)) as T | undefined;
  }

  iterate<T>(text: string, ...values: readonly SqlValue[]): Iterable<T> {
    return this.#prepare(text).iterate(...values.map(bindable)) as Iterable<T>;
  }

  /** @returns how many rows were changed */
  run(text: string, ...values: readonly SqlValue[]): number {
    return Number(this.#prepare(text).run(...values.map(bindable)).changes);
  }

  /** Grows whenever another connection has committed. */
  dataVersion(): number {
    return this.get<{ data_version: number }>('PRAGMA data_version')!.data_version;
  }

  begin(durability: 'NORMAL' | 'FULL'): void {
    if (this.#synchronous !== durability) {
      this.#db.exec(`PRAGMA synchronous = ${durability}`);
      this.#synchronous = durability;
    }
    this.#db.exec('BEGIN IMMEDIATE');
  }

  commit(): void {
    this.#db.exec('COMMIT');
  }

  rollback(): void {
    // Some failures (a full disk) have rolled back already.
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
  }

  /** Runs `work` so that its failure undoes it, and nothing else of the transaction. */
  nested<T>(work: () => T): T {
    this.#db.exec('SAVEPOINT command');
    try {
      const value = work();
      this.#db.exec('RELEASE command');
      return value;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK TO command; RELEASE command');
      throw error;
    }
  }

  /** Gives pages that are no longer used back to the file system. */
  shrink(pages: number): void {
    this.#db.exec(`PRAGMA incremental_vacuum(${pages})`);
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#db.close();
  }

  #prepare(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

function openDatabase(file: string, maxPages: number | undefined): DatabaseSync {
  mkdirSync(path.dirname(file), { recursive: true });
  // SQLite gives its companions (log, index) the mode of the file, so that is set before it is opened.
  if (!existsSync(file)) writeFileSync(file, '', { mode: 0o600, flag: 'a' });
  chmodSync(file, 0o600);
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    // Only a new file can be given this; in any other it would wait for the lock, for nothing.
    const { page_count: pages } = db.prepare('PRAGMA page_count').get() as { page_count: number };
    if (pages === 0) db.exec('PRAGMA auto_vacuum = INCREMENTAL');
    db.exec('PRAGMA journal_mode = WAL');
    db.exec(`PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${LOG_LIMIT_BYTES}; PRAGMA foreign_keys = ON`);
    if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`);
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function bindable(value: SqlValue): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value ?? null;
}

/** Calls `work`; what SQLite throws becomes a `ServeryError`. */
export function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw sqliteError(error);
  }
}

/** By primary result code (https://sqlite.org/rescode.html). */
const RESULTS: Readonly<Record<number, { readonly problem: string; readonly hint: string }>> = {
  5: {
    problem: `another process has kept it locked for more than ${BUSY_TIMEOUT_MS} ms`,
    hint: 'Find the process that has .servery/state.db open for writing (a backup, a database shell) and end it.',
  },
  8: { problem: 'it cannot be written', hint: 'Give this user leave to write .servery and the files in it.' },
  10: { problem: 'reading or writing it failed', hint: 'Look at the disk that holds .servery, and at the system log.' },
  11: {
    problem: 'the file is damaged',
    hint: 'Stop Servery and restore .servery/state.db from a backup, or move it away to start with an empty history.',
  },
  14: { problem: 'it cannot be opened', hint: 'Look at the owner and the mode of .servery and of state.db in it.' },
  26: {
    problem: 'the file is no database',
    hint: 'Stop Servery and restore .servery/state.db from a backup, or move it away to start with an empty history.',
  },
};

function sqliteError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { errcode, code } = error as Error & { errcode?: number; code?: string };
  if (code === 'ENOSPC' || errcode === 13) {
    return new ServeryError('STORAGE_FULL', 'Cannot write state.db: the disk is full', { cause: error });
  }
  const result = errcode === undefined ? undefined : RESULTS[errcode & 0xff];
  if (result !== undefined) {
    return new ServeryError('DATABASE_FAILED', `Cannot use state.db: ${result.problem}`, {
      hint: result.hint,
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new ServeryError('DATABASE_FAILED', `Cannot use state.db: ${RESULTS[8]!.problem}`, {
      hint: RESULTS[8]!.hint,
      cause: error,
    });
  }
  return error;
}
