/** Stacks the rows of several requests into one tensor for each input: the only copy on the way in. */
import { allocate, bytesPerElement, elementCount, isBytes, type NumericData, type Tensor } from '../core/tensor.ts';

/**
 * @param parts tensors of each request, in the order of the signature, equal but for axis 0
 * @param rows axis 0 of the result; rows beyond those of the parts repeat the last one
 * @param into gives the array to write an input to; by default a new one
 */
export function stack(
  parts: readonly (readonly Tensor[])[],
  rows: number,
  into: (input: number, datatype: Exclude<Tensor['datatype'], 'BYTES'>, length: number) => NumericData = (_, d, n) =>
    allocate(d, n),
): readonly Tensor[] {
  const first = parts[0]!;
  return first.map((model, input) => {
    const [, ...inner] = model.shape;
    const shape = [rows, ...inner];
    const size = elementCount(inner);
    const { datatype } = model;
    if (datatype === 'BYTES') {
      const data = parts.flatMap((part) => {
        const elements = part[input]!.data;
        return isBytes(elements) ? elements : [];
      });
      const last = data.slice(data.length - size);
      while (data.length < rows * size) data.push(...last);
      return { datatype, shape, data };
    }
    const target = into(input, datatype, rows * size);
    // As bytes, so that one loop serves every datatype.
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    let at = 0;
    for (const part of parts) {
      const data = part[input]!.data as NumericData;
      bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
      at += data.byteLength;
    }
    const rowBytes = size * bytesPerElement(datatype);
    for (; at < bytes.length && rowBytes > 0; at += rowBytes) bytes.copyWithin(at, at - rowBytes, at);
    return { datatype, shape, data: target };
  });
}
