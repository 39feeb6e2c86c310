/** Single rows of tensors that hold many: replaced in place, and taken out. */
import {
  elementCount,
  isBytes,
  type BytesElement,
  type NamedTensor,
  type NumericData,
  type Tensor,
} from '../../core/tensor.ts';

/** Writes the only row of `from` over row `i`. */
export function putRow({ data, shape }: Tensor, i: number, from: Tensor): void {
  const size = elementCount(shape.slice(1));
  if (isBytes(data)) {
    for (let j = 0; j < size; j += 1) (data as BytesElement[])[i * size + j] = from.data[j] as BytesElement;
  } else data.set(from.data as never, i * size);
}

/**
 * Copies of the rows that are not marked.
 *
 * @returns their positions before; undefined when no row is marked
 */
export function keepRows(
  tensors: readonly NamedTensor[],
  marked: Uint8Array,
): { readonly kept: readonly NamedTensor[]; readonly positions: Uint32Array | undefined } {
  if (!marked.includes(1)) return { kept: tensors, positions: undefined };
  const positions = Uint32Array.from(marked.keys().filter((i) => marked[i] === 0));
  const kept = tensors.map((tensor) => {
    const [, ...inner] = tensor.shape;
    const size = elementCount(inner);
    const length = positions.length * size;
    const data = isBytes(tensor.data)
      ? Array.from(positions).flatMap((row) => (tensor.data as BytesElement[]).slice(row * size, (row + 1) * size))
      : movedTogether(tensor.data, positions, size).subarray(0, length);
    return { ...tensor, shape: [positions.length, ...inner], data };
  });
  return { kept, positions };
}

/** A copy: the rows are looked at again where the check of texts fails. */
function movedTogether(data: NumericData, positions: Uint32Array, size: number): NumericData {
  const copy = data.slice();
  for (const [to, from] of positions.entries()) copy.copyWithin(to * size, from * size, (from + 1) * size);
  return copy;
}
