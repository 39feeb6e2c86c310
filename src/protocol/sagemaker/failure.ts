/**
 * How failures look to clients of SageMaker's runtime.
 *
 * Whatever the container would have said is a ModelError with the original inside: Amazon's clients send again
 * what fails with 500 or 503, and a request that the model refuses is refused again.
 */
import type { ErrorCode } from '../../core/errors.ts';

export type FailureType =
  | 'ValidationError'
  | 'ModelError'
  | 'ModelNotReadyException'
  | 'InternalFailure'
  | 'ServiceUnavailable'
  | 'MissingAuthenticationTokenException'
  | 'InvalidSignatureException'
  | 'AccessDeniedException'
  | 'UnknownOperationException';

const STATUS: Readonly<Record<FailureType, number>> = {
  ValidationError: 400,
  ModelError: 424,
  ModelNotReadyException: 429,
  InternalFailure: 500,
  ServiceUnavailable: 503,
  MissingAuthenticationTokenException: 403,
  InvalidSignatureException: 403,
  AccessDeniedException: 403,
  UnknownOperationException: 404,
};

const TYPES: Partial<Readonly<Record<ErrorCode, FailureType>>> = {
  INVALID_REQUEST: 'ModelError',
  INVALID_INPUT: 'ModelError',
  UNSUPPORTED_MEDIA_TYPE: 'ModelError',
  UNSUPPORTED: 'ModelError',
  MODEL_FAILED: 'ModelError',
  HANDLER_FAILED: 'ModelError',
  DEADLINE_EXCEEDED: 'ModelError',
  MODEL_NOT_FOUND: 'ValidationError',
  PAYLOAD_TOO_LARGE: 'ValidationError',
  UNSUPPORTED_ENCODING: 'ValidationError',
  MODEL_NOT_READY: 'ModelNotReadyException',
  QUEUE_FULL: 'ServiceUnavailable',
  SHUTTING_DOWN: 'ServiceUnavailable',
  HANDLER_RESTARTED: 'ServiceUnavailable',
  UNAUTHENTICATED: 'MissingAuthenticationTokenException',
  FORBIDDEN: 'InvalidSignatureException',
  HOST_NOT_ALLOWED: 'AccessDeniedException',
  ORIGIN_NOT_ALLOWED: 'AccessDeniedException',
  NOT_FOUND: 'UnknownOperationException',
  METHOD_NOT_ALLOWED: 'UnknownOperationException',
};

/** As Amazon documents it. */
const LONGEST_MESSAGE = 2048;

export interface Failure {
  readonly type: FailureType;
  readonly status: number;
  readonly body: string;
}

/** @param originalStatus that a container would have answered with */
export function failureOf(code: ErrorCode, message: string, originalStatus: number): Failure {
  const type = TYPES[code] ?? 'InternalFailure';
  const status = STATUS[type];
  if (type !== 'ModelError') {
    return { type, status, body: JSON.stringify({ Message: message.slice(0, LONGEST_MESSAGE) }) };
  }
  const side = originalStatus < 500 ? 'client' : 'server';
  const said = JSON.stringify({ error: message, code });
  const body = JSON.stringify({
    Message: `Received ${side} error (${originalStatus}) from model with message "${said}"`.slice(0, LONGEST_MESSAGE),
    OriginalStatusCode: originalStatus,
    OriginalMessage: said.slice(0, LONGEST_MESSAGE),
    LogStreamArn: '',
  });
  return { type, status, body };
}
