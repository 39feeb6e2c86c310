/** Tensors and the messages of direct predictions in protobuf, by the numbers of their fields. */
import type { Tensor } from '../../core/tensor.ts';
import { FIXED32, FIXED64, VARINT, WireReader, malformed } from '../open-inference-grpc/wire.ts';
import { intField, lengthField, lengthTag, readEntry, readFields, textField } from '../proto-fields.ts';
import { DATATYPES, toWritten, type RawTensor } from './tensors.ts';

/** Structures within structures: none of a model's inputs has more. */
const MAX_DEPTH = 2;

export interface DirectCall {
  readonly endpoint: string;
  readonly inputs: readonly RawTensor[];
  readonly parameters: RawTensor | undefined;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function decodeDirectCall(message: Buffer): DirectCall {
  const reader = new WireReader(message);
  const inputs: RawTensor[] = [];
  let endpoint = '';
  let parameters: RawTensor | undefined;
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) endpoint = reader.string();
    else if (tag === lengthTag(2)) inputs.push(decodeTensor(reader.nested(), 0));
    else if (tag === lengthTag(3)) parameters = decodeTensor(reader.nested(), 0);
    else return false;
    return true;
  });
  return { endpoint, inputs, parameters };
}

export interface DirectRawCall {
  readonly endpoint: string;
  readonly methodName: string;
  readonly input: Buffer;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function decodeDirectRawCall(message: Buffer): DirectRawCall {
  const reader = new WireReader(message);
  let [endpoint, methodName, input] = ['', '', Buffer.alloc(0)];
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) endpoint = reader.string();
    else if (tag === lengthTag(2)) methodName = reader.string();
    else if (tag === lengthTag(3)) input = Buffer.from(reader.view());
    else return false;
    return true;
  });
  return { endpoint, methodName, input };
}

function decodeTensor(reader: WireReader, depth: number): RawTensor {
  if (depth > MAX_DEPTH) throw malformed('its structures are nested too deeply');
  const shape: number[] = [];
  const values: unknown[] = [];
  let dtype = 0;
  let content: Uint8Array | undefined;
  let struct: Record<string, RawTensor> | undefined;
  readFields(reader, (tag) => {
    const field = tag >>> 3;
    const wire = tag & 7;
    if (field === 1 && wire === VARINT) dtype = reader.uint32();
    else if (field === 2) repeated(reader, wire, (one) => shape.push(Number(one.int64())));
    else if (field === 3) repeated(reader, wire, (one) => values.push(one.uint32() !== 0));
    else if (field === 5 && wire === FIXED32) values.push(float(reader));
    else if (field === 5) repeated(reader, wire, (one) => values.push(float(one)));
    else if (field === 6 && wire === FIXED64) values.push(reader.double());
    else if (field === 6) repeated(reader, wire, (one) => values.push(one.double()));
    else if (field === 7 || field === 8) repeated(reader, wire, (one) => values.push(one.int64()));
    else if (field === 9 || field === 10) repeated(reader, wire, (one) => values.push(unsigned(one)));
    else if (tag === lengthTag(12)) {
      const { key, value } = readEntry(reader.nested());
      struct = { ...struct, [key]: decodeTensor(value, depth + 1) };
    } else if (tag === lengthTag(13)) content = reader.view();
    else if (tag === lengthTag(14)) values.push(reader.string());
    else if (tag === lengthTag(15)) values.push(new Uint8Array(reader.view()));
    else return false;
    return true;
  });
  return { dtype, shape, values, content, struct };
}

/** Packed, or each in a field of its own. */
function repeated(reader: WireReader, wire: number, read: (reader: WireReader) => void): void {
  if (wire !== 2) return read(reader);
  const packed = reader.nested();
  while (packed.pos < packed.end) read(packed);
}

function float(reader: WireReader): number {
  const { pos, end, bytes } = reader;
  if (end - pos < 4) throw malformed('it ends in the middle of a field');
  reader.pos += 4;
  return bytes.readFloatLE(pos);
}

function unsigned(reader: WireReader): number | bigint {
  reader.uint64();
  const value = (BigInt(reader.high) << 32n) | BigInt(reader.low);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

function encodeTensor(tensor: Tensor): Buffer {
  const { dtype, shape, values } = toWritten(tensor);
  return Buffer.concat([intField(1, dtype), ...shape.map((size) => intField(2, size)), ...encodeValues(dtype, values)]);
}

function encodeValues(dtype: number, values: readonly unknown[]): readonly Buffer[] {
  switch (DATATYPES[dtype]) {
    case 'BYTES':
      return values.map((value) =>
        typeof value === 'string' ? lengthField(14, Buffer.from(value)) : lengthField(15, value as Uint8Array),
      );
    case 'FP32':
      return [lengthField(5, new Uint8Array(Float32Array.from(values as number[]).buffer))];
    case 'FP64':
      return [lengthField(6, new Uint8Array(Float64Array.from(values as number[]).buffer))];
    case 'BOOL':
      return [lengthField(3, Buffer.from(values.map(Number)))];
    case 'INT64':
      return [lengthField(8, varints(values))];
    case 'UINT64':
      return [lengthField(10, varints(values))];
    default:
      return [lengthField(dtype >= 9 ? 9 : 7, varints(values))];
  }
}

function varints(values: readonly unknown[]): Buffer {
  const bytes: number[] = [];
  for (const value of values) {
    let rest = BigInt.asUintN(64, BigInt(value as number | bigint));
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
  }
  return Buffer.from(bytes);
}

/** @param names of the outputs, where they are asked for by name */
export function encodeDirectAnswer(outputs: readonly Tensor[], names: readonly string[] | undefined): Buffer {
  if (names === undefined) return Buffer.concat(outputs.map((output) => lengthField(1, encodeTensor(output))));
  const entries = outputs.map((output, i) => {
    return lengthField(12, textField(1, names[i]!), lengthField(2, encodeTensor(output)));
  });
  return lengthField(1, ...entries);
}

export function encodeDirectRawAnswer(output: Uint8Array): Buffer {
  return lengthField(1, output);
}
