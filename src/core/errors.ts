/**
 * Every failure a caller may have to act on.
 *
 * One catalog, so that the HTTP and gRPC mappings, the command line's advice and docs/errors.md
 * cannot drift apart: each is a table over `ErrorCode`, and a missing row does not compile.
 * Nothing here knows a status number: that belongs to each transport.
 */
export const ERROR_CATALOG = {
  // What the client sent
  INVALID_REQUEST: { retryable: false, hint: 'Compare the request with the example in /docs.' },
  INVALID_INPUT: { retryable: false, hint: 'Run `servery model show NAME` to see the signature.' },
  NOT_FOUND: { retryable: false, hint: 'GET /openapi.json lists every route.' },
  METHOD_NOT_ALLOWED: { retryable: false, hint: 'The Allow header lists the methods of this path.' },
  UNSUPPORTED_MEDIA_TYPE: { retryable: false, hint: 'Send a Content-Type that this route lists in /openapi.json.' },
  UNSUPPORTED_ENCODING: { retryable: false, hint: 'Send the body as it is, or with gzip or deflate.' },
  UNSUPPORTED: { retryable: false, hint: 'See docs/protocols for what is implemented.' },
  PAYLOAD_TOO_LARGE: { retryable: false, hint: 'Send fewer rows, or raise the limit that the message names.' },
  UNAUTHENTICATED: { retryable: false, hint: 'Send `Authorization: Bearer KEY`; `servery token` makes a key.' },
  FORBIDDEN: { retryable: false, hint: 'Use a key that has the scope which the message names.' },
  HOST_NOT_ALLOWED: { retryable: false, hint: 'Add the name to `http.allowedHosts`.' },
  ORIGIN_NOT_ALLOWED: { retryable: false, hint: 'Add the origin to `http.cors`.' },
  CANCELLED: { retryable: false, hint: 'The client gave up before the answer was ready.' },
  CONFLICT: { retryable: false, hint: 'Look at the present state, then decide again.' },

  // Models
  MODEL_NOT_FOUND: { retryable: false, hint: 'Run `servery model list` to see models, versions and aliases.' },
  MODEL_NOT_READY: { retryable: true, hint: 'Run `servery model show NAME` to see what it waits for.' },
  MODEL_INVALID: { retryable: false, hint: 'Run `servery check` to see what is wrong with the artifact.' },
  MODEL_CHANGED: { retryable: false, hint: 'A version never changes: publish the new files as a new version.' },
  MODEL_FAILED: { retryable: false, hint: 'The model itself failed on this input; the log has the details.' },
  HANDLER_FAILED: { retryable: false, hint: 'The handler threw; the log has the details.' },
  HANDLER_RESTARTED: { retryable: true, hint: 'The thread of the handler was replaced; the call was not run again.' },
  RUNTIME_MISSING: { retryable: false, hint: 'Run `npm install onnxruntime-node` beside servery.' },

  // Jobs and data
  JOB_NOT_FOUND: { retryable: false, hint: 'Run `servery job list` to see every job.' },
  RUN_NOT_FOUND: { retryable: false, hint: 'Run `servery job show NAME` to see its runs.' },
  CRON_INVALID: { retryable: false, hint: 'Run `servery cron explain "0 20 * * *"` to see an expression that works.' },
  DATA_NOT_FOUND: { retryable: false, hint: 'Look at the path or table that the job names; globs match files only.' },
  DATA_INVALID: { retryable: false, hint: 'Set `onBadRow: quarantine` to keep the good rows of damaged input.' },
  TOO_MANY_BAD_ROWS: { retryable: false, hint: 'The file of bad rows names each with its reason; see `maxBadRows`.' },
  OUTPUT_INVALID: { retryable: false, hint: 'Look at what the output names: its folder, format, mode and key.' },
  DATASET_MISSING: { retryable: false, hint: 'Run `npm install @duckdb/node-api` (for PostgreSQL: pg pg-cursor).' },
  DATABASE_FAILED: { retryable: true, hint: 'Look at the address, the account and the log of the database.' },
  STORAGE_FULL: { retryable: true, hint: 'Free some space; what was committed before is kept.' },
  COMMAND_FAILED: { retryable: true, hint: 'Run `servery job logs RUN` to see what the command printed.' },
  TIMED_OUT: { retryable: true, hint: 'Raise the `timeout` of the job or step that the message names.' },
  LEASE_LOST: { retryable: true, hint: 'Another worker has taken the run over, or the run was cancelled.' },
  WORKER_LOST: { retryable: true, hint: 'The process that executed the run ended; the log has its last words.' },
  SECRET_NOT_FOUND: { retryable: false, hint: 'Set the environment variable that the secret names.' },
  GATE_REFUSED: { retryable: false, hint: 'The artifact is kept in .servery/refused; compare its metrics.' },

  // Load and time
  QUEUE_FULL: { retryable: true, hint: 'Retry after the given delay, or raise `batching.maxQueuedRows`.' },
  DEADLINE_EXCEEDED: { retryable: false, hint: 'Raise the deadline, or send fewer rows.' },
  SHUTTING_DOWN: { retryable: true, hint: 'Retry; another replica will answer.' },

  // The operator's side
  CONFIG_INVALID: { retryable: false, hint: 'Correct what the message names; `servery config` lists every option.' },
  USAGE: { retryable: false, hint: 'Run the command with `--help`.' },
  WORKSPACE_NOT_FOUND: { retryable: false, hint: 'Run `servery init NAME` to start a workspace.' },
  WORKSPACE_IN_USE: { retryable: false, hint: 'Stop the server that holds it, or use another workspace.' },
  SERVER_NOT_RUNNING: { retryable: false, hint: 'Start one with `servery up`.' },
  ADDRESS_IN_USE: {
    retryable: false,
    hint: 'Stop what listens there, or choose another port with `--http` or `--grpc`.',
  },
  ADDRESS_INSECURE: {
    retryable: false,
    hint: 'Configure `auth.keys` (see `servery token`), listen on 127.0.0.1, or say `--insecure`.',
  },
  INTERNAL: { retryable: false, hint: 'This is a bug in Servery; the log has the details.' },
} as const satisfies Record<string, { retryable: boolean; hint: string }>;

