/**
 * Columns of texts that turn out to hold bytes which are no text: all of the column becomes bytes.
 *
 * Whether a model gives such bytes is seen when they come. So a chunk may have been staged with texts already when
 * another one has bytes, and what is staged is brought to one form when it is read.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { storageType } from './column-types.ts';
import { query } from './duckdb.ts';
import type { PlannedColumn } from './input.ts';
import type { OutputColumns } from './output.ts';
import { fileToRead, ident } from './sql-text.ts';

export function bytesColumn(column: PlannedColumn): PlannedColumn {
  const { list } = column;
  return list === undefined ? { ...column, type: 'BYTES' } : { ...column, list: { ...list, item: 'BYTES' } };
}

/** Texts that are stored, or lists of them, as bytes. */
export function asBytes({ list }: PlannedColumn, sql: string): string {
  const within = (depth: number, value: string): string =>
    depth === 0 ? `encode(${value})` : `list_transform(${value}, lambda v${depth}: ${within(depth - 1, `v${depth}`)})`;
  return within(list?.depth ?? 0, sql);
}

/** A table expression for staged Parquet files, one after the other. */
export async function stagedTable(
  connection: DuckDBConnection,
  paths: readonly string[],
  columns: OutputColumns,
): Promise<string> {
  const types: (readonly string[])[] = [];
  for (const path of paths) {
    const described = await query(connection, `DESCRIBE SELECT * FROM ${read([path])}`);
    types.push(described.map(({ column_type: type }) => String(type)));
  }
  const isSame = types.every((own) => own.join() === types[0]!.join());
  if (isSame) return read(paths);
  const parts = paths.map((path, file) => {
    const selected = columns.map((column, i) => {
      const name = ident(column.name);
      const isBehind = types[file]![i] === storageType(column) && types.some((own) => own[i] !== types[file]![i]);
      return isBehind ? `${asBytes(column, name)} AS ${name}` : name;
    });
    return `SELECT ${selected.join(', ')} FROM ${read([path])}`;
  });
  return `(${parts.join(' UNION ALL ')})`;
}

function read(paths: readonly string[]): string {
  return `read_parquet([${paths.map(fileToRead).join(', ')}], hive_partitioning = false)`;
}
