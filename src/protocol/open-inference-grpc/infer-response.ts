/**
 * Encodes ModelInferResponse by hand, into one buffer of the exact size.
 *
 * An answer comes in the form of its question: raw when the request was raw, else typed; and always raw when
 * it has an FP16 tensor, which has no typed form.
 */
import type { TensorSpec } from '../../core/signature.ts';
import { isBytes, type BytesElement, type Datatype, type NumericData, type Tensor } from '../../core/tensor.ts';
import { classify } from '../open-inference/classification.ts';
import type { InferAnswer } from '../open-inference/infer-types.ts';
import { CONTENTS_FIELD } from './contents-fields.ts';
import { LENGTH, varintSize, writeVarint } from './wire.ts';

/**
 * @param answer its `outputs` have passed `bindInferRequest`
 * @param headroom bytes to leave free at the start, for the transport's prefix
 */
export function encodeModelInferResponse(answer: InferAnswer, headroom = 0): Buffer {
  const outputs = outputsOf(answer);
  const raw = answer.binaryDefault || outputs.some(({ tensor }) => tensor.datatype === 'FP16');
  if (!raw) for (const output of outputs) output.contents = encodeContents(output.tensor);
  const head = modelHead(answer.model);
  const id = answer.id ?? '';

  let size = headroom + head.length + stringSize(id);
  for (const output of outputs) size += fieldSize(lengthOf(output));
  if (raw) for (const { tensor } of outputs) size += fieldSize(rawSize(tensor));

  const message = Buffer.allocUnsafe(size);
  message.set(head, headroom);
  let pos = writeString(message, headroom + head.length, 3, id);
  for (const output of outputs) pos = writeOutput(message, writeHeader(message, pos, 5, lengthOf(output)), output);
  if (raw) {
    for (const { tensor } of outputs) pos = writeRaw(message, writeHeader(message, pos, 6, rawSize(tensor)), tensor);
  }
  return message;
}

/** ModelStreamInferResponse around an answer that begins after `headroom` bytes. */
export function encodeStreamResponse(answer: Buffer, headroom: number): Buffer {
  const message = Buffer.allocUnsafe(headroom + fieldSize(answer.length));
  answer.copy(message, writeHeader(message, headroom, 2, answer.length));
  return message;
}

/** ModelStreamInferResponse for a request that failed; `id` says which. */
export function encodeStreamError(problem: string, id: string | undefined, headroom: number): Buffer {
  const answer = Buffer.allocUnsafe(stringSize(id ?? ''));
  writeString(answer, 0, 3, id ?? '');
  const message = Buffer.allocUnsafe(headroom + stringSize(problem) + fieldSize(answer.length));
  const pos = writeString(message, headroom, 1, problem);
  answer.copy(message, writeHeader(message, pos, 2, answer.length));
  return message;
}

interface Output {
  /** Its name and datatype, encoded. */
  readonly head: Buffer;
  readonly tensor: Tensor;
  /** Undefined when the answer is raw. */
  contents: Buffer | undefined;
}

function outputsOf({ signature, tensors, outputs }: InferAnswer): Output[] {
  const output = (spec: TensorSpec, tensor: Tensor): Output => ({
    head: outputHead(spec, tensor.datatype),
    tensor,
    contents: undefined,
  });
  if (outputs === undefined) return tensors.map((tensor, i) => output(signature.outputs[i]!, tensor));
  return outputs.map(({ name, classification }) => {
    const i = signature.outputs.findIndex((spec) => spec.name === name);
    const spec = signature.outputs[i]!;
    const tensor = tensors[i]!;
    return output(spec, classification === undefined ? tensor : classify(tensor, spec, signature, classification));
  });
}

// What is the same in every answer of a version is encoded once and kept beside what it describes.
const modelHeads = new WeakMap<InferAnswer['model'], Buffer>();
const outputHeads = new WeakMap<TensorSpec, Buffer>();

function modelHead(model: InferAnswer['model']): Buffer {
  let head = modelHeads.get(model);
  if (head === undefined) {
    head = encodeStrings(model.name, String(model.version));
    modelHeads.set(model, head);
  }
  return head;
}

function outputHead(spec: TensorSpec, datatype: Datatype): Buffer {
  // Classes are text, whatever the output is.
  if (datatype !== spec.datatype) return encodeStrings(spec.name, datatype);
  let head = outputHeads.get(spec);
  if (head === undefined) {
    head = encodeStrings(spec.name, datatype);
    outputHeads.set(spec, head);
  }
  return head;
}

/** Two strings as fields 1 and 2. */
function encodeStrings(first: string, second: string): Buffer {
  const bytes = Buffer.alloc(stringSize(first) + stringSize(second));
  writeString(bytes, writeString(bytes, 0, 1, first), 2, second);
  return bytes;
}

