/** A real server process on a workspace that outlives it: for restarts, refusals and edits from outside. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const READY_WITHIN_MS = 60_000;

export interface RunningServer extends AsyncDisposable {
  /** `http://host:port`. */
  readonly http: string;
  /** `host:port`. */
  readonly grpc: string;
  readonly pid: number;
  /** What it logged so far. */
  log(): string;
  /** Sends a signal and gives the exit code, or the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

export interface StartOptions {
  readonly command?: 'serve' | 'up';
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** False: returns as soon as it listens. */
  readonly untilReady?: boolean;
}

export async function startServer(
  workspace: string,
  { args = [], untilReady = true, command = 'serve', env = {} }: StartOptions = {},
): Promise<RunningServer> {
  const address = ['--http', '127.0.0.1:0', '--grpc', '127.0.0.1:0'];
  const child = spawn(
    process.execPath,
    ['--conditions=servery-source', `${ROOT}src/cli/main.ts`, command, workspace, '--json', ...address, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } },
  );
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line').then(([text]) => text as string),
    ended.then(() => ''),
  ]);
  const started = line.startsWith('{"server"')
    ? (JSON.parse(line) as { server: { http: string; grpc: string } })
    : await ended.then(() => Promise.reject(new Error(printed + log)));
  const { http, grpc } = started.server;
  if (untilReady) {
    const giveUpAt = Date.now() + READY_WITHIN_MS;
    while (!(await fetch(`${http}/v2/health/ready`)).ok) {
      if (Date.now() > giveUpAt) throw new Error(`The server is not ready: ${log}`);
      await sleep(20);
    }
  }
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    const [code, by] = await ended;
    return code ?? by!;
  };
  return {
    http,
    grpc,
    pid: child.pid!,
    log: () => log,
    stop,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await stop('SIGKILL');
    },
  };
}

/** A workspace with copies of models: `{ iris: 'examples/quickstart/models/iris' }`, paths from the root. */
export async function workspaceWith(models: Readonly<Record<string, string>>): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  for (const [name, path] of Object.entries(models)) {
    await cp(ROOT + path, `${folder.path}/models/${name}`, { recursive: true });
  }
  return folder;
}
