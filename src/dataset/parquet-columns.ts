/** The columns of a Parquet file, and those among them that DuckDB would read wrongly. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { ServeryError, quote } from '../core/errors.ts';
import { query } from './duckdb.ts';
import { fileToRead } from './sql-text.ts';

export const ROW_NUMBER = 'file_row_number';
/** Of a decimal. */
const MOST_DIGITS = 38;

/** Name and SQL type of each column of a file. */
export async function describeFile(connection: DuckDBConnection, path: string): Promise<ReadonlyMap<string, string>> {
  const described = await query(connection, `DESCRIBE SELECT * EXCLUDE (${ROW_NUMBER}) FROM ${rowsOf(path)}`);
  const wide = await wideDecimals(connection, path);
  return new Map(
    described.map(({ column_name: name, column_type: type }) => [String(name), wide.get(String(name)) ?? String(type)]),
  );
}

/** Decimals that DuckDB has no room for: it gives doubles instead, and other numbers. As SQL types, by column. */
async function wideDecimals(connection: DuckDBConnection, path: string): Promise<ReadonlyMap<string, string>> {
  const schema = await query(
    connection,
    `SELECT name, num_children, precision, scale FROM parquet_schema(${fileToRead(path)}) ORDER BY column_id`,
  );
  const wide = new Map<string, string>();
  // Depth first, from the root; `left` counts the elements that still belong to the column.
  let column = '';
  let left = 0;
  for (const { name, num_children: children, precision, scale } of schema.slice(1)) {
    if (left === 0) [column, left] = [String(name), 1];
    left += Number(children ?? 0) - 1;
    if (Number(precision ?? 0) > MOST_DIGITS) wide.set(column, `DECIMAL(${Number(precision)},${Number(scale)})`);
  }
  return wide;
}

export function rowsOf(path: string): string {
  return `read_parquet(${fileToRead(path)}, hive_partitioning = false, file_row_number = true)`;
}

/** @throws {ServeryError} `DATA_INVALID` */
export function refuseWideDecimal(sqlType: string, column: string, source: string): void {
  const [, digits = '0'] = /^DECIMAL\((\d+)/.exec(sqlType) ?? [];
  if (Number(digits) <= MOST_DIGITS) return;
  throw new ServeryError('DATA_INVALID', `Cannot read the column ${quote(column)} of ${quote(source)}: ${sqlType}`, {
    hint: `Decimals have at most ${MOST_DIGITS} digits here: write it with fewer, or as text.`,
  });
}
