/**
 * Tensors: the only form in which model data crosses a folder border.
 *
 * Protocols decode bytes into tensors and runtimes run on tensors, so p protocols and r runtimes
 * need p + r converters, not p × r. Names and datatypes are those of the Open Inference Protocol.
 */

/** The array that holds each fixed-size datatype. BOOL is 0 or 1; FP16 is its raw bits. */
const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

export type NumericDatatype = keyof typeof ARRAYS;
export type Datatype = NumericDatatype | 'BYTES';

/** Over an `ArrayBuffer`, or over a `SharedArrayBuffer` that another thread reads. */
export type NumericData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** One BYTES element: text, or bytes that need not be text. */
export type BytesElement = string | Uint8Array;
export type TensorData = NumericData | readonly BytesElement[];

export interface Tensor {
  readonly datatype: Datatype;
  /** Size of each axis, outermost first; axis 0 counts rows. `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Row-major values; the length is the product of `shape`. */
  readonly data: TensorData;
}

/** A tensor as a request names it. A list may still hold a name twice: `checkInputs` refuses that. */
export interface NamedTensor extends Tensor {
  readonly name: string;
}

export const DATATYPES: readonly Datatype[] = [...(Object.keys(ARRAYS) as NumericDatatype[]), 'BYTES'];

export function isDatatype(text: unknown): text is Datatype {
  return text === 'BYTES' || (typeof text === 'string' && Object.hasOwn(ARRAYS, text));
}

/** Bytes of one element; 0 for BYTES, whose elements vary. */
export function bytesPerElement(datatype: Datatype): number {
  return datatype === 'BYTES' ? 0 : ARRAYS[datatype].BYTES_PER_ELEMENT;
}

/** A zeroed array for `length` elements. */
export function allocate(datatype: NumericDatatype, length: number): NumericData {
  return new ARRAYS[datatype](length);
}

/** A typed view of bytes that are already there; `byteOffset` must be a multiple of the element size. */
export function viewOf(
  datatype: NumericDatatype,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): NumericData {
  return new (ARRAYS[datatype] as new (b: ArrayBufferLike, o: number, n: number) => NumericData)(
    buffer,
    byteOffset,
    length,
  );
}

/** Product of a shape; 1 for a scalar. The caller has bounded the axes, so it cannot overflow silently. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

export function isBytes(data: TensorData): data is readonly BytesElement[] {
  return Array.isArray(data);
}

/** Rows `from` (included) to `to` (not included) along axis 0, as a view where the data allows one. */
export function sliceRows(tensor: Tensor, from: number, to: number): Tensor {
  const [, ...inner] = tensor.shape;
  const size = elementCount(inner);
  const data = isBytes(tensor.data)
    ? tensor.data.slice(from * size, to * size)
    : tensor.data.subarray(from * size, to * size);
  return { datatype: tensor.datatype, shape: [to - from, ...inner], data };
}
