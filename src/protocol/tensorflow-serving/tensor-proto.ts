/**
 * TensorProto ↔ tensors: values as bytes in `tensor_content`, or in the list of their datatype.
 *
 * A list may be shorter than the shape says: the last value stands for the rest, as TensorFlow's own writers have it.
 */
import { ServeryError, invalidInput, quote } from '../../core/errors.ts';
import {
  allocate,
  bytesPerElement,
  elementCount,
  isBytes,
  type BytesElement,
  type Datatype,
  type NamedTensor,
  type NumericData,
  type NumericDatatype,
  type Tensor,
} from '../../core/tensor.ts';
import { DEFAULT_DECODE_LIMITS } from '../json.ts';
import { INTEGER_RANGE } from '../open-inference-grpc/contents-fields.ts';
import { FIXED32, FIXED64, LENGTH, VARINT, WireReader } from '../open-inference-grpc/wire.ts';
import { intField, lengthField, lengthTag, readFields } from '../proto-fields.ts';

/** Its number as a DataType, and the list of its values. */
const TYPES: Readonly<Record<Datatype, { readonly type: number; readonly field: number }>> = {
  FP32: { type: 1, field: 5 },
  FP64: { type: 2, field: 6 },
  INT32: { type: 3, field: 7 },
  UINT8: { type: 4, field: 7 },
  INT16: { type: 5, field: 7 },
  INT8: { type: 6, field: 7 },
  BYTES: { type: 7, field: 8 },
  INT64: { type: 9, field: 10 },
  BOOL: { type: 10, field: 11 },
  UINT16: { type: 17, field: 7 },
  FP16: { type: 19, field: 13 },
  UINT32: { type: 22, field: 16 },
  UINT64: { type: 23, field: 17 },
};
const DATATYPE_BY_TYPE = new Map(Object.entries(TYPES).map(([datatype, { type }]) => [type, datatype as Datatype]));
const CONTENT_FIELD = 4;
const MAX_AXES = 32;
const MAX_VARINT_BYTES = 10;
/** A list that is shorter than its tensor must not make us allocate. */
const MAX_FILLED_UP = 2 ** 20;

export function dataTypeNumber(datatype: Datatype): number {
  return TYPES[datatype].type;
}

/** @throws {ServeryError} `INVALID_INPUT`, `UNSUPPORTED`, `INVALID_REQUEST` */
export function decodeTensorProto(name: string, reader: WireReader): NamedTensor {
  let type = 0;
  let shape: readonly number[] = [];
  let content: Buffer | undefined;
  const lists: { readonly tag: number; readonly reader: WireReader }[] = [];
  const bytes: Uint8Array[] = [];
  readFields(reader, (tag) => {
    if (tag === 8 + VARINT) type = reader.uint32();
    else if (tag === lengthTag(2)) shape = readShape(name, reader.nested());
    else if (tag === lengthTag(CONTENT_FIELD)) content = reader.view();
    else if (tag === lengthTag(TYPES.BYTES.field)) bytes.push(reader.view());
    else if (isListField(tag >>> 3)) {
      const from = reader.pos;
      reader.skip(tag);
      const whole = new WireReader(reader.bytes, from, reader.pos);
      lists.push({ tag, reader: (tag & 7) === LENGTH ? whole.nested() : whole });
    } else return false;
    return true;
  });
  const datatype = DATATYPE_BY_TYPE.get(type);
  if (datatype === undefined) {
    throw new ServeryError('INVALID_INPUT', `Cannot use input ${quote(name)}: DataType ${type} is not supported`);
  }
  const count = elementCount(shape);
  if (datatype === 'BYTES') {
    const elements = content === undefined ? bytes : readStringContent(name, content, count);
    return { name, datatype, shape, data: filledUp(name, elements, count, new Uint8Array(0)) };
  }
  if (content !== undefined && content.length > 0) {
    return { name, datatype, shape, data: readContent(name, datatype, content, count) };
  }
  const values = new ListReader(name, datatype, count);
  for (const list of lists) if (list.tag >>> 3 === TYPES[datatype].field) values.read(list.reader, list.tag & 7);
  return { name, datatype, shape, data: values.finish() };
}

