/**
 * The one place that gives Servery's errors a gRPC status. A code without a row does not compile.
 *
 * What is refused under load is UNAVAILABLE, as Triton has it and as clients' retry policies expect; the
 * trailer `grpc-retry-pushback-ms` says when to come back.
 */
import type { OutgoingHttpHeaders } from 'node:http2';
import { ERROR_CATALOG, ServeryError, type ErrorCode } from '../core/errors.ts';
import { notice } from '../core/events.ts';

/** Numbers of the gRPC specification. */
export const STATUS = {
  OK: 0,
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

export type Status = (typeof STATUS)[keyof typeof STATUS];

export const STATUS_BY_CODE: Readonly<Record<ErrorCode, Status>> = {
  INVALID_REQUEST: STATUS.INVALID_ARGUMENT,
  INVALID_INPUT: STATUS.INVALID_ARGUMENT,
  NOT_FOUND: STATUS.NOT_FOUND,
  METHOD_NOT_ALLOWED: STATUS.UNIMPLEMENTED,
  UNSUPPORTED_MEDIA_TYPE: STATUS.INVALID_ARGUMENT,
  UNSUPPORTED_ENCODING: STATUS.UNIMPLEMENTED,
  UNSUPPORTED: STATUS.UNIMPLEMENTED,
  PAYLOAD_TOO_LARGE: STATUS.RESOURCE_EXHAUSTED,
  UNAUTHENTICATED: STATUS.UNAUTHENTICATED,
  FORBIDDEN: STATUS.PERMISSION_DENIED,
  HOST_NOT_ALLOWED: STATUS.PERMISSION_DENIED,
  ORIGIN_NOT_ALLOWED: STATUS.PERMISSION_DENIED,
  CANCELLED: STATUS.CANCELLED,
  CONFLICT: STATUS.FAILED_PRECONDITION,

  MODEL_NOT_FOUND: STATUS.NOT_FOUND,
  MODEL_NOT_READY: STATUS.UNAVAILABLE,
  MODEL_INVALID: STATUS.INVALID_ARGUMENT,
  MODEL_CHANGED: STATUS.FAILED_PRECONDITION,
  MODEL_FAILED: STATUS.INTERNAL,
  HANDLER_FAILED: STATUS.INTERNAL,
  HANDLER_RESTARTED: STATUS.UNAVAILABLE,
  RUNTIME_MISSING: STATUS.UNIMPLEMENTED,

  JOB_NOT_FOUND: STATUS.NOT_FOUND,
  RUN_NOT_FOUND: STATUS.NOT_FOUND,
  CRON_INVALID: STATUS.INVALID_ARGUMENT,
  DATA_NOT_FOUND: STATUS.NOT_FOUND,
  DATA_INVALID: STATUS.INVALID_ARGUMENT,
  TOO_MANY_BAD_ROWS: STATUS.INVALID_ARGUMENT,
  OUTPUT_INVALID: STATUS.INVALID_ARGUMENT,
  DATASET_MISSING: STATUS.UNIMPLEMENTED,
  DATABASE_FAILED: STATUS.UNAVAILABLE,
  STORAGE_FULL: STATUS.RESOURCE_EXHAUSTED,
  COMMAND_FAILED: STATUS.INTERNAL,
  TIMED_OUT: STATUS.DEADLINE_EXCEEDED,
  LEASE_LOST: STATUS.FAILED_PRECONDITION,
  WORKER_LOST: STATUS.UNAVAILABLE,
  SECRET_NOT_FOUND: STATUS.FAILED_PRECONDITION,
  GATE_REFUSED: STATUS.FAILED_PRECONDITION,

  QUEUE_FULL: STATUS.UNAVAILABLE,
  DEADLINE_EXCEEDED: STATUS.DEADLINE_EXCEEDED,
  SHUTTING_DOWN: STATUS.UNAVAILABLE,

  CONFIG_INVALID: STATUS.INTERNAL,
  USAGE: STATUS.INTERNAL,
  WORKSPACE_NOT_FOUND: STATUS.INTERNAL,
  WORKSPACE_IN_USE: STATUS.INTERNAL,
  SERVER_NOT_RUNNING: STATUS.INTERNAL,
  ADDRESS_IN_USE: STATUS.INTERNAL,
  ADDRESS_INSECURE: STATUS.INTERNAL,
  INTERNAL: STATUS.INTERNAL,
};

/** A failure that has a status of its own, as another system gives it. */
export class StatusError extends ServeryError {
  readonly status: Status;

  constructor(status: Status, message: string, cause: ServeryError) {
    const { code, hint, retryAfterMs } = cause;
    super(code, message, { cause, hint, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    this.status = status;
  }
}

export function statusOf(error: ServeryError): Status {
  return error instanceof StatusError ? error.status : STATUS_BY_CODE[error.code];
}

/** Anything unforeseen is a bug: the client learns nothing about it, the log everything. */
export function toKnownError(error: unknown, requestId: string): ServeryError {
  if (error instanceof ServeryError && error.code !== 'INTERNAL') return error;
  notice.publish({ level: 'error', message: `Request ${requestId} failed`, error });
  return new ServeryError('INTERNAL', 'Internal error', { hint: ERROR_CATALOG.INTERNAL.hint });
}

/** What ends a call that failed. */
export function toTrailers(error: ServeryError): OutgoingHttpHeaders {
  const { code, message, hint, retryable, retryAfterMs } = error;
  return {
    'grpc-status': String(statusOf(error)),
    'grpc-message': encodeMessage(message),
    'servery-code': code,
    'servery-hint': encodeMessage(hint),
    ...(retryable ? { 'grpc-retry-pushback-ms': String(Math.ceil(retryAfterMs ?? 1000)) } : {}),
  };
}

/** Clients refuse trailers beyond 8 KB; nobody reads a message of one. */
const MAX_MESSAGE_LENGTH = 1024;

/** Percent-encoding as the specification has it: printable ASCII but `%` stays, of the UTF-8 bytes. */
export function encodeMessage(message: string): string {
  const text = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH - 1)}…` : message;
  return text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
}
