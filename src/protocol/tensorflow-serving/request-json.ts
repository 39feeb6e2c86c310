/**
 * Bodies of TensorFlow Serving's REST calls → requests, refused in its words.
 *
 * Reading is that of all doors with instances. Only when it refuses a body, the body is looked at again for what the
 * original would say of it.
 */
import { ServeryError } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import {
  STRICT_INSTANCES,
  decodeInstances,
  type FindSignature,
  type InstancesDialect,
  type InstancesRequest,
} from '../instances.ts';
import { decodeText, isJsonObject, type DecodeLimits } from '../json.ts';
import { TENSORFLOW_SERVING_JSON } from './lax-json.ts';
import { problemOfTensors } from './tensor-problems.ts';

/** @param isLax as the profile of the original has it */
export function requestDialect(isLax: boolean): InstancesDialect {
  return isLax ? LAX : STRICT;
}

const LAX = withWords(TENSORFLOW_SERVING_JSON);
const STRICT = withWords(STRICT_INSTANCES);

function withWords(dialect: InstancesDialect): InstancesDialect {
  return { ...dialect, parse: (text) => parseInWords(text, dialect.parse) };
}

function parseInWords(text: string, parse: InstancesDialect['parse']): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof ServeryError) || error.message.startsWith('JSON Parse error')) throw error;
    const problem = text.trim() === '' ? 'The document is empty' : `Invalid value. ${error.message}`;
    throw new ServeryError('INVALID_REQUEST', `JSON Parse error: ${problem}`);
  }
}

/** @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `UNSUPPORTED` */
export function decodePrediction(
  body: Uint8Array,
  find: FindSignature,
  limits: DecodeLimits,
  dialect: InstancesDialect,
): InstancesRequest {
  let signature: Signature | undefined;
  try {
    return decodeInstances(body, (name) => (signature = find(name)), limits, dialect);
  } catch (error) {
    const isOfValues =
      error instanceof ServeryError && (error.code === 'INVALID_INPUT' || error.code === 'INVALID_REQUEST');
    if (!isOfValues || signature === undefined) throw error;
    throw inItsWords(body, signature, dialect) ?? error;
  }
}

function inItsWords(body: Uint8Array, signature: Signature, dialect: InstancesDialect): ServeryError | undefined {
  const document = dialect.parse(decodeText(body));
  if (!isJsonObject(document)) return undefined;
  const isRows = Object.hasOwn(document, 'instances');
  if (isRows === Object.hasOwn(document, 'inputs')) return undefined;
  const problem = problemOfTensors(document, signature);
  if (problem === undefined) return undefined;
  return new ServeryError(problem.isUnsupported ? 'UNSUPPORTED' : 'INVALID_REQUEST', problem.text);
}
