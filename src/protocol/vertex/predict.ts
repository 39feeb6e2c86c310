/**
 * The messages of a prediction: `{"instances": […], "parameters": …}` in, `{"predictions": […]}` out.
 *
 * Instances are `google.protobuf.Value`s, whose numbers are doubles. As JSON they are read as what they say: an
 * integer beyond 2^53 stays what it is.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import { bodyInput, readAnswers } from '../../core/handler-envelope.ts';
import type { Signature } from '../../core/signature.ts';
import type { NamedTensor, Tensor } from '../../core/tensor.ts';
import { instancesTensors } from '../instances.ts';
import { fieldsOf } from './fields.ts';
import { InexactInteger, decodeText, isJsonObject, parseJson, parseJsonExactly, type DecodeLimits } from '../json.ts';

export type PredictParameters = Readonly<Record<string, string | number | boolean>>;

export interface PredictRequest {
  readonly instances: unknown;
  readonly parameters: PredictParameters | undefined;
  /** Of the message: there cannot be more values. */
  readonly bytes: number;
  /** The instances again, with integers that a double cannot hold. */
  readonly exactly?: () => unknown;
}

const FIELDS = ['instances', 'parameters', 'labels', 'endpoint'];

/** @throws {ServeryError} `INVALID_REQUEST` */
export function readPredictBody(body: Uint8Array): PredictRequest;
/** @param others members that the message has besides */
export function readPredictBody(
  body: Uint8Array,
  others: readonly string[],
): PredictRequest & { readonly others: Readonly<Record<string, unknown>> };
export function readPredictBody(body: Uint8Array, others: readonly string[] = []): PredictRequest {
  const text = body.length === 0 ? '{}' : decodeText(body);
  const document = parseJson(text);
  if (!isJsonObject(document)) throw invalid('Root element must be a message.');
  const fields = fieldsOf(document, [...FIELDS, ...others]);
  return {
    instances: fields['instances'],
    parameters: readParameters(fields['parameters']),
    bytes: text.length,
    exactly: () => (parseJsonExactly(text) as Record<string, unknown>)['instances'],
    ...(others.length > 0 && { others: Object.fromEntries(others.map((key) => [key, fields[key]])) }),
  };
}

/**
 * Single values alone: there is nothing that could take others.
 *
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function readParameters(parameters: unknown): PredictParameters | undefined {
  if (parameters === undefined || parameters === null) return undefined;
  if (!isJsonObject(parameters)) throw invalid('Expecting "parameters" to be an object of single values.');
  const entries = Object.entries(parameters).filter(([, value]) => value !== null);
  for (const [name, value] of entries) {
    if (typeof value === 'object') throw invalid(`Expecting the parameter ${quote(name)} to be a single value.`);
  }
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as PredictParameters);
}

/** @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT` */
export function bindInstances(
  { instances, bytes, exactly }: PredictRequest,
  signature: Signature,
  limits: DecodeLimits,
): readonly NamedTensor[] {
  // JSON leaves out an empty list.
  const bind = (list: unknown) => instancesTensors(list ?? [], signature, limits, bytes);
  try {
    return bind(instances);
  } catch (error) {
    if (!(error instanceof InexactInteger) || exactly === undefined) throw error;
    return bind(exactly());
  }
}

/**
 * Instances for a handler with a route of its own: each is a body.
 *
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function bindBodies({ instances }: PredictRequest, signature: Signature): readonly NamedTensor[] {
  if (!Array.isArray(instances) || instances.length === 0) {
    throw invalid('Expecting "instances" to be a non-empty array.');
  }
  return bodyInput(
    signature,
    instances.map((instance) => JSON.stringify(instance)),
  );
}

/** What such a handler answers, as predictions. */
export function encodeAnswers(outputs: readonly Tensor[]): string {
  return `{"predictions":[${readAnswers(outputs).join()}]}`;
}

function invalid(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Invalid JSON payload received. ${problem}`);
}
