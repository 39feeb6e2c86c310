/** A failure as `google.rpc.Status` in JSON. Its status and HTTP's belong together: clients go by either. */
import type { ErrorCode } from '../../core/errors.ts';

const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};
/** Statuses that Google's services do not have. */
const INSTEAD: Readonly<Record<number, number>> = { 405: 404, 413: 400, 415: 400, 507: 429 };

export interface Failure {
  readonly status: number;
  readonly body: string;
}

/** @param usual the HTTP status that the failure has elsewhere */
export function failureOf(reason: ErrorCode, message: string, usual: number): Failure {
  const code = INSTEAD[usual] ?? usual;
  const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'servery' }];
  return { status: code, body: JSON.stringify({ error: { code, message, status: STATUS_NAMES[code], details } }) };
}
