/**
 * The messages of an explanation: those of a prediction, and an `Explanation` for each instance.
 *
 * A handler that knows the form gives one, an object with `attributions`. Anything else that it gives is what its
 * features have contributed.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import { isJsonObject } from '../json.ts';
import { WireReader } from '../open-inference-grpc/wire.ts';
import { intField, lengthField, lengthTag, textField } from '../proto-fields.ts';
import { readInstances, type PredictCall } from './messages.ts';
import { readPredictBody, type PredictRequest } from './predict.ts';
import { encodeJson } from './value.ts';

/** What changes how an explanation is made: nothing here could follow it. */
const OVERRIDES = ['explanationSpecOverride', 'concurrentExplanationSpecOverride'];

export interface ExplainRequest extends PredictRequest {
  /** Undefined: as the split of the traffic has it. */
  readonly deployedModelId: string | undefined;
}

/** @throws {ServeryError} `INVALID_REQUEST`, `UNSUPPORTED` */
export function readExplainBody(body: Uint8Array): ExplainRequest {
  const { others, ...request } = readPredictBody(body, ['deployedModelId', ...OVERRIDES]);
  for (const name of OVERRIDES) if (others[name] !== undefined && others[name] !== null) throw noOverride(name);
  const { deployedModelId: id } = others;
  if (id !== undefined && typeof id !== 'string') {
    throw new ServeryError('INVALID_REQUEST', 'Invalid value at "deployed_model_id": expected text');
  }
  return { ...request, deployedModelId: id === '' ? undefined : id };
}

/** @throws {ServeryError} `INVALID_REQUEST`, `UNSUPPORTED` */
export function decodeExplainCall(message: Buffer): PredictCall & ExplainRequest {
  const reader = new WireReader(message);
  let deployedModelId: string | undefined;
  const call = readInstances(reader, 4, (tag) => {
    if (tag === lengthTag(3)) deployedModelId = reader.string() || undefined;
    else if (tag === lengthTag(5)) throw noOverride(OVERRIDES[0]!);
    else if (tag === lengthTag(6)) throw noOverride(OVERRIDES[1]!);
    else return false;
    return true;
  });
  return { ...call, deployedModelId };
}

function noOverride(name: string): ServeryError {
  return new ServeryError('UNSUPPORTED', `Cannot override how a model explains: ${quote(name)} is not implemented`);
}

interface Explanation {
  readonly attributions: readonly unknown[];
}

function explanationOf(value: unknown): Explanation {
  if (isJsonObject(value) && Array.isArray(value['attributions'])) return { attributions: value['attributions'] };
  return { attributions: [{ featureAttributions: value }] };
}

/** @param explanations JSON texts, one for each instance */
export function explanationsJson(explanations: readonly string[]): string {
  return JSON.stringify(explanations.map((text) => explanationOf(JSON.parse(text))));
}

export function encodeExplainAnswer(
  explanations: readonly string[],
  predictions: readonly Buffer[],
  deployedModelId: string,
): Buffer {
  return Buffer.concat([
    ...explanations.map((text) => {
      return lengthField(
        1,
        ...explanationOf(JSON.parse(text)).attributions.map((one) => lengthField(1, attribution(one))),
      );
    }),
    textField(2, deployedModelId),
    ...predictions.map((value) => lengthField(3, value)),
  ]);
}

function attribution(value: unknown): Buffer {
  const given = isJsonObject(value) ? value : {};
  const number = (field: number, name: string) => {
    const { [name]: one } = given;
    if (typeof one !== 'number' || one === 0) return Buffer.alloc(0);
    const bytes = Buffer.allocUnsafe(9);
    bytes[0] = field * 8 + 1;
    bytes.writeDoubleLE(one, 1);
    return bytes;
  };
  const text = (field: number, name: string) => {
    const { [name]: one } = given;
    return typeof one === 'string' ? textField(field, one) : Buffer.alloc(0);
  };
  const { featureAttributions, outputIndex } = given;
  const indexes = Array.isArray(outputIndex) ? outputIndex.filter((one) => Number.isSafeInteger(one)) : [];
  return Buffer.concat([
    number(1, 'baselineOutputValue'),
    number(2, 'instanceOutputValue'),
    ...(featureAttributions === undefined ? [] : [lengthField(3, encodeJson(featureAttributions))]),
    ...indexes.map((index) => intField(4, index as number)),
    text(5, 'outputDisplayName'),
    number(6, 'approximationError'),
    text(7, 'outputName'),
  ]);
}
