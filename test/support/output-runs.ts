/** Runs that write an output in processes of their own (output-process.ts), to be killed or stopped. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const SCRIPT = new URL('output-process.ts', import.meta.url).pathname;

export interface RunOptions {
  /** Of the interval. */
  readonly hours?: number;
  /** Writing beyond fails as on a full disk. A multiple of 512. */
  readonly largestFileBytes?: number;
}

export function start(
  workspace: string,
  output: object,
  runId: string,
  first: number,
  failpoint?: string,
  { hours = 1, largestFileBytes }: RunOptions = {},
): ChildProcess {
  const args = [
    '--conditions=servery-source',
    SCRIPT,
    workspace,
    JSON.stringify(output),
    runId,
    String(first),
    String(hours),
  ];
  const env = { ...process.env, ...(failpoint === undefined ? {} : { SERVERY_FAILPOINT: failpoint }) };
  // `sh` sets the limit, and becomes the process.
  const limit = largestFileBytes === undefined ? 'unlimited' : String(largestFileBytes / 512);
  const command = ['-c', 'ulimit -f "$0" && exec "$@"', limit, process.execPath, ...args];
  return spawn('sh', command, { env, stdio: ['ignore', 'inherit', 'pipe'] });
}

export async function ended(
  child: ChildProcess,
): Promise<{ code: number | null; signal: string | null; errors: string }> {
  let errors = '';
  child.stderr!.on('data', (text: Buffer) => (errors += text.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, errors };
}

export async function run(...args: Parameters<typeof start>) {
  return ended(start(...args));
}

/** All files below a folder, by path. */
export function contents(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [
      join(parentPath, name).slice(folder.length),
      readFileSync(join(parentPath, name), 'base64'),
    ]),
  );
}

/** Resolves when the process sleeps. */
export async function stopped({ pid }: ChildProcess): Promise<void> {
  while (stateOf(pid!) !== 'T') await new Promise((resolve) => setTimeout(resolve, 20));
}

function stateOf(pid: number): string {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2)[0] ?? '';
}
