/**
 * Tensors as raw bytes: little-endian, row-major, BOOL one byte, each BYTES element after its length in
 * four bytes. The same in the binary extension over HTTP and in the raw contents of gRPC.
 *
 * The bytes of an array are used as they are, so the machine has to be little-endian, as all are that
 * Node.js and ONNX Runtime are made for.
 */
import { invalidInput } from '../../core/errors.ts';
import { formatShape } from '../../core/signature.ts';
import {
  bytesPerElement,
  isBytes,
  viewOf,
  type BytesElement,
  type Datatype,
  type NumericDatatype,
  type Tensor,
  type TensorData,
} from '../../core/tensor.ts';

/**
 * The data of an input. Numbers are a view of `bytes` where the alignment allows, so `bytes` must stay as
 * they are; BYTES elements always are views.
 *
 * @param count product of `shape`
 * @throws {ServeryError} `INVALID_INPUT`
 */
export function readBinaryTensor(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  count: number,
  bytes: Uint8Array,
): TensorData {
  if (datatype === 'BYTES') return readElements(name, shape, count, bytes);
  const size = bytesPerElement(datatype);
  if (bytes.length !== count * size) {
    const takes = `${datatype} of shape ${formatShape(shape)} takes ${count * size}`;
    throw invalidInput(name, `it has ${bytes.length} bytes of binary data, and ${takes}`);
  }
  if (datatype === 'BOOL' && bytes.some((byte) => byte > 1)) {
    throw invalidInput(name, 'it has a BOOL that is neither 0 nor 1');
  }
  return viewOrCopy(datatype, bytes, count);
}

function viewOrCopy(datatype: NumericDatatype, bytes: Uint8Array, count: number): TensorData {
  if (bytes.byteOffset % bytesPerElement(datatype) === 0) {
    return viewOf(datatype, bytes.buffer, bytes.byteOffset, count);
  }
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return viewOf(datatype, copy.buffer, 0, count);
}

function readElements(name: string, shape: readonly number[], count: number, bytes: Uint8Array): BytesElement[] {
  // Each element takes at least its length, so a shape alone cannot make us allocate.
  if (bytes.length < count * 4) throw miscounted(name, shape, count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements = new Array<BytesElement>(count);
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    if (at + 4 > bytes.length) throw miscounted(name, shape, count);
    const end = at + 4 + view.getUint32(at, true);
    if (end > bytes.length) {
      throw invalidInput(name, `the length of element ${i} points past the end of its binary data`);
    }
    elements[i] = bytes.subarray(at + 4, end);
    at = end;
  }
  if (at !== bytes.length) throw miscounted(name, shape, count);
  return elements;
}

function miscounted(name: string, shape: readonly number[], count: number): Error {
  return invalidInput(
    name,
    `its binary data does not hold exactly the ${count} elements of shape ${formatShape(shape)}`,
  );
}

const utf8 = new TextEncoder();

/** The bytes of a tensor in parts; those of numbers are a view of its data. */
export function binaryParts({ data }: Tensor): readonly Uint8Array[] {
  if (!isBytes(data)) return [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
  const parts: Uint8Array[] = [];
  for (const element of data) {
    const bytes = typeof element === 'string' ? utf8.encode(element) : element;
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length, true);
    parts.push(length, bytes);
  }
  return parts;
}

export function joinParts(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