/** Of the InferOutputTensor. */
function lengthOf({ head, tensor, contents }: Output): number {
  const shape = shapeLength(tensor);
  return head.length + (shape > 0 ? fieldSize(shape) : 0) + (contents === undefined ? 0 : fieldSize(contents.length));
}

function shapeLength({ shape }: Tensor): number {
  let length = 0;
  for (const size of shape) length += varintSize(size);
  return length;
}

function writeOutput(message: Buffer, at: number, { head, tensor, contents }: Output): number {
  message.set(head, at);
  let pos = at + head.length;
  const { shape } = tensor;
  if (shape.length > 0) pos = writeHeader(message, pos, 3, shapeLength(tensor));
  for (const size of shape) pos = writeVarint(message, pos, size);
  if (contents === undefined) return pos;
  pos = writeHeader(message, pos, 5, contents.length);
  return pos + contents.copy(message, pos);
}

function rawSize({ data }: Tensor): number {
  if (!isBytes(data)) return data.byteLength;
  let size = 0;
  for (const element of data) size += 4 + byteLength(element);
  return size;
}

function writeRaw(message: Buffer, at: number, { data }: Tensor): number {
  if (!isBytes(data)) {
    message.set(bytesOf(data), at);
    return at + data.byteLength;
  }
  let pos = at;
  for (const element of data) pos = writeElement(message, message.writeUInt32LE(byteLength(element), pos), element);
  return pos;
}

/** One InferTensorContents. */
function encodeContents({ datatype, data }: Tensor): Buffer {
  const field = CONTENTS_FIELD[datatype]!;
  if (isBytes(data)) return encodeBytes(field, data);
  if (data.length === 0) return Buffer.alloc(0);
  const values = datatype === 'FP32' || datatype === 'FP64' ? bytesOf(data) : encodeVarints(data);
  const contents = Buffer.allocUnsafe(fieldSize(values.length));
  contents.set(values, writeHeader(contents, 0, field, values.length));
  return contents;
}

function encodeBytes(field: number, elements: readonly BytesElement[]): Buffer {
  let size = 0;
  for (const element of elements) size += fieldSize(byteLength(element));
  const contents = Buffer.allocUnsafe(size);
  let pos = 0;
  for (const element of elements) {
    pos = writeElement(contents, writeHeader(contents, pos, field, byteLength(element)), element);
  }
  return contents;
}

function encodeVarints(data: NumericData): Buffer {
  const bytes = Buffer.allocUnsafe(data.length * bytesPerVarint(data));
  let pos = 0;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const halves = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
    for (let i = 0; i < halves.length; i += 2) pos = writeVarint64(bytes, pos, halves[i]!, halves[i + 1]!);
  } else {
    for (const value of data) {
      pos = value < 0 ? writeVarint64(bytes, pos, value >>> 0, 0xffff_ffff) : writeVarint(bytes, pos, value);
    }
  }
  return bytes.subarray(0, pos);
}

/** At most: a negative integer always takes ten bytes. */
function bytesPerVarint(data: NumericData): number {
  if (data instanceof Uint8Array) return 2;
  if (data instanceof Uint16Array) return 3;
  return data instanceof Uint32Array ? 5 : 10;
}

function writeVarint64(bytes: Buffer, at: number, lowHalf: number, highHalf: number): number {
  let pos = at;
  let low = lowHalf;
  let high = highHalf;
  while (high > 0 || low > 0x7f) {
    bytes[pos++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  bytes[pos++] = low;
  return pos;
}

function bytesOf(data: NumericData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function byteLength(element: BytesElement): number {
  return typeof element === 'string' ? Buffer.byteLength(element) : element.length;
}

function writeElement(bytes: Buffer, at: number, element: BytesElement): number {
  if (typeof element === 'string') return at + bytes.write(element, at);
  bytes.set(element, at);
  return at + element.length;
}

/** Of a length-delimited field; all the fields here have numbers below 16, so their tags take one byte. */
function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** Of a string field; an empty one is not sent. */
function stringSize(text: string): number {
  return text === '' ? 0 : fieldSize(Buffer.byteLength(text));
}

function writeHeader(bytes: Buffer, at: number, field: number, length: number): number {
  bytes[at] = (field << 3) | LENGTH;
  return writeVarint(bytes, at + 1, length);
}

function writeString(bytes: Buffer, at: number, field: number, text: string): number {
  if (text === '') return at;
  const length = Buffer.byteLength(text);
  return writeElement(bytes, writeHeader(bytes, at, field, length), text);
}
