/**
 * DuckDB, loaded when the first file is read: it is optional, and its native library is large.
 *
 * Nothing is downloaded (extensions are off), memory and threads have limits, and spilling goes where the caller says.
 */
import type { DuckDBConnection, DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api';
import { mkdir } from 'node:fs/promises';
import { ServeryError } from '../core/errors.ts';
import { translateFailure } from './failures.ts';

export type DuckDbModule = typeof import('@duckdb/node-api');

export interface DuckDbLimits {
  /** `1GB`, `512MB`. */
  readonly memory: string;
  readonly threads: number;
}

/** One thread: rows come faster than most models take them, and a second one takes 0.1 s more for 2 million of them. */
export const DEFAULT_LIMITS: DuckDbLimits = { memory: '1GB', threads: 1 };

export interface DuckDb {
  readonly api: DuckDbModule;
  /** A stream and whatever else goes on need a connection each: a second statement ends a stream without a word. */
  connect(): Promise<DuckDBConnection>;
  close(): void;
}

export async function openDuckDb(limits: DuckDbLimits, temporaryFolder: string): Promise<DuckDb> {
  const api = await loadDuckDb();
  await mkdir(temporaryFolder, { recursive: true });
  const instance: DuckDBInstance = await api.DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    memory_limit: limits.memory,
    threads: String(limits.threads),
    temp_directory: temporaryFolder,
    preserve_insertion_order: 'true',
    // Every file is read once: keeping what was read would only let memory grow with the input.
    enable_external_file_cache: 'false',
  });
  return {
    api,
    async connect() {
      const connection = await instance.connect();
      await connection.run("SET TimeZone = 'UTC'");
      return connection;
    },
    close: () => instance.closeSync(),
  };
}

async function loadDuckDb(): Promise<DuckDbModule> {
  try {
    return await import('@duckdb/node-api');
  } catch (cause) {
    throw new ServeryError('DATASET_MISSING', 'Cannot read or write files: DuckDB is not installed', { cause });
  }
}

/** The chunks of a query, the next one always under way while its forerunner is used. */
export async function* streamChunks(
  connection: DuckDBConnection,
  sql: string,
  signal?: AbortSignal,
): AsyncGenerator<DuckDBDataChunk> {
  const stop = () => connection.interrupt();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    const result = await connection.stream(sql);
    let next = result.fetchChunk();
    for (;;) {
      const chunk = await next;
      if (chunk === null || chunk.rowCount === 0) {
        // One that was interrupted may end as if there were no more.
        signal?.throwIfAborted();
        return;
      }
      next = result.fetchChunk();
      // Looked at in the next round; until then it is nobody's rejection.
      next.catch(() => undefined);
      yield chunk;
    }
  } catch (error) {
    if (signal?.aborted === true) throw new ServeryError('CANCELLED', 'Reading was cancelled', { cause: error });
    throw translateFailure(error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** All rows of a small result, as objects of plain values. */
export async function query(connection: DuckDBConnection, sql: string): Promise<readonly Record<string, unknown>[]> {
  try {
    const result = await connection.run(sql);
    return await result.getRowObjectsJS();
  } catch (error) {
    throw translateFailure(error);
  }
}

export async function execute(connection: DuckDBConnection, sql: string): Promise<void> {
  try {
    await connection.run(sql);
  } catch (error) {
    throw translateFailure(error);
  }
}
