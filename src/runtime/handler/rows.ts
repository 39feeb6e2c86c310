/**
 * Tensors ↔ rows, inside a handler thread.
 *
 * A handler sees plain objects: a number, bigint, boolean, text or bytes for each input, nested lists where
 * a row has axes of its own. What it returns is checked against its signature, value by value: a
 * wrong one is an error that says which row and output, never a number that is nearly right.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import type { TensorSpec } from '../../core/signature.ts';
import { allocate, elementCount, type BytesElement, type NumericData, type Tensor } from '../../core/tensor.ts';

export interface InputColumn {
  readonly spec: TensorSpec;
  /** BYTES: as text, or as bytes. */
  readonly as: 'text' | 'bytes';
}

export type Row = Record<string, unknown>;

/** Values of one input, ready to be read by position. */
type Values = ArrayLike<unknown>;

export function readRows(columns: readonly InputColumn[], tensors: readonly Tensor[], rows: number): Row[] {
  const result: Row[] = Array.from({ length: rows }, () => ({}));
  for (const [i, { spec, as }] of columns.entries()) {
    const tensor = tensors[i]!;
    const values = readValues(tensor, as);
    const inner = tensor.shape.slice(1);
    const size = elementCount(inner);
    const { name } = spec;
    for (let row = 0; row < rows; row += 1) {
      result[row]![name] = inner.length === 0 ? values[row] : nest(values, row * size, inner, 0);
    }
  }
  return result;
}

function readValues({ datatype, data }: Tensor, as: 'text' | 'bytes'): Values {
  if (datatype === 'BYTES') {
    const elements = data as readonly BytesElement[];
    return as === 'text' ? elements.map(asText) : elements.map(asBytes);
  }
  if (datatype === 'BOOL') return Array.from(data as Uint8Array, (value) => value !== 0);
  if (datatype === 'FP16') {
    const bits = data as Uint16Array;
    return new Float16Array(bits.buffer, bits.byteOffset, bits.length);
  }
  return data as NumericData;
}

function nest(values: Values, from: number, shape: readonly number[], axis: number): unknown[] {
  const length = shape[axis]!;
  const list = new Array<unknown>(length);
  const isLast = axis === shape.length - 1;
  const stride = isLast ? 1 : elementCount(shape.slice(axis + 1));
  for (let i = 0; i < length; i += 1) {
    list[i] = isLast ? values[from + i] : nest(values, from + i * stride, shape, axis + 1);
  }
  return list;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const asText = (element: BytesElement) => (typeof element === 'string' ? element : decoder.decode(element));
const asBytes = (element: BytesElement) => (typeof element === 'string' ? encoder.encode(element) : element);

/**
 * One tensor for each output, with as many rows as there are in `results`.
 *
 * @throws {ServeryError} `HANDLER_FAILED`, naming the row and the output
 */
export function writeRows(outputs: readonly TensorSpec[], results: readonly unknown[]): Tensor[] {
  for (const [row, result] of results.entries()) checkKeys(outputs, result, row);
  return outputs.map((spec) => writeColumn(spec, results as readonly Row[]));
}

function checkKeys(outputs: readonly TensorSpec[], result: unknown, row: number): void {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) {
    throw failure(`row ${row} is ${kindOf(result)}, expected an object`);
  }
  for (const { name } of outputs) {
    if (!Object.hasOwn(result, name)) throw failure(`row ${row} has no output ${quote(name)}`);
  }
  if (Object.keys(result).length === outputs.length) return;
  const unknown = Object.keys(result).find((key) => !outputs.some(({ name }) => name === key)) ?? '';
  throw failure(`row ${row} has ${quote(unknown)}, which is no output of the signature`);
}

