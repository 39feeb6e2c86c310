/** Ways to ask a model row by row, as clients do: through the front end in this process, or through a running server. */
import { ServeryError, ERROR_CATALOG, type ErrorCode } from '../core/errors.ts';
import type { ModelVersion } from '../core/model.ts';
import { decodePlainRequest } from '../protocol/plain.ts';
import { encodeRows } from '../protocol/rows.ts';
import type { Predict } from '../serving/predict.ts';

export interface OnlineWay {
  /** What is lost on the way back, for a comparison that looks away there. */
  readonly isJson: boolean;
  /** @param body a request of the plain door */
  ask(body: string): Promise<readonly Record<string, unknown>[]>;
}

/** Of the plain door. */
interface Answer {
  readonly rows?: readonly Record<string, unknown>[];
  readonly error?: string;
  readonly code?: string;
}

const encoder = new TextEncoder();

/** The plain door without its socket: the same decoding, queue and batches, and the values as they are. */
export function inProcess(predict: Predict, model: ModelVersion): OnlineWay {
  return {
    isJson: false,
    async ask(body) {
      const bytes = encoder.encode(body);
      const { signature, outputs, rows } = await predict(model, (s) => decodePlainRequest(bytes, 'json', s), {});
      return encodeRows(signature, outputs, rows);
    },
  };
}

/**
 * @param url of a server, such as http://127.0.0.1:8080
 * @throws {ServeryError} `USAGE`
 */
export function throughHttp(url: string, { name, version }: ModelVersion, key: string | undefined): OnlineWay {
  const path = `/models/${encodeURIComponent(name)}/versions/${version}/predict`;
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new ServeryError('USAGE', 'Cannot read --url: expected an address such as http://127.0.0.1:8080');
  }
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const headers = { 'content-type': 'application/json', ...authorization };
  return {
    isJson: true,
    async ask(body) {
      const response = await fetch(new URL(path, url), { method: 'POST', headers, body }).catch((cause: unknown) => {
        throw new ServeryError('SERVER_NOT_RUNNING', `Cannot reach the server at ${url}`, { cause });
      });
      const answer = (await response.json().catch(() => ({}))) as Answer;
      if (response.ok && answer.rows !== undefined) return answer.rows;
      const { error, code = '' } = answer;
      if (error !== undefined && Object.hasOwn(ERROR_CATALOG, code)) throw new ServeryError(code as ErrorCode, error);
      throw new ServeryError('SERVER_NOT_RUNNING', `What answers at ${url} is no Servery (status ${response.status})`);
    },
  };
}
