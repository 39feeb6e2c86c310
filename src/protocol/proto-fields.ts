/** Fields of protobuf messages as bytes, to be put in a row. */
import { LENGTH, VARINT, WireReader, varintSize, writeVarint } from './open-inference-grpc/wire.ts';

export function lengthField(field: number, ...parts: readonly Uint8Array[]): Buffer {
  const bytes = parts.reduce((size, part) => size + part.length, 0);
  const tag = field * 8 + LENGTH;
  const head = Buffer.allocUnsafe(varintSize(tag) + varintSize(bytes));
  writeVarint(head, writeVarint(head, 0, tag), bytes);
  return Buffer.concat([head, ...parts]);
}

export function textField(field: number, text: string): Buffer {
  return text === '' ? Buffer.alloc(0) : lengthField(field, Buffer.from(text));
}

/** A safe integer. */
export function intField(field: number, value: number): Buffer {
  if (value < 0) return bigIntField(field, BigInt(value));
  const tag = field * 8 + VARINT;
  const bytes = Buffer.allocUnsafe(varintSize(tag) + varintSize(value));
  writeVarint(bytes, writeVarint(bytes, 0, tag), value);
  return bytes;
}

function bigIntField(field: number, value: bigint): Buffer {
  const bytes = [field * 8 + VARINT];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

/** `visit` reads the field whose tag it is given and returns true, or returns false. */
export function readFields(reader: WireReader, visit: (tag: number) => boolean): void {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) if (!visit(tag)) reader.skip(tag);
}

export const lengthTag = (field: number): number => field * 8 + LENGTH;

/** An entry of a map whose keys are texts. */
export function readEntry(reader: WireReader): { readonly key: string; readonly value: WireReader } {
  let key = '';
  let value = new WireReader(Buffer.alloc(0));
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) key = reader.string();
    else if (tag === lengthTag(2)) value = reader.nested();
    else return false;
    return true;
  });
  return { key, value };
}
