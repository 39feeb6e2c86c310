/** `google.protobuf.Value`: JSON in protobuf, whose numbers are doubles. */
import { ServeryError, quote } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import { elementCount, type BytesElement, type Tensor } from '../../core/tensor.ts';
import { fromHalf } from '../half.ts';
import { rowsOf } from '../instances.ts';
import { nestingExceeded } from '../json.ts';
import { FIXED64, VARINT, malformed, type WireReader } from '../open-inference-grpc/wire.ts';
import { lengthField, lengthTag, readEntry, readFields } from '../proto-fields.ts';
import { textOf } from '../values-out.ts';

const NULL = 1 * 8 + VARINT;
const NUMBER = 2 * 8 + FIXED64;
const BOOL = 4 * 8 + VARINT;
const STRING_FIELD = 3;
const STRUCT_FIELD = 5;
const LIST_FIELD = 6;

/**
 * As JSON would have it.
 *
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function decodeValue(reader: WireReader, maxNesting: number, depth = 0): unknown {
  if (depth > maxNesting) throw nestingExceeded(maxNesting);
  let value: unknown;
  readFields(reader, (tag) => {
    switch (tag) {
      case NULL:
        reader.uint32();
        value = null;
        return true;
      case NUMBER:
        value = reader.double();
        return true;
      case BOOL:
        value = reader.uint32() !== 0;
        return true;
      case lengthTag(STRING_FIELD):
        value = reader.string();
        return true;
      case lengthTag(STRUCT_FIELD):
        value = decodeStruct(reader.nested(), maxNesting, depth);
        return true;
      case lengthTag(LIST_FIELD):
        value = decodeList(reader.nested(), maxNesting, depth);
        return true;
      default:
        return false;
    }
  });
  // Clients that set a field of another name send nothing at all.
  if (value === undefined) throw malformed('a google.protobuf.Value has no kind');
  return value;
}

function decodeStruct(reader: WireReader, maxNesting: number, depth: number): unknown {
  const entries: [string, unknown][] = [];
  readFields(reader, (tag) => {
    if (tag !== lengthTag(1)) return false;
    const { key, value } = readEntry(reader.nested());
    entries.push([key, decodeValue(value, maxNesting, depth + 1)]);
    return true;
  });
  return Object.fromEntries(entries);
}

function decodeList(reader: WireReader, maxNesting: number, depth: number): unknown {
  const items: unknown[] = [];
  readFields(reader, (tag) => {
    if (tag !== lengthTag(1)) return false;
    items.push(decodeValue(reader.nested(), maxNesting, depth + 1));
    return true;
  });
  return items;
}

/**
 * A Value for each row, as JSON has them: an object of the outputs, or the only one itself.
 *
 * @throws {ServeryError} `INVALID_REQUEST` when the outputs differ in their number of rows, `UNSUPPORTED` when a value
 *   has no form
 */
export function encodeRows({ outputs: specs }: Signature, outputs: readonly Tensor[]): readonly Buffer[] {
  const rows = rowsOf(specs, outputs);
  return Array.from({ length: rows }, (_, row) => {
    const values = specs.map(({ name }, i) => {
      const inner = outputs[i]!.shape.slice(1);
      return nestValue(outputs[i]!, inner, row * elementCount(inner), name);
    });
    const [only] = values;
    if (only !== undefined && values.length === 1) return only;
    const entries = specs.map(({ name }, i) => {
      return lengthField(1, lengthField(1, Buffer.from(name)), lengthField(2, values[i]!));
    });
    return lengthField(STRUCT_FIELD, ...entries);
  });
}

/** A Value of what was read from JSON text. */
export function encodeJson(value: unknown): Buffer {
  if (value === null) return Buffer.from([NULL, 0]);
  switch (typeof value) {
    case 'boolean':
      return Buffer.from([BOOL, Number(value)]);
    case 'number': {
      const bytes = Buffer.allocUnsafe(NUMBER_BYTES);
      bytes[0] = NUMBER;
      bytes.writeDoubleLE(value, 1);
      return bytes;
    }
    case 'string':
      return lengthField(STRING_FIELD, Buffer.from(value));
    default:
      return Array.isArray(value)
        ? lengthField(LIST_FIELD, ...value.map((item) => lengthField(1, encodeJson(item))))
        : lengthField(STRUCT_FIELD, ...Object.entries(value as object).map(encodeEntry));
  }
}

function encodeEntry([key, value]: readonly [string, unknown]): Buffer {
  return lengthField(1, lengthField(1, Buffer.from(key)), lengthField(2, encodeJson(value)));
}

function nestValue(tensor: Tensor, shape: readonly number[], from: number, name: string): Buffer {
  const [size, ...inner] = shape;
  if (size === undefined) return singleValue(tensor, from, name);
  if (inner.length === 0 && tensor.datatype !== 'BYTES' && tensor.datatype !== 'BOOL') {
    return lengthField(LIST_FIELD, numberItems(tensor, from, size, name));
  }
  const step = elementCount(inner);
  const items = Array.from({ length: size }, (_, i) => lengthField(1, nestValue(tensor, inner, from + i * step, name)));
  return lengthField(LIST_FIELD, ...items);
}

function singleValue({ datatype, data }: Tensor, at: number, name: string): Buffer {
  if (datatype === 'BOOL') return Buffer.from([BOOL, Number(data[at])]);
  if (datatype === 'BYTES') return bytesValue(data[at] as BytesElement, name);
  return numberItems({ datatype, data, shape: [] }, at, 1, name).subarray(2);
}

function bytesValue(element: BytesElement, name: string): Buffer {
  // What ends so holds bytes and not text, as in the JSON of all protocols by instances.
  if (!name.endsWith('_bytes')) return lengthField(STRING_FIELD, Buffer.from(textOf(element, name)));
  const text = lengthField(STRING_FIELD, Buffer.from(Buffer.from(element as Uint8Array).toString('base64')));
  return lengthField(STRUCT_FIELD, lengthField(1, lengthField(1, Buffer.from('b64')), lengthField(2, text)));
}

const NUMBER_BYTES = 9;
const NUMBER_ITEM_BYTES = 2 + NUMBER_BYTES;

/** The items of a ListValue; what is not finite is null, as JSON has it. */
function numberItems({ datatype, data }: Tensor, from: number, count: number, name: string): Buffer {
  const bytes = Buffer.allocUnsafe(count * NUMBER_ITEM_BYTES);
  let at = 0;
  for (let i = from; i < from + count; i += 1) {
    const raw = data[i] as number | bigint;
    const value = datatype === 'FP16' ? fromHalf(raw as number) : typeof raw === 'bigint' ? exact(raw, name) : raw;
    bytes[at++] = lengthTag(1);
    if (Number.isFinite(value)) {
      bytes[at++] = NUMBER_BYTES;
      bytes[at++] = NUMBER;
      at = bytes.writeDoubleLE(value, at);
    } else {
      bytes[at++] = 2;
      bytes[at++] = NULL;
      bytes[at++] = 0;
    }
  }
  return bytes.subarray(0, at);
}

function exact(value: bigint, name: string): number {
  const number = Number(value);
  if (BigInt(number) === value) return number;
  throw new ServeryError(
    'UNSUPPORTED',
    `Cannot write output ${quote(name)} as doubles: it has an integer beyond 2^53`,
    {
      hint: 'Ask with RawPredict.',
    },
  );
}
