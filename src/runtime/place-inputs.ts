/** Brings the rows of a run to where they are read, and copies none that may stay where they are. */
import { isBytes, type NumericData, type NumericDatatype, type Tensor } from '../core/tensor.ts';
import { stack } from './stack.ts';

export interface Placement {
  /** Without rows to count, a request is passed on as it is. */
  readonly batched: boolean;
  readonly take: (datatype: NumericDatatype, length: number) => NumericData;
  /** Whether data may be passed on where it lies. */
  readonly canPass: (data: NumericData) => boolean;
}

export function placeInputs(
  parts: readonly (readonly Tensor[])[],
  rows: number,
  { batched, take, canPass }: Placement,
): readonly Tensor[] {
  const [first] = parts as [readonly Tensor[]];
  const isAlone = parts.length === 1 && (!batched || first[0]!.shape[0] === rows);
  if (!isAlone) return stack(parts, rows, (_, datatype, length) => take(datatype, length));
  return first.map((tensor) => {
    const { datatype, shape, data } = tensor;
    if (isBytes(data) || datatype === 'BYTES' || canPass(data)) return tensor;
    const copy = take(datatype, data.length);
    new Uint8Array(copy.buffer, copy.byteOffset, copy.byteLength).set(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
    return { datatype, shape, data: copy };
  });
}
