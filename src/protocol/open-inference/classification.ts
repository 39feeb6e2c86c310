/**
 * The classification extension: instead of all values of a row, its best K as text, `value:index[:label]`.
 */
import type { Signature, TensorSpec } from '../../core/signature.ts';
import { elementCount, type NumericData, type Tensor } from '../../core/tensor.ts';
import { fromHalf } from '../half.ts';

/**
 * @param count the K that was asked for; where there are fewer classes, all of them are answered
 */
export function classify(tensor: Tensor, spec: TensorSpec, { batched }: Signature, count: number): Tensor {
  const [rows, size] = batched
    ? [tensor.shape[0]!, elementCount(tensor.shape.slice(1))]
    : [1, elementCount(tensor.shape)];
  const best = Math.min(count, size);
  const data: string[] = [];
  for (let row = 0; row < rows; row += 1) {
    const values = (tensor.data as NumericData).subarray(row * size, (row + 1) * size);
    const numbers = tensor.datatype === 'FP16' ? Array.from(values as Uint16Array, fromHalf) : values;
    const order = Uint32Array.from({ length: size }, (_, i) => i).sort((a, b) => descending(numbers[a]!, numbers[b]!));
    for (const index of order.subarray(0, best)) {
      const label = spec.labels?.[index];
      data.push(`${numbers[index]}:${index}${label === undefined ? '' : `:${label}`}`);
    }
  }
  return { datatype: 'BYTES', shape: batched ? [rows, best] : [best], data };
}

/** NaN comes last; equal values keep the order of their indices. */
function descending(a: number | bigint, b: number | bigint): number {
  if (a > b || (a === a && b !== b)) return -1;
  return a < b || (b === b && a !== a) ? 1 : 0;
}
