/**
 * Answers of MLflow's scoring server, and its failures.
 *
 * A data frame is answered as pandas' records, tensors by the name of each output: what MLflow's own server does with
 * an ONNX model. NaN and the infinities are null, where MLflow prints words that are no JSON: that only its profile does.
 */
import type { ErrorCode } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import type { Tensor } from '../../core/tensor.ts';
import { jsonRows } from '../rows/encode-rows.ts';
import { jsonNested, jsonValue } from '../values-out.ts';
import { BAD_PARAMS } from './params.ts';
import type { ScoringProfile } from './coercion.ts';
import { encodePythonRecords, encodePythonTensors } from './python-answer.ts';
import type { ScoringForm } from './scoring-request.ts';

export interface ScoringAnswer {
  readonly signature: Signature;
  /** In the order of `signature.outputs`. */
  readonly outputs: readonly Tensor[];
  readonly rows: number;
}

/** @throws {ServeryError} `UNSUPPORTED` when an output holds bytes that are not text */
export function encodeScoring(answer: ScoringAnswer, form: ScoringForm, profile: ScoringProfile): string {
  const { signature, outputs, rows } = answer;
  if (profile === 'mlflow-compat') {
    return form === 'tensors' ? encodePythonTensors(signature, outputs) : encodePythonRecords(signature, outputs, rows);
  }
  if (form === 'records') {
    return `{"predictions": [${Array.from(jsonRows(signature, outputs, rows, false)).join(', ')}]}`;
  }
  const texts = signature.outputs.map(({ name }, i) => {
    const tensor = outputs[i]!;
    const { shape } = tensor;
    const text = shape.length === 0 ? jsonValue(tensor, 0, name) : jsonNested(tensor, shape, 0, name);
    return `${JSON.stringify(name)}: ${text}`;
  });
  return `{"predictions": {${texts.join(', ')}}}`;
}

interface Failure {
  readonly errorCode: string;
  readonly errorClass: string;
  readonly sqlState: string;
  readonly status: number;
  readonly message: string;
}

const INVALID = { errorClass: 'INVALID_PARAMETER_VALUE', sqlState: 'KAM00' };
const ENFORCEMENT = 'Failed to predict data. \nError: Failed to enforce schema of data. Error: ';
const EVALUATION = 'Encountered an unexpected error while evaluating the model. ';

/** Names by status, of what is not about the input: `mlflow/exceptions.py`. */
const BY_STATUS: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'RESOURCE_DOES_NOT_EXIST',
  413: 'INVALID_PARAMETER_VALUE',
  429: 'REQUEST_LIMIT_EXCEEDED',
  499: 'CANCELLED',
  501: 'NOT_IMPLEMENTED',
  503: 'TEMPORARILY_UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** @param status what the failure is elsewhere */
export function scoringFailure(code: ErrorCode, message: string, status: number): Failure {
  switch (code) {
    case 'INVALID_REQUEST':
      if (message.startsWith(BAD_PARAMS)) {
        return { errorCode: 'INVALID_PARAMETER_VALUE', ...INVALID, status: 400, message };
      }
      return { errorCode: 'BAD_REQUEST', ...INVALID, status: 400, message: invalidText(message) };
    case 'INVALID_INPUT':
      return {
        errorCode: 'INVALID_PARAMETER_VALUE',
        errorClass: 'SCHEMA_ENFORCEMENT_FAILED',
        sqlState: 'KAM01',
        status: 400,
        message: ENFORCEMENT + message,
      };
    case 'MODEL_FAILED':
    case 'HANDLER_FAILED':
      return { errorCode: 'BAD_REQUEST', ...INVALID, status: 400, message: EVALUATION + message };
    default: {
      const errorCode = BY_STATUS[status] ?? 'INTERNAL_ERROR';
      return { errorCode, errorClass: errorCode, sqlState: 'KAM00', status, message };
    }
  }
}

/** To a frame without rows. */
export const NO_PREDICTIONS = '{"predictions": []}';

function invalidText(message: string): string {
  return /^(Invalid input|The input must|Failed to parse input)/.test(message) ? message : `Invalid input. ${message}`;
}

export function failureJson({ errorCode, errorClass, sqlState, message }: Failure): string {
  return JSON.stringify({ error_code: errorCode, message, sqlstate: sqlState, error_class: errorClass });
}
