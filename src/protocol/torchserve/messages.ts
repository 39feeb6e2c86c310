/** The messages of TorchServe's gRPC inference service, by field numbers of its `proto/inference.proto`. */
import type { FormField } from '../form-data.ts';
import { LENGTH, VARINT, WireReader, malformed, varintSize, writeVarint } from '../open-inference-grpc/wire.ts';

export interface PredictionsRequest {
  readonly modelName: string;
  /** Empty when none is asked for. */
  readonly modelVersion: string;
  /** Of the map, in the order of the message. */
  readonly input: readonly FormField[];
  /** Empty when there is none. */
  readonly sequenceId: string;
}

const tag = (field: number) => (field << 3) | LENGTH;

/** @throws {ServeryError} `INVALID_REQUEST` */
export function decodePredictionsRequest(message: Buffer): PredictionsRequest {
  const reader = new WireReader(message);
  const input = new Map<string, FormField>();
  const texts = { modelName: '', modelVersion: '', sequenceId: '' };
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1)) texts.modelName = reader.string();
    else if (at === tag(2)) texts.modelVersion = reader.string();
    else if (at === tag(4)) texts.sequenceId = reader.string();
    else if (at === tag(3)) {
      const field = decodeEntry(reader.nested());
      // The last of equal keys holds, as in any map of protobuf.
      input.set(field.name, field);
    } else reader.skip(at);
  }
  return { ...texts, input: [...input.values()] };
}

function decodeEntry(reader: WireReader): FormField {
  let name = '';
  let bytes: Uint8Array = new Uint8Array(0);
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1)) name = reader.string();
    else if (at === tag(2)) bytes = reader.view();
    else reader.skip(at);
  }
  if (name === '') throw malformed('an input has no name');
  return { name, bytes, mediaType: '' };
}

export interface StreamedFailure {
  readonly code: number;
  readonly message: string;
  /** What its code threw. */
  readonly reason: string;
}

export interface StreamedAnswer {
  readonly sequenceId: string;
  readonly prediction?: string | Uint8Array;
  readonly failure?: StreamedFailure;
}

/** A PredictionResponse. `prediction` of a call that is not a stream has neither id nor status. */
export function encodePredictionResponse({ sequenceId, prediction, failure }: StreamedAnswer): Uint8Array {
  const fields: [number, Uint8Array][] = [];
  if (prediction !== undefined) fields.push([1, Buffer.from(prediction)]);
  if (sequenceId !== '') fields.push([2, Buffer.from(sequenceId)]);
  if (failure !== undefined) fields.push([3, encodeStatus(failure)]);
  return encodeFields(fields);
}

/** A TorchServeHealthResponse. */
export function encodeHealthResponse(health: string): Uint8Array {
  return encodeFields([[1, Buffer.from(health)]]);
}

/** A google.rpc.Status, whose one detail is a google.rpc.ErrorInfo. */
function encodeStatus({ code, message, reason }: StreamedFailure): Uint8Array {
  const detail = encodeFields([
    [1, Buffer.from('type.googleapis.com/google.rpc.ErrorInfo')],
    [2, encodeFields([[1, Buffer.from(reason)]])],
  ]);
  const fields = encodeFields([
    [2, Buffer.from(message)],
    [3, detail],
  ]);
  return Buffer.concat([Buffer.from([(1 << 3) | VARINT, code]), fields]);
}

function encodeFields(fields: readonly (readonly [number, Uint8Array])[]): Buffer {
  const size = fields.reduce((sum, [, bytes]) => sum + 1 + varintSize(bytes.length) + bytes.length, 0);
  const message = Buffer.alloc(size);
  let at = 0;
  for (const [field, bytes] of fields) {
    message[at] = tag(field);
    at = writeVarint(message, at + 1, bytes.length);
    message.set(bytes, at);
    at += bytes.length;
  }
  return message;
}
