/** The messages of direct predictions as JSON. */
import { ServeryError } from '../../core/errors.ts';
import { fromBase64 } from '../base64.ts';
import { decodeText, isJsonObject, parseJson } from '../json.ts';
import { fieldsOf } from './fields.ts';
import { readJsonTensor, readTensorParameters, type RawTensor } from './tensors.ts';

export interface DirectBody {
  readonly inputs: readonly RawTensor[];
  readonly parameters: ReturnType<typeof readTensorParameters>;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function readDirectBody(body: Uint8Array): DirectBody {
  const { inputs = [], parameters } = readFields(body, ['inputs', 'parameters']);
  if (!Array.isArray(inputs)) throw invalid('Expecting "inputs" to be a list of tensors.');
  return {
    inputs: inputs.map((input: unknown, i) => readJsonTensor(input, `inputs[${i}]`)),
    parameters: readTensorParameters(parameters === undefined ? undefined : readJsonTensor(parameters, 'parameters')),
  };
}

export interface DirectRawBody {
  /** `/namespace.Service/Method` */
  readonly methodName: string;
  readonly input: Buffer;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function readDirectRawBody(body: Uint8Array): DirectRawBody {
  const { methodName = '', input = '' } = readFields(body, ['methodName', 'input']);
  if (typeof methodName !== 'string') throw invalid('Expecting "methodName" to be text.');
  const bytes = typeof input === 'string' ? fromBase64(input) : undefined;
  if (bytes === undefined) throw invalid('Expecting "input" to be bytes in base64.');
  return { methodName, input: Buffer.from(bytes.buffer) };
}

function readFields(body: Uint8Array, known: readonly string[]): Readonly<Record<string, unknown>> {
  const document = parseJson(body.length === 0 ? '{}' : decodeText(body));
  if (!isJsonObject(document)) throw invalid('Root element must be a message.');
  return fieldsOf(document, [...known, 'endpoint']);
}

function invalid(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Invalid JSON payload received. ${problem}`);
}
