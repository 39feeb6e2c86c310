/** Columns put together again: rows taken out of them, and answers of several runs laid into one. */
import type { Column } from '../../core/columns.ts';
import type { NumericData } from '../../core/tensor.ts';

/** The answers of one run. */
export interface Segment {
  /** Where its rows are in the piece, ascending. */
  readonly positions: Uint32Array;
  readonly columns: readonly Column[];
}

/** The rows at these positions, in this order. */
export function takeRows(column: Column, positions: Uint32Array): Column {
  const { nulls } = column;
  const taken = emptyLike(column, positions.length);
  for (let i = 0; i < positions.length; i += 1) taken.copy(column, positions[i]!, i);
  return taken.column(nulls && Uint8Array.from(positions, (position) => nulls[position]!));
}

/**
 * One column out of those of all segments.
 *
 * @param rows of the result
 * @param placeOf where in the result the row of a position goes
 * @returns with nulls where no segment has a row
 */
export function layTogether(segments: readonly Segment[], index: number, rows: number, placeOf: Int32Array): Column {
  const result = emptyLike(segments[0]!.columns[index]!, rows);
  const missing = new Uint8Array(rows).fill(1);
  for (const { positions, columns } of segments) {
    const from = columns[index]!;
    for (let i = 0; i < positions.length; i += 1) {
      const place = placeOf[positions[i]!]!;
      result.copy(from, i, place);
      missing[place] = from.nulls?.[i] ?? 0;
    }
  }
  return result.column(missing.includes(1) ? missing : undefined);
}

interface ColumnBuilder {
  /** Copies the value of row `i`. */
  copy(from: Column, i: number, place: number): void;
  column(nulls: Uint8Array | undefined): Column;
}

/** Lists become lists again, flat or not: rows are moved only where something is bad. */
function emptyLike({ name, type, values, list }: Column, rows: number): ColumnBuilder {
  const target: NumericData | unknown[] = ArrayBuffer.isView(values)
    ? new (values.constructor as new (length: number) => NumericData)(rows)
    : new Array<unknown>(rows);
  return {
    copy(from, i, place) {
      target[place] = from.values[i] as never;
    },
    column: (nulls) => ({ name, type, values: target, ...(nulls && { nulls }), ...(list && { list }) }),
  };
}
