/** Takes rows out of columns. */
import type { Column } from '../core/columns.ts';
import type { NumericData } from '../core/tensor.ts';

/** The rows at `positions`, in that order. */
export function pickRows(columns: readonly Column[], positions: Uint32Array): readonly Column[] {
  return columns.map((column) => {
    const { name, type, list, values, nulls } = column;
    return {
      name,
      type,
      ...(list !== undefined && { list }),
      values: ArrayBuffer.isView(values) ? pickNumbers(values, positions) : pickValues(values, positions),
      nulls: nulls === undefined ? undefined : (pickNumbers(nulls, positions) as Uint8Array),
    };
  });
}

function pickNumbers(values: NumericData, positions: Uint32Array): NumericData {
  const picked = new (values.constructor as new (length: number) => NumericData)(positions.length);
  for (let i = 0; i < positions.length; i += 1) picked[i] = values[positions[i]!]!;
  return picked;
}

function pickValues(values: readonly unknown[], positions: Uint32Array): unknown[] {
  return Array.from(positions, (position) => values[position]);
}
