/**
 * The server that holds a workspace, as the command line reaches it: through its HTTP door, like anyone,
 * with the key that it left for its own user in `.servery/server.json`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readServerFile, type ServerFile } from '../app/server-file.ts';
import { ERROR_CATALOG, ServeryError, type ErrorCode } from '../core/errors.ts';
import { pinnedFetch } from './pinned-fetch.ts';

const START_LIMIT_MS = 20_000;
const LOOK_AGAIN_MS = 50;

export interface LocalServer {
  readonly url: string;
  /** Has every scope. */
  readonly key: string;
  /** Knows it by its certificate, where it speaks HTTPS. */
  readonly fetch: typeof fetch;
  /** @throws {ServeryError} what the server answered */
  request(method: string, path: string, body?: unknown): Promise<unknown>;
}

/**
 * Undefined when no server holds the workspace. One that is starting is waited for.
 *
 * @throws {ServeryError} `SERVER_NOT_RUNNING` when it does not listen after a long while
 */
export async function findServer(workspace: string): Promise<LocalServer | undefined> {
  const holder = await listeningHolder(workspace);
  if (holder === undefined) return undefined;
  const { http: url, key, certificate } = holder;
  const send = certificate === undefined ? fetch : pinnedFetch(certificate);
  return {
    url,
    key,
    fetch: send,
    async request(method, path, body) {
      const headers: Record<string, string> = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
      const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
      const response = await send(url + path, init).catch((cause: unknown) => {
        throw new ServeryError('SERVER_NOT_RUNNING', `Cannot reach the server at ${url}`, { cause });
      });
      const text = await response.text();
      const answer: unknown = text === '' ? undefined : JSON.parse(text);
      if (response.ok) return answer;
      const { error = `status ${response.status}`, code, hint } = (answer ?? {}) as Record<string, string>;
      const known = code !== undefined && Object.hasOwn(ERROR_CATALOG, code) ? (code as ErrorCode) : 'INTERNAL';
      throw new ServeryError(known, error, hint === undefined ? {} : { hint });
    },
  };
}

async function listeningHolder(workspace: string): Promise<(ServerFile & { readonly http: string }) | undefined> {
  const giveUpAt = Date.now() + START_LIMIT_MS;
  for (;;) {
    const holder = await readServerFile(workspace);
    if (holder === undefined) return undefined;
    const { http } = holder;
    if (http !== undefined) return { ...holder, http };
    if (Date.now() > giveUpAt) {
      throw new ServeryError(
        'SERVER_NOT_RUNNING',
        `Process ${holder.pid} holds the workspace and does not listen yet`,
        {
          hint: 'Try again when it has started.',
        },
      );
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

/** @throws {ServeryError} `SERVER_NOT_RUNNING` */
export async function requireServer(workspace: string): Promise<LocalServer> {
  const server = await findServer(workspace);
  if (server !== undefined) return server;
  throw new ServeryError('SERVER_NOT_RUNNING', 'Cannot do this: no server holds the workspace', {
    hint: `Start one with \`servery up ${workspace}\`.`,
  });
}
