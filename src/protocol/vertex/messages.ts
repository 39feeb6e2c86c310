/** The messages of google.cloud.aiplatform.v1.PredictionService, by the numbers of their fields. */
import { DEFAULT_DECODE_LIMITS } from '../json.ts';
import { WireReader } from '../open-inference-grpc/wire.ts';
import { lengthField, lengthTag, readFields, textField } from '../proto-fields.ts';
import type { Origin } from './endpoints.ts';
import { readParameters, type PredictRequest } from './predict.ts';
import { decodeValue } from './value.ts';

const { maxNesting } = DEFAULT_DECODE_LIMITS;

export interface PredictCall extends PredictRequest {
  readonly endpoint: string;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function decodePredictCall(message: Buffer): PredictCall {
  const reader = new WireReader(message);
  const instances: unknown[] = [];
  let endpoint = '';
  let parameters: unknown;
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) endpoint = reader.string();
    else if (tag === lengthTag(2)) instances.push(decodeValue(reader.nested(), maxNesting));
    else if (tag === lengthTag(3)) parameters = decodeValue(reader.nested(), maxNesting);
    else return false;
    return true;
  });
  return { endpoint, instances, parameters: readParameters(parameters), bytes: message.length };
}

export function encodePredictAnswer(predictions: readonly Buffer[], origin: Origin): Buffer {
  return Buffer.concat([
    ...predictions.map((value) => lengthField(1, value)),
    textField(2, origin.deployedModelId),
    textField(3, origin.model),
    textField(4, origin.modelDisplayName),
    textField(5, origin.modelVersionId),
  ]);
}

export interface RawPredictCall {
  readonly endpoint: string;
  readonly data: Uint8Array;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function decodeRawPredictCall(message: Buffer): RawPredictCall {
  const reader = new WireReader(message);
  let endpoint = '';
  let data: Uint8Array = Buffer.alloc(0);
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) endpoint = reader.string();
    else if (tag === lengthTag(2)) data = decodeHttpBody(reader.nested());
    else return false;
    return true;
  });
  return { endpoint, data };
}

function decodeHttpBody(reader: WireReader): Uint8Array {
  let data: Uint8Array = Buffer.alloc(0);
  readFields(reader, (tag) => {
    if (tag !== lengthTag(2)) return false;
    data = reader.view();
    return true;
  });
  return data;
}

/** `google.api.HttpBody` */
export function encodeHttpBody(contentType: string, body: string | Uint8Array): Buffer {
  return Buffer.concat([textField(1, contentType), lengthField(2, Buffer.from(body as string))]);
}
