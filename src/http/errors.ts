/** The one place that gives Servery's errors an HTTP status. A code without a row does not compile. */
import { ServeryError, type ErrorCode } from '../core/errors.ts';

export const STATUS: Readonly<Record<ErrorCode, number>> = {
  INVALID_REQUEST: 400,
  INVALID_INPUT: 400,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  UNSUPPORTED_MEDIA_TYPE: 415,
  UNSUPPORTED_ENCODING: 415,
  UNSUPPORTED: 501,
  PAYLOAD_TOO_LARGE: 413,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  HOST_NOT_ALLOWED: 403,
  ORIGIN_NOT_ALLOWED: 403,
  CANCELLED: 499, // nobody reads it; it is for the log
  CONFLICT: 409,

  MODEL_NOT_FOUND: 404,
  MODEL_NOT_READY: 503,
  MODEL_INVALID: 400,
  MODEL_CHANGED: 409,
  MODEL_FAILED: 500,
  HANDLER_FAILED: 500,
  HANDLER_RESTARTED: 503,
  RUNTIME_MISSING: 501,

  JOB_NOT_FOUND: 404,
  RUN_NOT_FOUND: 404,
  CRON_INVALID: 400,
  DATA_NOT_FOUND: 404,
  DATA_INVALID: 400,
  TOO_MANY_BAD_ROWS: 400,
  OUTPUT_INVALID: 400,
  DATASET_MISSING: 501,
  DATABASE_FAILED: 503,
  STORAGE_FULL: 507,
  COMMAND_FAILED: 500,
  TIMED_OUT: 504,
  LEASE_LOST: 409,
  WORKER_LOST: 503,
  SECRET_NOT_FOUND: 400,
  GATE_REFUSED: 409,

  QUEUE_FULL: 503,
  DEADLINE_EXCEEDED: 504,
  SHUTTING_DOWN: 503,

  CONFIG_INVALID: 500,
  USAGE: 500,
  WORKSPACE_NOT_FOUND: 500,
  WORKSPACE_IN_USE: 500,
  SERVER_NOT_RUNNING: 500,
  ADDRESS_IN_USE: 500,
  ADDRESS_INSECURE: 500,
  INTERNAL: 500,
};

export interface ErrorAnswer {
  readonly code: ErrorCode;
  readonly status: number;
  readonly body: string | Uint8Array;
  /** JSON by default. */
  readonly contentType?: string;
  /** Names and values in turn, as `writeHead` takes them. */
  readonly headers: readonly string[];
}

/**
 * How a failure looks to the clients of a protocol.
 *
 * @param params of the path that was asked for; empty when no route was found
 */
export type ErrorForm = (
  error: ServeryError,
  params: Readonly<Record<string, string | undefined>>,
) => Omit<ErrorAnswer, 'code'>;

/** Anything unforeseen is a bug: the client learns nothing about it, the log everything. */
export function toErrorAnswer(
  error: unknown,
  form: ErrorForm = ownForm,
  params: Parameters<ErrorForm>[1] = {},
): ErrorAnswer {
  const isKnown = error instanceof ServeryError && error.code !== 'INTERNAL';
  const known = isKnown ? error : new ServeryError('INTERNAL', 'Internal error');
  return { code: known.code, ...form(known, params) };
}

function ownForm(error: ServeryError): Omit<ErrorAnswer, 'code'> {
  const { code, message, hint } = error;
  return { status: STATUS[code], body: JSON.stringify({ error: message, code, hint }), headers: errorHeaders(error) };
}

/** What HTTP itself says about a failure, in any protocol. */
export function errorHeaders(error: ServeryError): readonly string[] {
  // The others that are worth a retry are worth one by a run, not by whoever asked.
  if (STATUS[error.code] === 503) {
    return ['retry-after', String(Math.max(1, Math.ceil((error.retryAfterMs ?? 1000) / 1000)))];
  }
  switch (error.code) {
    case 'UNAUTHENTICATED':
      return ['www-authenticate', 'Bearer'];
    case 'UNSUPPORTED_ENCODING':
      return ['accept-encoding', 'gzip, deflate'];
    default:
      return [];
  }
}
