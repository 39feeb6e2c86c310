/** Requests of the client: where they go, with which key, how long they may take, and what a refusal means. */
import { ERROR_CATALOG, ServeryError, type ErrorCode } from '../core/errors.ts';
import { withRetries } from './retry.ts';

export interface ConnectionOptions {
  /** `http://host:port` of the server's HTTP door. */
  readonly url: string;
  readonly apiKey?: string;
  /** For each call, all tries included; the server is told, too. Default 60,000. */
  readonly timeoutMs?: number;
  /** Tries in all of a call that the server refused before it ran. Default 3; 1 never tries again. */
  readonly attempts?: number;
  /** Default: the platform's. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface RequestOptions extends CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

export interface Connection {
  /** Tries in all of a call that the server refused before it ran. */
  readonly attempts: number;
  /**
   * One answer that is a success.
   *
   * @throws {ServeryError} with the server's code and hint; `DEADLINE_EXCEEDED`, `SERVER_NOT_RUNNING`
   * @throws the signal's reason, when it aborts
   */
  request(path: string, options?: RequestOptions): Promise<Response>;
  /** As `request`; time is limited only where the call says so, and then all of the answer's. */
  openAnswer(path: string, options?: RequestOptions): Promise<Response>;
  /** One try, whatever the answer is, without a word about time to the server. */
  send(path: string, options?: RequestOptions): Promise<Response>;
  /** As `send`, without an end: only the signal ends it. @throws as `request`, when the answer is no success */
  open(path: string, options?: Omit<RequestOptions, 'timeoutMs'>): Promise<Response>;
}

export function createConnection(options: ConnectionOptions): Connection {
  const { apiKey, timeoutMs: defaultTimeoutMs = 60_000, attempts = 3, fetch: send = fetch } = options;
  const base = options.url.replace(/\/+$/, '');

  async function tryOnce(path: string, init: RequestInit): Promise<Response> {
    try {
      return await send(base + path, init);
    } catch (error) {
      if (isTimeout(error)) throw tooLate(error);
      const code = (error as { cause?: { code?: unknown } }).cause?.code;
      if (code !== 'ECONNREFUSED') throw error; // it may have been sent: for the caller to judge
      throw new ServeryError('SERVER_NOT_RUNNING', `Cannot reach ${base}: the connection was refused`, {
        cause: error,
      });
    }
  }

  function initOf({ method = 'GET', headers, body }: RequestOptions): RequestInit {
    const authorization: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    return { method, headers: { ...headers, ...authorization }, ...(body !== undefined && { body }) };
  }

  function requestWithin(path: string, call: RequestOptions, limitMs: number | undefined): Promise<Response> {
    const { signal } = call;
    const deadline = Date.now() + (limitMs ?? defaultTimeoutMs);
    const attempt = async () => {
      if (limitMs === undefined) return succeeded(await tryOnce(path, { ...initOf(call), signal: signal ?? null }));
      const leftMs = Math.max(1, Math.ceil(deadline - Date.now()));
      const headers = { ...call.headers, 'servery-timeout-ms': String(leftMs) };
      const init = { ...initOf({ ...call, headers }), signal: withTimeout(signal, leftMs) };
      return succeeded(await tryOnce(path, init));
    };
    return withRetries(attempt, { attempts, deadline, signal });
  }

  return {
    attempts,

    request: (path, call = {}) => requestWithin(path, call, call.timeoutMs ?? defaultTimeoutMs),

    openAnswer: (path, call = {}) => requestWithin(path, call, call.timeoutMs),

    send(path, call = {}) {
      const { signal, timeoutMs = defaultTimeoutMs } = call;
      return tryOnce(path, { ...initOf(call), signal: withTimeout(signal, timeoutMs) });
    },

    async open(path, call = {}) {
      const { signal = null } = call;
      return succeeded(await tryOnce(path, { ...initOf(call), signal }));
    },
  };
}

function withTimeout(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

export function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}

export function tooLate(cause: unknown): ServeryError {
  return new ServeryError('DEADLINE_EXCEEDED', 'The answer did not come in time', { cause });
}

/** An answer whose end does not come in time is as late as one that does not begin. */
export async function inTime<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw isTimeout(error) ? tooLate(error) : error;
  }
}

async function succeeded(response: Response): Promise<Response> {
  if (response.ok) return response;
  const text = await inTime(response.text());
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // A proxy in between may answer in HTML: the status is all there is.
  }
  const retryAfter = Number(response.headers.get('retry-after') ?? NaN);
  const later = Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter * 1000 } : {};
  throw failureIn(answer, later) ?? new ServeryError('INTERNAL', `Status ${response.status}`, later);
}

/** The failure that the server says in JSON: `{"error", "code", "hint"}`. */
export function failureIn(answer: unknown, later: { readonly retryAfterMs?: number } = {}): ServeryError | undefined {
  const { error, code, hint } = Object(answer) as { error?: unknown; code?: unknown; hint?: unknown };
  if (typeof error !== 'string') return undefined;
  const known = typeof code === 'string' && Object.hasOwn(ERROR_CATALOG, code) ? (code as ErrorCode) : undefined;
  return new ServeryError(known ?? 'INTERNAL', error, { ...(typeof hint === 'string' && { hint }), ...later });
}
