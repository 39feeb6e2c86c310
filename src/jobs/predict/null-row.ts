/** `onBadRow: null`, for a row that the reader itself refused: what is carried through is kept, the rest is null. */
import type { Column, ColumnChunk } from '../../core/columns.ts';
import { allocate, type NumericDatatype } from '../../core/tensor.ts';
import type { BadRow, PlannedColumn } from '../../dataset/input.ts';
import { fill } from '../../protocol/values-in.ts';

/**
 * @param columns those of the output: first those that are carried through, then the others
 * @returns undefined when it is not known what the row was
 */
export function rowOfNulls(
  { payload, rows }: BadRow,
  columns: readonly PlannedColumn[],
  passthrough: readonly string[],
): ColumnChunk | undefined {
  if (rows !== 1 || typeof payload !== 'object' || payload === null) return undefined;
  const values = payload as Readonly<Record<string, unknown>>;
  if (!passthrough.every((name) => Object.hasOwn(values, name))) return undefined;
  return {
    rows: 1,
    columns: columns.map((column, i) => columnOfOne(column, i < passthrough.length ? values[column.name] : null)),
  };
}

/** Null as well where the value is the very one that is wrong. */
function columnOfOne({ name, type, list }: PlannedColumn, value: unknown): Column {
  if (type === 'TEXT' || type === 'OTHER') {
    return { name, type, values: [value ?? null], nulls: Uint8Array.of(typeof value === 'string' ? 0 : 1) };
  }
  if (type === 'BYTES' || type === 'LIST') return { name, type, values: [null], nulls: Uint8Array.of(1), list };
  const values = allocate(type as NumericDatatype, 1);
  const fits = fill(type as NumericDatatype, values, 0, [typed(value)], { nonFinite: true, missing: false }) === -1;
  return { name, type, values, nulls: Uint8Array.of(fits ? 0 : 1) };
}

/** A cell of CSV has no type of its own. */
function typed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (/^[+-]?\d{1,20}$/.test(text)) return BigInt(text.replace('+', ''));
  return text === '' ? null : Number(text);
}