function isListField(field: number): boolean {
  return (field >= 5 && field <= 7) || field === 10 || field === 11 || field === 13 || field === 16 || field === 17;
}

function readShape(name: string, reader: WireReader): readonly number[] {
  const shape: number[] = [];
  let count = 1;
  readFields(reader, (tag) => {
    if (tag !== lengthTag(2)) return false;
    const dim = reader.nested();
    let size: number | bigint = 0;
    readFields(dim, (inner) => {
      if (inner !== 8 + VARINT) return false;
      size = dim.int64();
      return true;
    });
    if (size < 0) throw invalidInput(name, 'its shape has a negative size');
    count *= Number(size) || 1;
    if (shape.length === MAX_AXES || count > DEFAULT_DECODE_LIMITS.maxElements) {
      throw invalidInput(name, 'its shape has too many axes or elements');
    }
    shape.push(Number(size));
    return true;
  });
  return shape;
}

function readContent(name: string, datatype: NumericDatatype, content: Buffer, count: number): NumericData {
  if (content.length !== count * bytesPerElement(datatype)) {
    throw invalidInput(name, 'its tensor_content does not have the bytes of its shape');
  }
  const data = allocate(datatype, count);
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(content);
  if (datatype === 'BOOL') for (let i = 0; i < count; i += 1) data[i] = data[i] === 0 ? 0 : 1;
  return data;
}

/** All lengths, then all bytes. */
function readStringContent(name: string, content: Buffer, count: number): readonly Uint8Array[] {
  if (count > content.length) throw wrongCount(name, count);
  const reader = new WireReader(content);
  const lengths = Array.from({ length: count }, () => reader.uint32());
  let at = reader.pos;
  const elements = lengths.map((length) => content.subarray(at, (at += length)));
  if (at !== content.length) throw wrongCount(name, count);
  return elements;
}

class ListReader {
  readonly #name: string;
  readonly #datatype: NumericDatatype;
  readonly #count: number;
  readonly #values: (number | bigint)[] = [];
  /** All of them, where one packed run has them. */
  #whole: NumericData | undefined;

  constructor(name: string, datatype: NumericDatatype, count: number) {
    this.#name = name;
    this.#datatype = datatype;
    this.#count = count;
  }

