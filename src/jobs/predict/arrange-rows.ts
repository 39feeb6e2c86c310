/** Columns put together again: rows taken out of them, and answers of several runs laid into one. */
import type { Column } from '../../core/columns.ts';
import type { NumericData } from '../../core/tensor.ts';

/** The answers of one run. */
export interface Segment {
  /** Where its rows are in the piece, ascending. */
  readonly positions: Uint32Array;
  readonly columns: readonly Column[];
}

/**
 * The rows at these positions, in this order.
 *
 * @param rows of the column
 */
export function takeRows(column: Column, rows: number, positions: Uint32Array): Column {
  const { name, type, nulls, list } = column;
  const { length } = positions;
  const taken = {
    name,
    type,
    ...(list && { list }),
    ...(nulls && { nulls: Uint8Array.from(positions, (position) => nulls[position]!) }),
  };
  const size = listSize(column, rows);
  if (size !== undefined) {
    const flat = emptyLike(column.flat!, length * size) as NumericData;
    for (let i = 0; i < length; i += 1) copyItems(column.flat!, positions[i]! * size, flat, i * size, size);
    return flatColumn(taken, flat, size, length);
  }
  const { values } = column;
  const target = emptyLike(values, length);
  for (let i = 0; i < length; i += 1) target[i] = values[positions[i]!] as never;
  return { ...taken, values: target };
}

/**
 * One column out of those of all segments.
 *
 * @param rows of the result
 * @param placeOf where in the result the row of a position goes
 * @returns with nulls where no segment has a row
 */
export function layTogether(segments: readonly Segment[], index: number, rows: number, placeOf: Int32Array): Column {
  const columns = segments.map((segment) => segment.columns[index]!);
  const { name, type, list } = columns[0]!;
  const missing = new Uint8Array(rows).fill(1);
  for (const [s, { positions }] of segments.entries()) {
    const { nulls } = columns[s]!;
    for (let i = 0; i < positions.length; i += 1) missing[placeOf[positions[i]!]!] = nulls?.[i] ?? 0;
  }
  const result = { name, type, ...(list && { list }), ...(missing.includes(1) && { nulls: missing }) };
  const sizes = new Set(columns.map((column, s) => listSize(column, segments[s]!.positions.length)));
  const [size] = sizes;
  const isFlat = sizes.size === 1 && size !== undefined;
  const target = isFlat ? emptyLike(columns[0]!.flat!, rows * size) : emptyLike(columns[0]!.values, rows);
  for (const [s, { positions }] of segments.entries()) {
    copyRows(isFlat ? columns[s]!.flat! : columns[s]!.values, positions, target, placeOf, isFlat ? size : 1);
  }
  return isFlat ? flatColumn(result, target as NumericData, size, rows) : { ...result, values: target };
}

type Writable = NumericData | unknown[];

function copyRows(
  from: Column['values'],
  positions: Uint32Array,
  to: Writable,
  placeOf: Int32Array,
  size: number,
): void {
  const { length } = positions;
  if (length === 0) return;
  const first = placeOf[positions[0]!]!;
  // Nearly always: the rows of a run, one after the other.
  const isRun = placeOf[positions[length - 1]!] === first + length - 1;
  if (isRun && ArrayBuffer.isView(from)) (to as Float64Array).set(from as Float64Array, first * size);
  else for (let i = 0; i < length; i += 1) copyItems(from, i * size, to, placeOf[positions[i]!]! * size, size);
}

function copyItems(from: Column['values'], at: number, to: Writable, into: number, count: number): void {
  for (let i = 0; i < count; i += 1) to[into + i] = from[at + i] as never;
}

/** Values of each row of a flat column; undefined for any other. */
function listSize({ flat }: Column, rows: number): number | undefined {
  return flat === undefined || rows === 0 ? undefined : flat.length / rows;
}

function flatColumn(column: Omit<Column, 'values'>, flat: NumericData, size: number, rows: number): Column {
  let values: readonly unknown[] | undefined;
  return {
    ...column,
    flat,
    // Made only for writers that cannot take the flat form.
    get values() {
      values ??= Array.from({ length: rows }, (_, row) =>
        Array.from(flat.subarray(row * size, (row + 1) * size) as Float64Array),
      );
      return values;
    },
  };
}

function emptyLike(values: Column['values'], length: number): Writable {
  if (!ArrayBuffer.isView(values)) return new Array<unknown>(length);
  return new (values.constructor as new (length: number) => NumericData)(length);
}
