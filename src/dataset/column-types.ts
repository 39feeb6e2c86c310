/**
 * Types of DuckDB ↔ types of columns.
 *
 * Numbers, truth values, texts, bytes and lists of them keep their values as they are. Everything else (times,
 * decimals, structures) is carried as its text, with the SQL type beside it so that an output can restore it.
 */
import type { ColumnType, ListType } from '../core/columns.ts';
import type { PlannedColumn } from './input.ts';

const SCALARS: Readonly<Record<string, ColumnType>> = {
  BOOLEAN: 'BOOL',
  TINYINT: 'INT8',
  SMALLINT: 'INT16',
  INTEGER: 'INT32',
  BIGINT: 'INT64',
  UTINYINT: 'UINT8',
  USMALLINT: 'UINT16',
  UINTEGER: 'UINT32',
  UBIGINT: 'UINT64',
  FLOAT: 'FP32',
  DOUBLE: 'FP64',
  VARCHAR: 'TEXT',
  BLOB: 'BYTES',
};
const SQL_TYPES = Object.fromEntries(Object.entries(SCALARS).map(([sql, type]) => [type, sql])) as Record<
  ColumnType,
  string | undefined
>;

export interface SelectedColumn extends PlannedColumn {
  /** The expression that gives the values. */
  readonly sql: string;
}

/** @param sqlType as DESCRIBE says it */
export function selectColumn(
  name: string,
  sqlType: string,
  source: string,
  as: ColumnType | undefined,
): SelectedColumn {
  const scalar = SCALARS[sqlType];
  if (scalar !== undefined) return { name, type: scalar, sql: source };
  if (sqlType.startsWith('ENUM(')) return { name, type: 'TEXT', sql: `CAST(${source} AS VARCHAR)` };
  const list = listType(sqlType);
  if (list !== undefined) {
    const sql = /\[\d+\]/.test(sqlType) ? `CAST(${source} AS ${sqlType.replace(/\[\d+\]/g, '[]')})` : source;
    return { name, type: 'LIST', list, sql };
  }
  if (as === 'LIST' && /^DECIMAL\([\d,]+\)\[\d*\]$/.test(sqlType)) {
    return { name, type: 'LIST', list: { item: 'FP64', depth: 1 }, sql: `CAST(${source} AS DOUBLE[])` };
  }
  if (isFloat(as) && /^(DECIMAL|U?HUGEINT)/.test(sqlType)) {
    return { name, type: 'FP64', sql: `CAST(${source} AS DOUBLE)` };
  }
  if (isInteger(as) && /^DECIMAL\((1?\d),0\)$/.test(sqlType)) {
    return { name, type: 'INT64', sql: `CAST(${source} AS BIGINT)` };
  }
  // Their texts cannot be read back; as JSON they can be read by others.
  if (/^(STRUCT|MAP|UNION|VARIANT)|\]$|^JSON$/.test(sqlType)) {
    return { name, type: 'OTHER', sqlType: 'JSON', sql: `CAST(to_json(${source}) AS VARCHAR)` };
  }
  return { name, type: 'OTHER', sqlType, sql: `CAST(${source} AS VARCHAR)` };
}

function listType(sqlType: string): ListType | undefined {
  const [, item = '', brackets = ''] = /^([A-Z]+)((?:\[\d*\])+)$/.exec(sqlType) ?? [];
  const type = SCALARS[item];
  return type === undefined ? undefined : { item: type, depth: brackets.split('[').length - 1 };
}

/** What a column of a table is that can take the values of a column; lists of any form are stored as JSON text. */
export function storageType({ type, list }: Omit<PlannedColumn, 'name'>): string {
  if (type === 'LIST' && list !== undefined) return `${SQL_TYPES[list.item] ?? 'VARCHAR'}${'[]'.repeat(list.depth)}`;
  return SQL_TYPES[type] ?? 'VARCHAR';
}

export function isFloat(type: ColumnType | undefined): boolean {
  return type === 'FP32' || type === 'FP64';
}

export function isInteger(type: ColumnType | undefined): boolean {
  return type !== undefined && /^U?INT/.test(type);
}
