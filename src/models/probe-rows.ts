/** Rows for the probe: picked, varied, and their answers as texts that are equal when the bits are. */
import { hash } from 'node:crypto';
import { allocate, elementCount, isBytes, type BytesElement, type NumericData, type Tensor } from '../core/tensor.ts';

/** The rows of `order`, which may name one several times. */
export function pickRows(tensors: readonly Tensor[], order: readonly number[]): readonly Tensor[] {
  return tensors.map(({ datatype, shape: [, ...inner], data }) => {
    const size = elementCount(inner);
    const shape = [order.length, ...inner];
    if (isBytes(data) || datatype === 'BYTES') {
      const elements = data as readonly BytesElement[];
      return { datatype, shape, data: order.flatMap((row) => elements.slice(row * size, (row + 1) * size)) };
    }
    const picked = allocate(datatype, order.length * size);
    order.forEach((row, i) => copy(data, row * size, picked, i * size, size));
    return { datatype, shape, data: picked };
  });
}

function copy(from: NumericData, at: number, to: NumericData, into: number, length: number): void {
  const source = from.subarray(at, at + length);
  new Uint8Array(to.buffer, into * to.BYTES_PER_ELEMENT, source.byteLength).set(
    new Uint8Array(source.buffer, source.byteOffset, source.byteLength),
  );
}

/** Every row of a probe is tried at every place of a batch: of many that were given, the first must do. */
const MOST_ROWS = 64;

export function firstRows(tensors: readonly Tensor[]): readonly Tensor[] {
  const rows = Math.min(MOST_ROWS, tensors[0]!.shape[0]!);
  return pickRows(
    tensors,
    Array.from({ length: rows }, (_, row) => row),
  );
}

/** `count` rows near those given, no two alike where the datatype allows it. */
export function differentRows(tensors: readonly Tensor[], count: number): readonly Tensor[] {
  const given = tensors[0]!.shape[0]!;
  const picked = pickRows(
    tensors,
    Array.from({ length: count }, (_, row) => row % given),
  );
  return picked.map((tensor) => {
    const size = elementCount(tensor.shape.slice(1));
    return {
      ...tensor,
      data: isBytes(tensor.data)
        ? tensor.data.map((text, i) => variedText(text, (i / size) | 0))
        : varied(tensor, size),
    };
  });
}

function varied({ datatype, data }: Tensor, size: number): NumericData {
  const values = data as NumericData;
  for (let i = 0; i < values.length; i += 1) {
    const row = (i / size) | 0;
    const column = i % size;
    const value = values[i]!;
    if (typeof value === 'bigint') values[i] = value + BigInt(row & 1);
    else if (datatype === 'FP32' || datatype === 'FP64') {
      values[i] = value * (1 + 0.05 * row) + 0.013 * row * (1 + (column % 3));
    } else if (datatype === 'FP16') {
      values[i] = value ^ row;
    } // the last bits of the fraction
    else values[i] = value ^ (row & 1);
  }
  return values;
}

function variedText(text: BytesElement, row: number): BytesElement {
  return typeof text === 'string' && row > 0 ? text + String.fromCharCode(96 + row) : text;
}

/** One text for each row, made of all outputs. */
export function answersByRow(outputs: readonly Tensor[], rows: number): string[] {
  return Array.from({ length: rows }, (_, row) => outputs.map((output) => answerOf(output, row)).join(' '));
}

function answerOf({ shape, data }: Tensor, row: number): string {
  const size = elementCount(shape.slice(1));
  if (isBytes(data)) return JSON.stringify(data.slice(row * size, (row + 1) * size));
  const part = data.subarray(row * size, (row + 1) * size);
  return hash('sha1', new Uint8Array(part.buffer, part.byteOffset, part.byteLength), 'base64');
}