export type ErrorCode = keyof typeof ERROR_CATALOG;

export interface ServeryErrorOptions extends ErrorOptions {
  /** Replaces the catalog's hint where the thrower knows better. */
  readonly hint?: string;
  /** Milliseconds after which trying again is worth it (`QUEUE_FULL`, `MODEL_NOT_READY`). */
  readonly retryAfterMs?: number;
}

/** Base of every error Servery throws on purpose. Any other error that escapes is a bug. */
export class ServeryError extends Error {
  override readonly name: string = 'ServeryError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: ServeryErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.hint = options.hint ?? ERROR_CATALOG[code].hint;
    this.retryAfterMs = options.retryAfterMs;
  }

  get retryable(): boolean {
    return ERROR_CATALOG[this.code].retryable;
  }
}

/** `INVALID_INPUT` for one named input. */
export function invalidInput(input: string, problem: string): ServeryError {
  return new ServeryError('INVALID_INPUT', `Cannot use input ${quote(input)}: ${problem}`);
}

/**
 * A name from a request as it may appear in a message: short, printable, quoted.
 * Errors never echo payloads; a name is the one exception, so it is bounded.
 */
export function quote(name: string): string {
  const printable = name.replace(/[^\x20-\x7e]/g, '?');
  return JSON.stringify(printable.length > 64 ? `${printable.slice(0, 61)}...` : printable);
}

/** An error in the form that crosses a thread border: structured clone drops the fields of a subclass. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly retryAfterMs: number | undefined;
  /** Only for the log of the side that receives it. */
  readonly stack: string | undefined;
}

export function toWireError(error: unknown, fallback: ErrorCode = 'INTERNAL'): WireError {
  if (error instanceof ServeryError) {
    const { code, message, hint, retryAfterMs, stack } = error;
    return { code, message, hint, retryAfterMs, stack };
  }
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return { code: fallback, message, hint: ERROR_CATALOG[fallback].hint, retryAfterMs: undefined, stack };
}

export function fromWireError(wire: WireError): ServeryError {
  const { code, message, hint, retryAfterMs, stack } = wire;
  const error = new ServeryError(code, message, { hint, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  if (stack !== undefined) error.stack = stack;
  return error;
}
