/**
 * A Parquet file that came in a request: all of its rows, in memory.
 *
 * DuckDB reads files alone, so the bytes lie in a folder of their own meanwhile.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServeryError } from '../core/errors.ts';
import { openDuckDb, query } from './duckdb.ts';
import { literal } from './sql-text.ts';

/** A data frame with types of its own. */
export interface TypedFrame {
  readonly columns: readonly FrameColumn[];
  readonly rows: readonly Record<string, unknown>[];
}

export interface FrameColumn {
  readonly name: string;
  /** In SQL: `BIGINT`, `VARCHAR[]`. */
  readonly sqlType: string;
}

/**
 * @param maxElements rows times columns that are read at most: few bytes may stand for many
 * @throws {ServeryError} `DATA_INVALID`, `PAYLOAD_TOO_LARGE`, `DATASET_MISSING`
 */
export async function readParquetBody(bytes: Uint8Array, maxElements: number): Promise<TypedFrame> {
  const folder = await mkdtemp(join(tmpdir(), 'servery-parquet-'));
  try {
    const path = join(folder, 'body.parquet');
    await writeFile(path, bytes);
    const duckdb = await openDuckDb({ memory: '1GB', threads: 1 }, folder);
    try {
      const connection = await duckdb.connect();
      const source = `read_parquet(${literal(path)}, hive_partitioning = false)`;
      const described = await query(connection, `DESCRIBE SELECT * FROM ${source}`);
      const columns = described.map(({ column_name, column_type }) => {
        return { name: String(column_name), sqlType: String(column_type) };
      });
      const [{ rows: count } = { rows: 0n }] = await query(connection, `SELECT count(*) AS rows FROM ${source}`);
      if (Number(count) * columns.length > maxElements) {
        throw new ServeryError('PAYLOAD_TOO_LARGE', `Cannot use the body: it has more than ${maxElements} values`);
      }
      return { columns, rows: await query(connection, `SELECT * FROM ${source}`) };
    } finally {
      duckdb.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
