/**
 * The client: predictions by rows or tensors, from Node.js or a browser.
 *
 * Uses `fetch` and nothing else. `Models` is empty here; `servery model types NAME` prints what fills it,
 * and then `client.predict('iris', rows)` knows the rows and the answers of `iris`.
 */
import { ERROR_CATALOG, ServeryError, type ErrorCode } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { decodeInferBody, encodeInferBody, type InferAnswer } from './infer-codec.ts';
import { withRetries } from './retry.ts';

/** Rows and answers by model name; filled by generated declarations. */

export interface Models {}

interface AnyModel {
  readonly row: Readonly<Record<string, unknown>> | readonly unknown[];
  readonly prediction: Record<string, unknown>;
  readonly labelled: Record<string, unknown>;
}
type ModelOf<Name extends string> = Name extends keyof Models ? Models[Name] & AnyModel : AnyModel;

export interface ClientOptions {
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

export interface RowsAnswer<Row> {
  readonly model: string;
  /** The version that answered. */
  readonly version: number;
  readonly rows: readonly Row[];
}

export interface ServeryClient {
  /**
   * Predicts rows, with their features by name.
   *
   * @param model `name`, `name@alias` or `name/7`
   * @throws {ServeryError} with the server's code and hint; `DEADLINE_EXCEEDED`, `SERVER_NOT_RUNNING`
   * @throws the signal's reason, when it aborts
   */
  predict<Name extends string>(
    model: Name,
    rows: readonly ModelOf<Name>['row'][],
    options: CallOptions & { readonly labels: true },
  ): Promise<RowsAnswer<ModelOf<Name>['labelled']>>;
  predict<Name extends string>(
    model: Name,
    rows: readonly ModelOf<Name>['row'][],
    options?: CallOptions & { readonly labels?: false },
  ): Promise<RowsAnswer<ModelOf<Name>['prediction']>>;

  /**
   * Predicts tensors, by name of the input; exact for every datatype, binary when large.
   *
   * @throws as `predict`
   */
  infer(
    model: string,
    inputs: Readonly<Record<string, Tensor>>,
    options?: CallOptions & { readonly parameters?: Readonly<Record<string, string | number | boolean>> },
  ): Promise<InferAnswer>;

  /** Whether everything that should be live is live and warm. */
  isReady(options?: CallOptions): Promise<boolean>;
}

export function createClient(options: ClientOptions): ServeryClient {
  const { apiKey, timeoutMs: defaultTimeoutMs = 60_000, attempts = 3, fetch: send = fetch } = options;
  const base = options.url.replace(/\/+$/, '');

  async function post(
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Readonly<Record<string, string>>,
    { signal, timeoutMs = defaultTimeoutMs }: CallOptions,
  ): Promise<Response> {
    const deadline = Date.now() + timeoutMs;
    const attempt = async () => {
      const leftMs = Math.max(1, Math.ceil(deadline - Date.now()));
      const response = await request(path, {
        method: 'POST',
        body,
        signal: withTimeout(signal, leftMs),
        headers: { ...headers, 'servery-timeout-ms': String(leftMs), ...authorization() },
      });
      if (!response.ok) throw await errorOf(response);
      return response;
    };
    return withRetries(attempt, { attempts, deadline, signal });
  }

  async function request(path: string, init: RequestInit): Promise<Response> {
    try {
      return await send(base + path, init);
    } catch (error) {
      if (error instanceof DOMException && error.name === 'TimeoutError') {
        throw new ServeryError('DEADLINE_EXCEEDED', 'The answer did not come in time', { cause: error });
      }
      const code = (error as { cause?: { code?: unknown } }).cause?.code;
      if (code !== 'ECONNREFUSED') throw error; // it may have been sent: for the caller to judge
      throw new ServeryError('SERVER_NOT_RUNNING', `Cannot reach ${base}: the connection was refused`, {
        cause: error,
      });
    }
  }

  const authorization = (): Record<string, string> =>
    apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };

  return {
    async predict(model: string, rows: readonly unknown[], call: CallOptions & { readonly labels?: boolean } = {}) {
      const query = call.labels === true ? '?labels=true' : '';
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const response = await post(`/models/${pathOf(model)}/predict${query}`, JSON.stringify({ rows }), headers, call);
      return (await response.json()) as RowsAnswer<never>;
    },

    async infer(model, inputs, { parameters, ...call } = {}) {
      const { body, headers } = encodeInferBody(inputs, parameters);
      const response = await post(`/v2/models/${pathOf(model)}/infer`, body, headers, call);
      const headerLength = Number(response.headers.get('inference-header-content-length'));
      return decodeInferBody(await response.arrayBuffer(), headerLength);
    },

    async isReady({ signal, timeoutMs = defaultTimeoutMs } = {}) {
      const init = { signal: withTimeout(signal, timeoutMs), headers: authorization() };
      return (await request('/v2/health/ready', init)).ok;
    },
  };
}

/** `iris/7` is a reference; its path has `/versions/7`. */
function pathOf(model: string): string {
  const [name = '', version] = model.split('/');
  const path = encodeURIComponent(name).replace('%40', '@');
  return version === undefined ? path : `${path}/versions/${encodeURIComponent(version)}`;
}

function withTimeout(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

async function errorOf(response: Response): Promise<ServeryError> {
  const text = await response.text();
  let answer: { error?: unknown; code?: unknown; hint?: unknown } = {};
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch {
    // A proxy in between may answer in HTML: the status is all there is.
  }
  const { error, code, hint } = answer;
  const known = typeof code === 'string' && Object.hasOwn(ERROR_CATALOG, code) ? (code as ErrorCode) : undefined;
  const retryAfter = Number(response.headers.get('retry-after') ?? NaN);
  return new ServeryError(known ?? 'INTERNAL', typeof error === 'string' ? error : `Status ${response.status}`, {
    ...(typeof hint === 'string' && { hint }),
    ...(Number.isFinite(retryAfter) && { retryAfterMs: retryAfter * 1000 }),
  });
}
