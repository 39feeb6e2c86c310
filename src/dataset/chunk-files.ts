/**
 * Chunks of results → staged files.
 *
 * DuckDB has a database of its own here, with one thread: its files then depend on the rows alone. It writes under
 * another name first, since a file that it was writing when the process died would look like a whole one.
 */
import { createHash } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ServeryError } from '../core/errors.ts';
import { failpoint } from '../core/failpoint.ts';
import { query, type DuckDb } from './duckdb.ts';
import { moveDurably, syncFile } from './durable.ts';
import type { Compression } from './find-files.ts';
import { fileColumns } from './file-columns.ts';
import type { FileFormat } from './options.ts';
import type { ChunkWriter, OutputColumns, StagedChunk } from './output.ts';
import { literal } from './sql-text.ts';
import { StagingTable } from './vectors-out.ts';

const BLOCK_BYTES = 1024 * 1024;

export interface FileTarget {
  readonly format: FileFormat;
  readonly compression: Compression;
}

/** @param token of the attempt: two of them never write one file */
export async function stageChunk(
  duckdb: DuckDb,
  folder: string,
  columns: OutputColumns,
  target: FileTarget,
  index: number,
  token: string,
): Promise<ChunkWriter> {
  const connection = await duckdb.connect();
  const table = new StagingTable(duckdb.api, connection, columns);
  const file = `chunk-${String(index).padStart(5, '0')}-${token.slice(0, 8)}.${target.format}`;
  const path = join(folder, file);
  const unfinished = `${path}.unfinished`;
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    await table.drop();
    connection.closeSync();
  };
  return {
    write: (chunk) => table.append(chunk),
    async finish() {
      const { rows } = table;
      const staged = await table.finish();
      const copied = await query(
        connection,
        `COPY (SELECT ${fileColumns(columns, target.format)} FROM (SELECT ${staged.columns.join(', ') || '1'} FROM ${staged.table})) ` +
          `TO ${literal(unfinished)} (${copyOptions(target)})`,
      );
      const written = Number(copied[0]?.['Count'] ?? -1);
      if (written !== rows) {
        throw new ServeryError('INTERNAL', `A chunk has ${rows} rows, and ${written} were written`);
      }
      await close();
      await syncFile(unfinished);
      const { size } = await stat(unfinished);
      const sha256 = await hashFile(unfinished);
      failpoint('dataset.stage.before');
      await moveDurably(unfinished, path);
      failpoint('dataset.stage.after');
      return { index, file, rows, bytes: size, sha256 } satisfies StagedChunk;
    },
    async [Symbol.asyncDispose]() {
      await close();
      await rm(unfinished, { force: true });
    },
  };
}

function copyOptions({ format, compression }: FileTarget): string {
  if (format === 'parquet') return 'FORMAT PARQUET, ROW_GROUP_SIZE 122880';
  // The header is put before the first chunk when the file is assembled.
  const form = format === 'csv' ? 'FORMAT CSV, HEADER false' : 'FORMAT JSON';
  return `${form}, COMPRESSION ${compression === 'none' ? 'uncompressed' : compression}`;
}

export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await using file = await open(path, 'r');
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(block, 0, BLOCK_BYTES);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(block.subarray(0, bytesRead));
  }
}