  /** A packed run, or a single value. */
  read(reader: WireReader, wireType: number): void {
    const own = this.#datatype === 'FP32' ? FIXED32 : this.#datatype === 'FP64' ? FIXED64 : VARINT;
    if (wireType !== LENGTH && wireType !== own) throw invalidInput(this.#name, 'its values have a wrong wire type');
    if (wireType === LENGTH && this.#values.length === 0 && this.#whole === undefined) {
      this.#whole = own === VARINT ? this.#wholeOfVarints(reader) : this.#wholeOfFloats(reader);
      if (this.#whole !== undefined) return;
    }
    while (reader.pos < reader.end) {
      if (this.#whole !== undefined || this.#values.length === this.#count) throw wrongCount(this.#name, this.#count);
      this.#values.push(this.#value(reader));
    }
  }

  finish(): NumericData {
    if (this.#whole !== undefined) return this.#whole;
    const is64 = this.#datatype === 'INT64' || this.#datatype === 'UINT64';
    const data = allocate(this.#datatype, this.#count) as Float64Array;
    const values = filledUp<number | bigint>(this.#name, this.#values, this.#count, is64 ? 0n : 0);
    for (let i = 0; i < values.length; i += 1) data[i] = values[i] as number;
    return data;
  }

  /** Bytes are copied, so that NaN keeps its bits. */
  #wholeOfFloats({ bytes, pos, end }: WireReader): NumericData | undefined {
    const run = bytes.subarray(pos, end);
    const isWhole = run.length > 0 && run.length === this.#count * bytesPerElement(this.#datatype);
    return isWhole ? readContent(this.#name, this.#datatype, run, this.#count) : undefined;
  }

  #wholeOfVarints(reader: WireReader): NumericData | undefined {
    let count = 0;
    for (let at = reader.pos; at < reader.end; at += 1) if (reader.bytes[at]! < 0x80) count += 1;
    if (count !== this.#count) return undefined;
    const data = allocate(this.#datatype, count);
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      const halves = new Uint32Array(data.buffer, data.byteOffset, count * 2);
      for (let i = 0; i < halves.length; i += 2) {
        reader.uint64();
        halves[i] = reader.low;
        halves[i + 1] = reader.high;
      }
    } else for (let i = 0; i < count; i += 1) data[i] = this.#value(reader, i) as number;
    // Bytes after the last value are of one that does not end.
    if (reader.pos < reader.end) reader.uint64();
    return data;
  }

  #value(reader: WireReader, index = this.#values.length): number | bigint {
    const datatype = this.#datatype;
    if (datatype === 'FP32' || datatype === 'FP64') {
      const size = datatype === 'FP32' ? 4 : 8;
      const at = reader.pos;
      if (reader.end - at < size) throw invalidInput(this.#name, 'its values end within one');
      reader.pos = at + size;
      return size === 4 ? reader.bytes.readFloatLE(at) : reader.bytes.readDoubleLE(at);
    }
    reader.uint64();
    const { low, high } = reader;
    if (datatype === 'INT64') return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
    if (datatype === 'UINT64') return (BigInt(high) << 32n) | BigInt(low);
    if (datatype === 'BOOL') return low === 0 && high === 0 ? 0 : 1;
    const range = datatype === 'FP16' ? INTEGER_RANGE.UINT16! : INTEGER_RANGE[datatype]!;
    const value = range.isSigned || high === 0xffff_ffff ? low | 0 : low;
    const isNarrow = high === 0 || high === 0xffff_ffff;
    if (isNarrow && value >= range.min && value <= range.max) return value;
    throw invalidInput(this.#name, `element ${index} is out of range for ${datatype}`);
  }
}

function filledUp<T>(name: string, values: readonly T[], count: number, zero: T): readonly T[] {
  if (values.length === count) return values;
  if (values.length > count || count > MAX_FILLED_UP) throw wrongCount(name, count);
  const last = values.at(-1) ?? zero;
  return [...values, ...new Array<T>(count - values.length).fill(last)];
}

function wrongCount(name: string, count: number): ServeryError {
  return invalidInput(name, `its values are not the ${count} elements of its shape`);
}

/**
 * In the list of its datatype, as TensorFlow Serving answers: its clients read `float_val`, and not all of them look
 * for `tensor_content`.
 */
export function encodeTensorProto({ datatype, shape, data }: Tensor): Buffer {
  const { type, field } = TYPES[datatype];
  const parts = [intField(1, type), lengthField(2, ...shape.map((size) => lengthField(2, intField(1, size))))];
  if (isBytes(data)) for (const element of data) parts.push(lengthField(field, bytesOf(element)));
  else if (data.length > 0) parts.push(lengthField(field, packed(datatype, data)));
  return Buffer.concat(parts);
}

/** Floats, and the zeros and ones of BOOL, are in memory as they are on the wire. */
function packed(datatype: Datatype, data: NumericData): Uint8Array {
  if (datatype === 'FP32' || datatype === 'FP64' || datatype === 'BOOL') {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  const bytes = Buffer.allocUnsafe(data.length * MAX_VARINT_BYTES);
  let at = 0;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const halves = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
    for (let i = 0; i < halves.length; i += 2) at = writeVarint64(bytes, at, halves[i]!, halves[i + 1]!);
  } else for (const value of data) at = writeVarint64(bytes, at, value >>> 0, value < 0 ? 0xffff_ffff : 0);
  return bytes.subarray(0, at);
}

/** Of two halves without a sign; a bigint would cost ten times as much. */
function writeVarint64(bytes: Buffer, start: number, lowHalf: number, highHalf: number): number {
  let [at, low, high] = [start, lowHalf, highHalf];
  for (; high !== 0; high >>>= 7) {
    bytes[at++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
  }
  for (; low > 0x7f; low >>>= 7) bytes[at++] = (low & 0x7f) | 0x80;
  bytes[at++] = low;
  return at;
}

function bytesOf(element: BytesElement): Uint8Array {
  return typeof element === 'string' ? Buffer.from(element) : element;
}
