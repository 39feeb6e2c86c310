/**
 * A table of a database as an output.
 *
 * Chunks are staged as files, as for any output. When all are there, one transaction removes what was there for the
 * interval, adds the rows, and notes that this run has done so: a later attempt finds the note, and changes nothing.
 */
import { join, resolve } from 'node:path';
import { formatInstant } from '../core/data-interval.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { failpoint } from '../core/failpoint.ts';
import { rm } from 'node:fs/promises';
import { stageBadRows } from './bad-row-file.ts';
import { stageChunk } from './chunk-files.ts';
import { openDuckDb, streamChunks, type DuckDbLimits } from './duckdb.ts';
import type { OutputOptions } from './options.ts';
import { lockOutput } from './output-lock.ts';
import type { Committed, Finished, Manifest, Output, OutputColumns, OutputContext, StagedChunk } from './output.ts';
import { openPostgresSink } from './postgres-sink.ts';
import { concatBadRows } from './publish-bad-rows.ts';
import { findOverlap, overlapRefused } from './refuse-overlap.ts';
import { ident } from './sql-text.ts';
import { openSqliteSink } from './sqlite-sink.ts';
import { fileKey, intervalKey, openStaging, shortHash } from './staging.ts';
import { stagedTable } from './texts-as-bytes.ts';
import { ColumnGatherer } from './vectors-in.ts';

export interface SinkOptions {
  readonly table: string;
  readonly mode: OutputOptions['mode'];
  readonly key: readonly string[];
  readonly intervalColumn: string;
  /** What the rows of this run have in `intervalColumn`. */
  readonly interval: string;
  /** Identifies the run and step. */
  readonly run: string;
}

/** One transaction. Disposing without `commit` rolls back. */
export interface Sink extends AsyncDisposable {
  /** Whether this run has committed before. */
  readonly isCommitted: boolean;
  insert(rows: readonly (readonly unknown[])[]): Promise<void>;
  commit(rows: number): Promise<void>;
}

export async function openDatabaseOutput(
  options: OutputOptions,
  columns: OutputColumns,
  context: OutputContext,
  limits: DuckDbLimits,
): Promise<Output> {
  const { table = '' } = options;
  const isSqlite = options.sqlite !== undefined;
  const name = isSqlite ? `sqlite:${options.sqlite}#${table}` : `postgres:${table}`;
  const where = isSqlite
    ? resolve(context.workspace, options.sqlite!)
    : join(context.workspace, '.servery', 'postgres');
  const run = `${context.runId}.${context.step}`;
  const runKey = fileKey(run);
  const interval = intervalKey(context.interval);
  const folder = await openStaging(where, runKey);
  const lock = await lockOutput(
    folder,
    fileKey(`${shortHash(JSON.stringify(options.postgres ?? ''))}.${table}.${interval}`),
    runKey,
    context.signal,
  );
  const duckdb = await openDuckDb({ ...limits, threads: 1 }, join(folder.staging, 'duckdb'));
  const target = { format: 'parquet', compression: 'none' } as const;
  const sink: SinkOptions = {
    table,
    mode: options.mode,
    key: options.key ?? [],
    intervalColumn: options.intervalColumn,
    interval,
    run,
  };

  const clean = async () => {
    failpoint('dataset.clean.before');
    await rm(folder.staging, { recursive: true, force: true });
    failpoint('dataset.clean.after');
    await lock.release();
  };

  /** The staged rows, in batches, as values that databases take. */
  async function* stagedRows(staged: readonly StagedChunk[]): AsyncGenerator<readonly (readonly unknown[])[]> {
    const connection = await duckdb.connect();
    try {
      const paths = staged.map(({ file }) => join(folder.staging, file));
      const table = await stagedTable(connection, paths, columns);
      const selected = columns.map(({ name: column, type }) => {
        if (type === 'LIST') return `CAST(to_json(${ident(column)}) AS VARCHAR)`;
        return type === 'OTHER' ? `CAST(${ident(column)} AS VARCHAR)` : ident(column);
      });
      const gatherer = new ColumnGatherer(
        columns.map(({ type }) => ({ type: type === 'LIST' ? 'TEXT' : type })),
        1,
      );
      const sql = `SELECT ${selected.join(', ')} FROM ${table}`;
      for await (const chunk of streamChunks(connection, sql, context.signal)) {
        gatherer.add(chunk);
        const { rows } = gatherer;
        const values = gatherer.take();
        yield Array.from({ length: rows }, (_, i) =>
          values.map((column) => {
            if (column.nulls?.[i] === 1) return null;
            return column.type === 'BOOL' ? column.values[i] === 1 : column.values[i];
          }),
        );
      }
    } finally {
      connection.closeSync();
    }
  }

  return {
    spoolFolder: join(folder.staging, 'input'),
    stageChunk: (index) => stageChunk(duckdb, folder.staging, columns, target, index, lock.token),
    stageBadRows: (index) => Promise.resolve(stageBadRows(folder.staging, index, lock.token)),

    async finalise({ staged, badRows, facts, confirmLease }: Finished): Promise<Committed> {
      const bad = await concatBadRows(folder, runKey, badRows);
      const rows = staged.reduce((sum, chunk) => sum + chunk.rows, 0);
      const bytes = staged.reduce((sum, chunk) => sum + chunk.bytes, 0);
      {
        await using opened = isSqlite
          ? openSqliteSink(resolve(context.workspace, options.sqlite!), sink, columns)
          : await openPostgresSink(options.postgres!, sink, columns);
        if (!opened.isCommitted) {
          let inserted = 0;
          for await (const batch of rows > 0 ? stagedRows(staged) : []) {
            await opened.insert(batch);
            inserted += batch.length;
          }
          // A stream that ends early says nothing of it.
          if (inserted !== rows) {
            throw new ServeryError('INTERNAL', `A run has ${rows} rows, and ${inserted} were read again`);
          }
          await confirmLease();
          await lock.confirm();
          failpoint('dataset.commit.before');
          await opened.commit(rows);
          failpoint('dataset.commit.after');
        }
      }
      const sha256 = shortHash(staged.map((chunk) => chunk.sha256).join());
      const manifest: Manifest = {
        runId: context.runId,
        step: context.step,
        interval:
          context.interval === undefined
            ? undefined
            : { start: formatInstant(context.interval.startMs), end: formatInstant(context.interval.endMs) },
        mode: options.mode,
        rows,
        files: [{ path: table, rows, bytes, sha256 }],
        committedAt: formatInstant(Date.now()),
        facts,
      };
      await clean();
      return { outputs: [name], badRows: bad, manifest };
    },

    async discard(badRows) {
      const bad = await concatBadRows(folder, runKey, badRows);
      await clean();
      return bad;
    },

    async [Symbol.asyncDispose]() {
      duckdb.close();
      await lock.release();
    },
  };
}

/** @throws {ServeryError} `OUTPUT_INVALID` when there are rows of an interval that overlaps this one */
export function refuseOverlap({ table, interval, intervalColumn }: SinkOptions, there: readonly string[]): void {
  // A run without an interval replaces all rows.
  const other = interval === 'all' ? undefined : findOverlap(interval, there);
  if (other === undefined) return;
  throw overlapRefused(
    interval,
    other,
    `the rows of ${quote(table)} whose ${quote(intervalColumn)} is ${quote(other)}`,
  );
}
