/**
 * Thrift's compact protocol, as far as the footer of a Parquet file needs it.
 *
 * A tree of fields, without a schema: what is not known is kept as it is, so a footer can be changed in a few places and
 * written again. https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
const TYPE = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
} as const;

export type Value = boolean | number | bigint | Uint8Array | List | Struct;

/** Field number → what it holds, in the order of the file. */
export type Struct = Map<number, { readonly type: number; value: Value }>;

export interface List {
  readonly item: number;
  values: Value[];
}

export function decodeStruct(bytes: Uint8Array): Struct {
  const reader = { bytes, at: 0 };
  return readStruct(reader);
}

interface Reader {
  readonly bytes: Uint8Array;
  at: number;
}

function byte(reader: Reader): number {
  const value = reader.bytes[reader.at];
  if (value === undefined) throw new Error('The Thrift data end early');
  reader.at += 1;
  return value;
}

function readVarint(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const next = byte(reader);
    value |= BigInt(next & 0x7f) << shift;
    if (next < 0x80) return value;
    if (shift > 63n) throw new Error('A Thrift number is too long');
  }
}

const zigzagDecode = (value: bigint): bigint => (value >> 1n) ^ -(value & 1n);
const zigzagEncode = (value: bigint): bigint => BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));

function readStruct(reader: Reader): Struct {
  const struct: Struct = new Map();
  let id = 0;
  for (;;) {
    const head = byte(reader);
    if (head === 0) return struct;
    const type = head & 0x0f;
    id = head >> 4 === 0 ? Number(zigzagDecode(readVarint(reader))) : id + (head >> 4);
    struct.set(id, { type, value: type === TYPE.true ? true : type === TYPE.false ? false : readValue(reader, type) });
  }
}

function readValue(reader: Reader, type: number): Value {
  switch (type) {
    case TYPE.true:
    case TYPE.false:
      // In a list, where a truth value is a byte.
      return byte(reader) === TYPE.true;
    case TYPE.byte:
      return byte(reader);
    case TYPE.i16:
    case TYPE.i32:
    case TYPE.i64:
      return zigzagDecode(readVarint(reader));
    case TYPE.double:
      return readBytes(reader, 8);
    case TYPE.binary:
      return readBytes(reader, Number(readVarint(reader)));
    case TYPE.list:
    case TYPE.set: {
      const head = byte(reader);
      const size = head >> 4 === 15 ? Number(readVarint(reader)) : head >> 4;
      const item = head & 0x0f;
      return { item, values: Array.from({ length: size }, () => readValue(reader, item)) };
    }
    case TYPE.struct:
      return readStruct(reader);
    default:
      throw new Error(`Thrift type ${type} is not expected in a footer`);
  }
}

function readBytes(reader: Reader, length: number): Uint8Array {
  const bytes = reader.bytes.subarray(reader.at, reader.at + length);
  if (bytes.length < length) throw new Error('The Thrift data end early');
  reader.at += length;
  return bytes;
}

export function encodeStruct(struct: Struct): Buffer {
  const out: number[] = [];
  writeStruct(out, struct);
  return Buffer.from(out);
}

function writeVarint(out: number[], value: bigint): void {
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  out.push(Number(rest));
}

function writeStruct(out: number[], struct: Struct): void {
  let last = 0;
  for (const [id, { type, value }] of struct) {
    const actual = typeof value === 'boolean' ? (value ? TYPE.true : TYPE.false) : type;
    const delta = id - last;
    if (delta > 0 && delta <= 15) out.push((delta << 4) | actual);
    else {
      out.push(actual);
      writeVarint(out, zigzagEncode(BigInt(id)));
    }
    last = id;
    if (typeof value !== 'boolean') writeValue(out, type, value);
  }
  out.push(0);
}

function writeValue(out: number[], type: number, value: Value): void {
  if (typeof value === 'boolean') out.push(value ? TYPE.true : TYPE.false);
  else if (typeof value === 'bigint') writeVarint(out, zigzagEncode(value));
  else if (typeof value === 'number') out.push(value);
  else if (value instanceof Uint8Array) {
    if (type === TYPE.binary) writeVarint(out, BigInt(value.length));
    for (const each of value) out.push(each);
  } else if (value instanceof Map) writeStruct(out, value);
  else {
    const size = value.values.length;
    out.push(((size < 15 ? size : 15) << 4) | value.item);
    if (size >= 15) writeVarint(out, BigInt(size));
    for (const each of value.values) writeValue(out, value.item, each);
  }
}
