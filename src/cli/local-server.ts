/**
 * The server that holds a workspace, as the command line reaches it: through its HTTP door, like anyone,
 * with the key that it left for its own user in `.servery/server.json`.
 */
import { readServerFile } from '../app/server-file.ts';
import { ERROR_CATALOG, ServeryError, type ErrorCode } from '../core/errors.ts';

export interface LocalServer {
  readonly url: string;
  /** Has every scope. */
  readonly key: string;
  /** @throws {ServeryError} what the server answered */
  request(method: string, path: string, body?: unknown): Promise<unknown>;
}

/** Undefined when no server holds the workspace. */
export async function findServer(workspace: string): Promise<LocalServer | undefined> {
  const holder = await readServerFile(workspace);
  if (holder?.http === undefined) return undefined;
  const { http: url, key } = holder;
  return {
    url,
    key,
    async request(method, path, body) {
      const headers: Record<string, string> = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
      const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
      const response = await fetch(url + path, init).catch((cause: unknown) => {
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

/** @throws {ServeryError} `SERVER_NOT_RUNNING` */
export async function requireServer(workspace: string): Promise<LocalServer> {
  const server = await findServer(workspace);
  if (server !== undefined) return server;
  throw new ServeryError('SERVER_NOT_RUNNING', 'Cannot do this: no server holds the workspace', {
    hint: `Start one with \`servery up ${workspace}\`.`,
  });
}
