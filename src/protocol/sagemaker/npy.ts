/**
 * One array in NumPy's file form: `\x93NUMPY`, a version, a header that is a Python dictionary, and the data.
 *
 * Rules: NumPy, `lib/format.py`. Objects, which would be pickles, are never read.
 */
import { endianness } from 'node:os';
import { ServeryError, invalidInput, quote } from '../../core/errors.ts';
import {
  bytesPerElement,
  elementCount,
  viewOf,
  type Datatype,
  type NamedTensor,
  type NumericData,
  type NumericDatatype,
  type Tensor,
} from '../../core/tensor.ts';
import type { TensorSpec } from '../../core/signature.ts';
import { fromHalf } from '../half.ts';
import type { DecodeLimits } from '../json.ts';
import { allocateData, fill, problemOf } from '../values-in.ts';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const ALIGNMENT = 64;
const LONGEST_HEADER = 4096;
const MOST_AXES = 32;

const TYPES: Readonly<Record<string, NumericDatatype>> = {
  b1: 'BOOL',
  u1: 'UINT8',
  u2: 'UINT16',
  u4: 'UINT32',
  u8: 'UINT64',
  i1: 'INT8',
  i2: 'INT16',
  i4: 'INT32',
  i8: 'INT64',
  f2: 'FP16',
  f4: 'FP32',
  f8: 'FP64',
};

export function isNpy(body: Uint8Array): boolean {
  return MAGIC.equals(body.subarray(0, MAGIC.length));
}

/**
 * The only input of a model. An array of another type is converted where every value fits.
 *
 * @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `PAYLOAD_TOO_LARGE`
 */
export function decodeNpy(body: Uint8Array, { name, datatype }: TensorSpec, limits: DecodeLimits): NamedTensor {
  const { type, isBig, isFortran, shape, data: bytes } = readHeader(body);
  const count = elementCount(shape);
  if (count > limits.maxElements) {
    throw new ServeryError(
      'PAYLOAD_TOO_LARGE',
      `Cannot read the array: it has more than ${limits.maxElements} elements`,
    );
  }
  const size = bytesPerElement(type);
  if (bytes.length !== count * size) {
    throw unreadable(`its shape needs ${count * size} bytes of data, and it has ${bytes.length}`);
  }
  // A copy of its own: the data is aligned, and in our byte order.
  const copy = Buffer.from(new Uint8Array(bytes).buffer);
  if (size > 1 && isBig !== (endianness() === 'BE')) swap(copy, size);
  const sent = viewOf(type, copy.buffer, copy.byteOffset, count);
  const data = isFortran ? lastAxisFirst(sent, shape) : sent;
  if (type === 'BOOL' && (data as Uint8Array).some((value) => value > 1)) throw unreadable('a boolean is not 0 or 1');
  if (type === datatype) return { name, datatype, shape, data };
  return { name, datatype, shape, data: converted(name, datatype, type, data) };
}

/** Fortran's order, in which pandas gives the values of a table, into ours. */
function lastAxisFirst(sent: NumericData, shape: readonly number[]): NumericData {
  const source = sent as Float64Array; // any of them: values are only moved
  const strides = shape.map((_, axis) => elementCount(shape.slice(0, axis)));
  const data = source.slice();
  const at = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < data.length; to += 1) {
    data[to] = source[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      from += strides[axis]!;
      if (++at[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return data;
}

function converted(name: string, datatype: Datatype, type: NumericDatatype, data: NumericData): NamedTensor['data'] {
  if (datatype === 'BYTES' || (type === 'BOOL') !== (datatype === 'BOOL')) {
    throw invalidInput(name, `it is an array of ${type}, expected ${datatype}`);
  }
  const values = type === 'FP16' ? Float32Array.from(data as Uint16Array, fromHalf) : data;
  const target = allocateData(datatype, data.length);
  const misfit = fill(datatype, target, 0, values, { nonFinite: true, missing: false });
  if (misfit === -1) return target;
  throw problemOf(datatype, values[misfit], `element ${misfit} of input ${quote(name)}`);
}

interface Header {
  readonly type: NumericDatatype;
  readonly isBig: boolean;
  readonly isFortran: boolean;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

function readHeader(body: Uint8Array): Header {
  if (!isNpy(body)) throw unreadable('it does not begin as a .npy file does');
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  const major = bytes[6] ?? 0;
  const start = major === 1 ? 10 : 12;
  if (major < 1 || major > 3 || bytes.length < start) throw unreadable('its version is not 1, 2 or 3');
  const length = major === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  if (length > LONGEST_HEADER || start + length > bytes.length) throw unreadable('its header is cut off or too long');
  const text = bytes.toString('latin1', start, start + length);
  const [, order = '', code = ''] = /'descr':\s*'([<>=|])([a-z][0-9]+)'/.exec(text) ?? [];
  const [, fortran] = /'fortran_order':\s*(True|False)/.exec(text) ?? [];
  const [, axes] = /'shape':\s*\(([0-9L,\s]*)\)/.exec(text) ?? [];
  const type = Object.hasOwn(TYPES, code) ? TYPES[code] : undefined;
  if (type === undefined) throw unreadable('its type is not a number or boolean');
  if (fortran === undefined || axes === undefined) throw unreadable('its header lacks fortran_order or shape');
  // Python 2 wrote the sizes as its long integers.
  const sizes = axes.split(',').map((axis) => axis.trim().replace(/L$/, ''));
  const shape = sizes.flatMap((size) => (size === '' ? [] : [Number(size)]));
  if (shape.length > MOST_AXES || !Number.isSafeInteger(elementCount(shape))) {
    throw unreadable('its shape is too large');
  }
  return { type, isBig: order === '>', isFortran: fortran === 'True', shape, data: body.subarray(start + length) };
}

function swap(bytes: Buffer, size: number): void {
  if (size === 2) bytes.swap16();
  else if (size === 4) bytes.swap32();
  else bytes.swap64();
}

function unreadable(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Cannot read the array: ${problem}`);
}

/** @throws {ServeryError} `UNSUPPORTED` for texts, which only a pickle could hold */
export function encodeNpy({ datatype, shape, data }: Tensor): Uint8Array {
  const code = Object.keys(TYPES).find((key) => TYPES[key] === datatype);
  if (code === undefined) {
    throw new ServeryError('UNSUPPORTED', `Cannot answer as application/x-npy: an output is ${datatype}`);
  }
  const values = data as NumericData;
  const bytes = Buffer.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const size = bytesPerElement(datatype);
  if (size > 1 && endianness() === 'BE') swap(bytes, size);
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dictionary = `{'descr': '${size === 1 ? '|' : '<'}${code}', 'fortran_order': False, 'shape': (${axes}), }`;
  const length = Math.ceil((10 + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT - 10;
  const head = Buffer.from([...MAGIC, 1, 0, length & 0xff, length >> 8]);
  return Buffer.concat([head, Buffer.from(`${dictionary.padEnd(length - 1)}\n`, 'latin1'), bytes]);
}
