/**
 * Values of columns → values of DuckDB, one by one: what cannot be copied as an array.
 *
 * The binding takes what it gets: a list where a number belongs is NaN without a word, and an integer that is too large
 * loses its upper bits. So what is in a list is looked at; one that has something else in it has no value.
 */
import type { DuckDBVector } from '@duckdb/node-api';
import type { Column, ColumnType, ListType } from '../core/columns.ts';
import type { DuckDbModule } from './duckdb.ts';
import type { PlannedColumn } from './input.ts';

type DuckValue = Parameters<DuckDBVector['setItem']>[1];

/** @param column as it is stored */
export function valueMaker(
  api: DuckDbModule,
  { type, list }: Omit<PlannedColumn, 'name'>,
): (value: unknown) => DuckValue {
  if (type === 'LIST') return list === undefined ? jsonText : listMaker(api, list);
  if (type === 'BYTES') return (value) => blob(api, value as string | Uint8Array);
  if (type === 'BOOL') return (value) => value === 1 || value === true;
  if (type === 'TEXT' || type === 'OTHER') return text;
  if (type === 'INT64' || type === 'UINT64') return (value) => BigInt(value as number | bigint);
  return Number;
}

/** Gives null for a list that has an item of another kind. */
function listMaker(api: DuckDbModule, { item, depth }: ListType): (value: unknown) => DuckValue {
  const make =
    depth > 1 ? listMaker(api, { item, depth: depth - 1 }) : itemMaker(item, valueMaker(api, { type: item }));
  return (value) => {
    if (!isSequence(value)) return null;
    const items = new Array<DuckValue>(value.length);
    for (let i = 0; i < items.length; i += 1) {
      const each: unknown = value[i];
      const made = each == null ? null : make(each);
      if (made === null && each != null) return null;
      items[i] = made;
    }
    return new api.DuckDBListValue(items);
  };
}

/** Gives null for what is no such item. */
function itemMaker(type: ColumnType, make: (value: unknown) => DuckValue): (value: unknown) => DuckValue {
  const range = INTEGERS[type];
  const fits = (value: unknown): boolean => {
    if (type === 'TEXT' || type === 'BYTES') return typeof value === 'string' || value instanceof Uint8Array;
    if (type === 'BOOL') return typeof value === 'boolean' || value === 0 || value === 1;
    if (range === undefined) return typeof value === 'number' || typeof value === 'bigint';
    const isInteger = typeof value === 'bigint' || Number.isInteger(value);
    return isInteger && (value as number) >= range[0] && (value as number) <= range[1];
  };
  return (value) => (fits(value) ? make(value) : null);
}

const INTEGERS: Partial<Record<ColumnType, readonly [least: bigint, most: bigint]>> = Object.fromEntries(
  [8, 16, 32, 64].flatMap((bits) => [
    [`INT${bits}`, [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n]],
    [`UINT${bits}`, [0n, 2n ** BigInt(bits) - 1n]],
  ]),
);

function isSequence(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function blob(api: DuckDbModule, value: string | Uint8Array): DuckValue {
  return new api.DuckDBBlobValue(typeof value === 'string' ? Buffer.from(value) : value);
}

function text(value: unknown): string {
  return value instanceof Uint8Array ? textOf(value)! : String(value);
}

/** A number of JSON by its text; the types of TypeScript do not have it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? rawJSON(String(each)) : each));
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Whether texts, or lists of them, have bytes among them that are no text.
 *
 * The values of anything else are not looked at: those of flat lists would be made for it.
 */
export function hasNoText({ type, list }: Omit<PlannedColumn, 'name'>, column: Pick<Column, 'values'>): boolean {
  if (type !== 'TEXT' && (type !== 'LIST' || list?.item !== 'TEXT')) return false;
  const { values } = column;
  return !ArrayBuffer.isView(values) && values.some(isNoText);
}

function isNoText(value: unknown): boolean {
  return value instanceof Uint8Array ? textOf(value) === undefined : Array.isArray(value) && value.some(isNoText);
}
