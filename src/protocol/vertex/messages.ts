/** The messages of google.cloud.aiplatform.v1.PredictionService, by the numbers of their fields. */
import { DEFAULT_DECODE_LIMITS } from '../json.ts';
import { WireReader } from '../open-inference-grpc/wire.ts';
import { intField, lengthField, lengthTag, readFields, textField } from '../proto-fields.ts';
import type { EndpointResource, Origin } from './endpoints.ts';
import { readParameters, type PredictRequest } from './predict.ts';
import { decodeValue } from './value.ts';

const { maxNesting } = DEFAULT_DECODE_LIMITS;

export interface PredictCall extends PredictRequest {
  readonly endpoint: string;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function decodePredictCall(message: Buffer): PredictCall {
  return readInstances(new WireReader(message), 3, () => false);
}

/**
 * An endpoint, instances and parameters, which several requests have.
 *
 * @param other reads the field whose tag it is given and returns true, or returns false
 */
export function readInstances(
  reader: WireReader,
  parametersField: number,
  other: (tag: number) => boolean,
): PredictCall {
  const instances: unknown[] = [];
  let endpoint = '';
  let parameters: unknown;
  readFields(reader, (tag) => {
    if (tag === lengthTag(1)) endpoint = reader.string();
    else if (tag === lengthTag(2)) instances.push(decodeValue(reader.nested(), maxNesting));
    else if (tag === lengthTag(parametersField)) parameters = decodeValue(reader.nested(), maxNesting);
    else return other(tag);
    return true;
  });
  return { endpoint, instances, parameters: readParameters(parameters), bytes: reader.end };
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

/** The name that GetEndpoint asks for. */
export function decodeGetEndpoint(message: Buffer): string {
  const reader = new WireReader(message);
  let name = '';
  readFields(reader, (tag) => {
    if (tag !== lengthTag(1)) return false;
    name = reader.string();
    return true;
  });
  return name;
}

/** `google.cloud.aiplatform.v1.Endpoint` */
export function encodeEndpoint({
  name,
  displayName,
  deployedModels,
  trafficSplit,
  createTime,
}: EndpointResource): Buffer {
  const sinceMs = Date.parse(createTime);
  return Buffer.concat([
    textField(1, name),
    textField(2, displayName),
    ...deployedModels.map((model) =>
      lengthField(
        4,
        textField(1, model.id),
        textField(2, model.model),
        textField(3, model.displayName),
        textField(18, model.modelVersionId),
      ),
    ),
    ...Object.entries(trafficSplit).map(([id, percent]) => lengthField(5, textField(1, id), intField(2, percent))),
    lengthField(8, intField(1, Math.floor(sinceMs / 1000)), intField(2, (sinceMs % 1000) * 1_000_000)),
  ]);
}
