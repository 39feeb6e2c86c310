/**
 * The client's side of the Open Inference Protocol: tensors to a request body, an answer's body to tensors.
 *
 * Numbers travel as JSON while they are few and as binary tensors when they are many: parsing the text of a
 * large array costs more than the model.
 */
import { ServeryError } from '../core/errors.ts';
import {
  bytesPerElement,
  elementCount,
  isBytes,
  isDatatype,
  viewOf,
  type BytesElement,
  type Datatype,
  type NumericData,
  type Tensor,
} from '../core/tensor.ts';

/** From this size on, tensors are sent and asked for in binary. */
const BINARY_FROM_BYTES = 4096;

export interface InferBody {
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

export function encodeInferBody(
  inputs: Readonly<Record<string, Tensor>>,
  parameters: Readonly<Record<string, string | number | boolean>> | undefined,
): InferBody {
  const tensors = Object.entries(inputs);
  const asBinary = tensors.some(([, tensor]) => mustBeBinary(tensor));
  const chunks: Uint8Array[] = [];
  const listed = tensors.map(([name, { datatype, shape, data }]) => {
    if (!asBinary) {
      return { name, datatype, shape, data: isBytes(data) ? data : Array.from<number | bigint, number>(data, Number) };
    }
    const bytes = isBytes(data) ? frameBytes(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    chunks.push(bytes);
    return { name, datatype, shape, parameters: { binary_data_size: bytes.byteLength } };
  });
  // Answers always come in binary: exact for every datatype, and cheaper to read at any size.
  const text = JSON.stringify({ parameters: { ...parameters, binary_data_output: true }, inputs: listed });
  if (!asBinary) return { body: text, headers: { 'content-type': 'application/json' } };
  const header = new TextEncoder().encode(text);
  return {
    body: join([header, ...chunks]),
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(header.byteLength),
    },
  };
}

/**
 * @param headerLength value of the answer's `Inference-Header-Content-Length`
 * @throws {ServeryError} `INVALID_REQUEST` when the answer is not what the protocol says
 */
export function decodeInferBody(body: ArrayBuffer, headerLength: number): InferAnswer {
  const bytes = new Uint8Array(body);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, headerLength))) as WireAnswer;
  let at = headerLength;
  const outputs: Record<string, Tensor> = {};
  for (const { name, datatype, shape, parameters } of header.outputs) {
    if (!isDatatype(datatype)) {
      throw new ServeryError('INVALID_REQUEST', 'The server answered with an unknown datatype');
    }
    const size = parameters.binary_data_size;
    outputs[name] = { datatype, shape, data: fromBinary(datatype, bytes.slice(at, at + size), elementCount(shape)) };
    at += size;
  }
  return { model: header.model_name, version: Number(header.model_version), outputs };
}

export interface InferAnswer {
  readonly model: string;
  readonly version: number;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

interface WireAnswer {
  readonly model_name: string;
  readonly model_version: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    readonly parameters: { readonly binary_data_size: number };
  }[];
}

function mustBeBinary({ datatype, data }: Tensor): boolean {
  if (isBytes(data)) return data.some((element) => typeof element !== 'string');
  return datatype === 'FP16' || data.byteLength >= BINARY_FROM_BYTES || hasUnsafe(data);
}

/** JSON has no NaN and no infinities, and a 64-bit integer beyond 2^53 is not safe as a JavaScript number. */
function hasUnsafe(data: NumericData): boolean {
  for (const value of data) {
    if (typeof value === 'bigint' ? value !== BigInt(Number(value)) : !Number.isFinite(value)) return true;
  }
  return false;
}

/** Each element: its length as 32 bits little-endian, then its bytes. */
function frameBytes(elements: readonly BytesElement[]): Uint8Array {
  const encoded = elements.map((element) =>
    typeof element === 'string' ? new TextEncoder().encode(element) : element,
  );
  const framed = new Uint8Array(encoded.reduce((size, element) => size + 4 + element.byteLength, 0));
  const view = new DataView(framed.buffer);
  let at = 0;
  for (const element of encoded) {
    view.setUint32(at, element.byteLength, true);
    framed.set(element, at + 4);
    at += 4 + element.byteLength;
  }
  return framed;
}

function fromBinary(datatype: Datatype, bytes: Uint8Array<ArrayBuffer>, count: number): Tensor['data'] {
  if (datatype !== 'BYTES') {
    if (bytes.byteLength !== count * bytesPerElement(datatype)) {
      throw new ServeryError('INVALID_REQUEST', 'The server answered with another number of bytes than it announced');
    }
    return viewOf(datatype, bytes.buffer, 0, count);
  }
  const view = new DataView(bytes.buffer);
  const elements: BytesElement[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const length = view.getUint32(at, true);
    elements.push(textIfText(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return elements;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textIfText(bytes: Uint8Array): BytesElement {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes; // not text: handed over as it is
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}
