/**
 * Staged chunks → the file that readers will see, still out of their sight.
 *
 * A single chunk is linked, so that it costs nothing and stays where a later attempt would look for it. Several are put
 * one after the other: the bytes are those of the chunks, whose borders are part of the plan.
 */
import { createHash } from 'node:crypto';
import { copyFile, link, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { FileTarget } from './chunk-files.ts';
import { hashFile } from './chunk-files.ts';
import { query, type DuckDb } from './duckdb.ts';
import { syncFile } from './durable.ts';
import { translateFailure } from './failures.ts';
import type { ManifestFile, OutputColumns, StagedChunk } from './output.ts';
import { concatParquet, copyRange } from './parquet-concat.ts';
import { literal } from './sql-text.ts';
import { stagedTable } from './texts-as-bytes.ts';

export interface Assembly {
  readonly duckdb: DuckDb;
  /** Where the chunks are. */
  readonly staging: string;
  readonly columns: OutputColumns;
  readonly target: FileTarget;
}

/** @param path of the new file, durable when the promise resolves */
export async function assembleFile(
  { duckdb, staging, columns, target }: Assembly,
  chunks: readonly StagedChunk[],
  path: string,
): Promise<Omit<ManifestFile, 'path'>> {
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  const paths = chunks.map(({ file }) => join(staging, file));
  await rm(path, { force: true });
  try {
    const [only] = chunks;
    if (chunks.length === 1 && target.format !== 'csv') {
      await linkOrCopy(paths[0]!, path);
      return { rows, bytes: only!.bytes, sha256: only!.sha256 };
    }
    const written = await writeHashed(path, async (write) => {
      if (target.format === 'parquet') return concatParquet(paths, write);
      if (target.format === 'csv') await write(packed(header(columns), target));
      for (const [i, chunk] of paths.entries()) await copyRange(chunk, 0, chunks[i]!.bytes, write);
      return true;
    });
    if (written !== undefined) return { rows, ...written };
    // One of the chunks has bytes where another has texts.
    await mergeByQuery(duckdb, paths, columns, path);
    return { rows, bytes: (await stat(path)).size, sha256: await hashFile(path) };
  } catch (error) {
    throw translateFailure(error, 'OUTPUT_INVALID');
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // Not every file system has links.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    await copyFile(from, to);
    await syncFile(to);
  }
}

async function writeHashed(
  path: string,
  fill: (write: (bytes: Buffer) => Promise<void>) => Promise<boolean>,
): Promise<{ readonly bytes: number; readonly sha256: string } | undefined> {
  const hash = createHash('sha256');
  let bytes = 0;
  await using file = await open(path, 'w');
  const isDone = await fill(async (block) => {
    hash.update(block);
    bytes += block.length;
    await file.writeFile(block);
  });
  if (!isDone) return undefined;
  await file.sync();
  return { bytes, sha256: hash.digest('hex') };
}

async function mergeByQuery(
  duckdb: DuckDb,
  paths: readonly string[],
  columns: OutputColumns,
  path: string,
): Promise<void> {
  const connection = await duckdb.connect();
  try {
    const table = await stagedTable(connection, paths, columns);
    await query(
      connection,
      `COPY (SELECT * FROM ${table}) TO ${literal(path)} (FORMAT PARQUET, ROW_GROUP_SIZE 122880)`,
    );
  } finally {
    connection.closeSync();
  }
  await syncFile(path);
}

function header(columns: OutputColumns): string {
  const cells = columns.map(({ name }) => (/[",\r\n]|^\s|\s$/.test(name) ? `"${name.replaceAll('"', '""')}"` : name));
  return `${cells.join(',')}\n`;
}

/** Packed parts may follow each other. */
function packed(text: string, { compression }: FileTarget): Buffer {
  if (compression === 'none') return Buffer.from(text);
  return compression === 'gzip' ? gzipSync(text) : zstdCompressSync(text);
}
