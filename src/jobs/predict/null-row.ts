/** `onBadRow: null`, for a row that the reader itself refused: what is carried through is kept, the rest is null. */
import type { Column, ColumnChunk } from '../../core/columns.ts';
import { allocate, type NumericDatatype } from '../../core/tensor.ts';
import type { BadRow, PlannedColumn } from '../../dataset/input.ts';
import { takeRows } from './arrange-rows.ts';
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

export interface NumberedRow {
  readonly source: string;
  /** Number of the row in its source. */
  readonly row: number;
  readonly chunk: ColumnChunk;
}

/**
 * Rows and the rows of nulls between them, in the order of their source. A reader tells of a bad row before it gives
 * the rows around it.
 *
 * @param numberOf number of a row of `chunk` in its source, ascending
 */
export function interleave(
  chunk: ColumnChunk,
  numberOf: (position: number) => number,
  between: readonly NumberedRow[],
): readonly ColumnChunk[] {
  const result: ColumnChunk[] = [];
  let from = 0;
  const takeUpTo = (to: number) => {
    if (to > from) {
      const positions = Uint32Array.from({ length: to - from }, (_, i) => from + i);
      result.push({ rows: to - from, columns: chunk.columns.map((column) => takeRows(column, chunk.rows, positions)) });
    }
    from = to;
  };
  for (const { row, chunk: nulls } of between) {
    let to = from;
    while (to < chunk.rows && numberOf(to) < row) to += 1;
    takeUpTo(to);
    result.push(nulls);
  }
  takeUpTo(chunk.rows);
  return result;
}
