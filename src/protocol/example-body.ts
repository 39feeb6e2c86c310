/**
 * A request in a file, by which a model is warmed up: in any of the forms that a door takes it in.
 *
 * Which one it is shows in the keys: `rows` of the plain door, `inputs` with datatypes of the Open Inference
 * Protocol, and the envelopes of MLflow's scoring server.
 */
import { ServeryError } from '../core/errors.ts';
import type { Signature } from '../core/signature.ts';
import type { NamedTensor } from '../core/tensor.ts';
import { DEFAULT_DECODE_LIMITS, isJsonObject } from './json.ts';
import { isScoring } from './mlflow/envelope.ts';
import { decodeScoring } from './mlflow/scoring-request.ts';
import { decodeInferRequest } from './open-inference/infer-request.ts';
import { decodeRows } from './rows/decode-rows.ts';

export interface ExampleBody {
  readonly tensors: readonly NamedTensor[];
  /** The rows as they stand there, where each is an object. */
  readonly rows: readonly Record<string, unknown>[] | undefined;
}

/** @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `UNSUPPORTED` */
export function decodeExampleBody(text: string, signature: Signature): ExampleBody {
  const document = parse(text);
  if (isJsonObject(document)) {
    const { rows, inputs } = document;
    if (Array.isArray(rows) && rows.length > 0) {
      return { tensors: decodeRows(signature, rows), rows: rows.every(isJsonObject) ? rows : undefined };
    }
    const body = new TextEncoder().encode(text);
    if (Array.isArray(inputs) && inputs.some((input) => isJsonObject(input) && Object.hasOwn(input, 'datatype'))) {
      return { tensors: decodeInferRequest(body).inputs, rows: undefined };
    }
    if (isScoring(document)) {
      return {
        tensors: decodeScoring(body, 'json', { signature, profile: 'strict' }, DEFAULT_DECODE_LIMITS).tensors,
        rows: undefined,
      };
    }
  }
  throw new ServeryError('INVALID_REQUEST', 'expected { "rows": [ … ] } with at least one row');
}

/** The body that has a file's content under a key, unless the file has the key itself. */
export function bodyUnder(key: string, text: string): string {
  const document = parse(text);
  return isJsonObject(document) && Object.hasOwn(document, key) ? text : `{${JSON.stringify(key)}:${text}}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ServeryError('INVALID_REQUEST', 'it is not JSON');
  }
}