function writeColumn(spec: TensorSpec, results: readonly Row[]): Tensor {
  const { name, datatype } = spec;
  const wanted = spec.shape.slice(1);
  // A free axis takes its size from the first row, and the others have to agree: a tensor has no ragged rows.
  const inner = wanted.includes(null) ? sizesOf(results[0]?.[name], wanted) : (wanted as number[]);
  const shape = [results.length, ...inner];
  const size = elementCount(inner);
  const write = WRITERS[datatype];
  const data =
    datatype === 'BYTES' ? new Array<BytesElement>(results.length * size) : allocate(datatype, results.length * size);
  const target = (datatype === 'FP16' ? new Float16Array((data as Uint16Array).buffer) : data) as Target;
  const place = (value: unknown, at: number, row: number) => {
    const written = write(value);
    if (written === undefined) {
      throw failure(`row ${row}, output ${quote(name)}: expected ${EXPECTED[datatype]}, got ${kindOf(value)}`);
    }
    target[at] = written;
  };
  const fill = (value: unknown, at: number, axis: number, row: number): void => {
    if (axis === inner.length) return place(value, at, row);
    // A typed array is the rest of the row at once.
    const isFlat = isTypedArray(value);
    const length = isFlat ? elementCount(inner.slice(axis)) : inner[axis]!;
    if ((!Array.isArray(value) && !isFlat) || value.length !== length) {
      throw failure(`row ${row}, output ${quote(name)}: expected ${length} values, got ${kindOf(value)}`);
    }
    const stride = isFlat ? 1 : elementCount(inner.slice(axis + 1));
    const next = isFlat ? inner.length : axis + 1;
    for (let i = 0; i < length; i += 1) fill(value[i], at + i * stride, next, row);
  };
  for (const [row, result] of results.entries()) fill(result[name], row * size, 0, row);
  return { datatype, shape, data };
}

function sizesOf(value: unknown, wanted: readonly (number | null)[]): number[] {
  const [size, ...rest] = wanted;
  if (size === undefined) return [];
  const length = size ?? (Array.isArray(value) || isTypedArray(value) ? value.length : 0);
  return [length, ...sizesOf(Array.isArray(value) ? value[0] : undefined, rest)];
}

type Target = { [index: number]: unknown };
type Write = (value: unknown) => unknown;

const float: Write = (value) => (typeof value === 'number' ? value : undefined);

function integer(minimum: number, maximum: number): Write {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum ? value : undefined;
}

function bigInteger(minimum: bigint, maximum: bigint): Write {
  return (value) => {
    const big = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
    return typeof big === 'bigint' && big >= minimum && big <= maximum ? big : undefined;
  };
}

/** What is stored for a value, or undefined when it does not fit the datatype. */
const WRITERS: Readonly<Record<Tensor['datatype'], Write>> = {
  BOOL: (value) => (typeof value === 'boolean' ? Number(value) : undefined),
  UINT8: integer(0, 0xff),
  UINT16: integer(0, 0xffff),
  UINT32: integer(0, 0xffff_ffff),
  UINT64: bigInteger(0n, 0xffff_ffff_ffff_ffffn),
  INT8: integer(-0x80, 0x7f),
  INT16: integer(-0x8000, 0x7fff),
  INT32: integer(-0x8000_0000, 0x7fff_ffff),
  INT64: bigInteger(-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn),
  FP16: float,
  FP32: float,
  FP64: float,
  // Copied: bytes cross to another thread, and the handler may go on using its own.
  BYTES: (value) =>
    typeof value === 'string' ? value : value instanceof Uint8Array ? new Uint8Array(value) : undefined,
};

const EXPECTED: Readonly<Record<Tensor['datatype'], string>> = {
  BOOL: 'true or false',
  UINT8: 'an integer from 0 to 255',
  UINT16: 'an integer from 0 to 65535',
  UINT32: 'an integer from 0 to 4294967295',
  UINT64: 'a bigint (or safe integer) of UINT64',
  INT8: 'an integer from -128 to 127',
  INT16: 'an integer from -32768 to 32767',
  INT32: 'an integer from -2147483648 to 2147483647',
  INT64: 'a bigint (or safe integer) of INT64',
  FP16: 'a number',
  FP32: 'a number',
  FP64: 'a number',
  BYTES: 'text or a Uint8Array',
};

function isTypedArray(value: unknown): value is NumericData {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/** The kind of a value, never the value itself. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value) || isTypedArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'undefined') return 'undefined';
  if (typeof value === 'number' && !Number.isInteger(value)) return 'a number that is no integer';
  if (typeof value === 'number' || typeof value === 'bigint') return `a ${typeof value} that does not fit`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function failure(problem: string): ServeryError {
  return new ServeryError('HANDLER_FAILED', `The handler gave a wrong result: ${problem}`, {
    hint: 'Compare what `predict` returns with the outputs of its signature.',
  });
}
