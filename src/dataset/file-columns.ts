/** Columns as each format can say them: lists in CSV as JSON text, numbers that JSON has no word for as null. */
import { isFloat } from './column-types.ts';
import type { FileFormat } from './options.ts';
import type { OutputColumns } from './output.ts';
import { ident } from './sql-text.ts';

/** An expression for each column, over a table that has the columns under their names. */
export function fileColumns(columns: OutputColumns, format: FileFormat): string {
  return columns.map(({ name, type, list }) => fileColumn(ident(name), { type, list }, format)).join(', ') || '1';
}

function fileColumn(
  name: string,
  { type, list }: Pick<OutputColumns[number], 'type' | 'list'>,
  format: FileFormat,
): string {
  if (format === 'parquet') return name;
  if (type === 'LIST') {
    const json = isFloat(list?.item) ? finiteList(name, list!.depth) : name;
    return `${format === 'csv' ? `CAST(to_json(${json}) AS VARCHAR)` : json} AS ${name}`;
  }
  if (format === 'ndjson' && isFloat(type)) return `CASE WHEN isfinite(${name}) THEN ${name} END AS ${name}`;
  return name;
}

function finiteList(name: string, depth: number): string {
  const value = `v${depth}`;
  const inner = depth === 1 ? `CASE WHEN isfinite(${value}) THEN ${value} END` : finiteList(value, depth - 1);
  return `list_transform(${name}, lambda ${value}: ${inner})`;
}
