/**
 * Reads `servery.config.*` of a workspace, and the jobs that have a file each in `jobs/`, into plain values.
 *
 * A TypeScript or JavaScript file is a program: it is evaluated in a thread that lives only for this, so
 * an edited file can be read again, and one that never ends is stopped.
 */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { parseDocument } from 'yaml';
import { ServeryError } from '../core/errors.ts';
import { workerUrl } from '../core/worker-url.ts';

const EXTENSIONS = ['ts', 'mts', 'js', 'mjs', 'yaml', 'yml', 'json'];

/** In the order in which they are looked for. */
export const CONFIG_FILES = EXTENSIONS.map((end) => `servery.config.${end}`);

export const JOBS_FOLDER = 'jobs';

const EVALUATION_LIMIT_MS = 10_000;

export interface ConfigFile {
  /** The file's name, for messages. */
  readonly name: string;
  readonly value: unknown;
}

/**
 * @returns undefined when the workspace has none: every option has a default
 * @throws {ServeryError} `CONFIG_INVALID` when it cannot be read, or when there are two
 */
export async function readConfigFile(workspace: string): Promise<ConfigFile | undefined> {
  const present: string[] = [];
  for (const name of CONFIG_FILES) {
    const found = await stat(join(workspace, name)).catch(() => undefined);
    if (found?.isFile()) present.push(name);
  }
  const [name, other] = present;
  if (name === undefined) return undefined;
  if (other !== undefined) throw invalid(name, `there is also ${other}, expected one configuration file`);
  return readValue(workspace, name);
}

/**
 * The files in `jobs/`: `nightly.yaml` is the job `nightly`. Others, and what begins with a dot or `_`, are left alone.
 *
 * @throws {ServeryError} `CONFIG_INVALID` when one cannot be read, or two have one name
 */
export async function readJobFiles(workspace: string): Promise<ReadonlyMap<string, ConfigFile>> {
  const names = await readdir(join(workspace, JOBS_FOLDER)).catch(() => []);
  const files = new Map<string, ConfigFile>();
  for (const name of names.sort()) {
    const [, job, extension = ''] = /^([^._][^]*?)\.([a-z]+)$/.exec(name) ?? [];
    if (job === undefined || !EXTENSIONS.includes(extension)) continue;
    const path = `${JOBS_FOLDER}/${name}`;
    const other = files.get(job);
    if (other !== undefined) throw invalid(path, `there is also ${other.name}, expected one file for a job`);
    files.set(job, await readValue(workspace, path));
  }
  return files;
}

async function readValue(workspace: string, name: string): Promise<ConfigFile> {
  const path = join(workspace, name);
  const isProgram = /\.[mc]?[jt]s$/.test(name);
  return { name, value: isProgram ? await evaluate(path, name) : parse(await readFile(path, 'utf8'), name) };
}

function parse(text: string, name: string): unknown {
  // JSON is YAML, but a JSON file must not be allowed to be more than JSON.
  if (name.endsWith('.json')) {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw invalid(name, (error as Error).message);
    }
  }
  const document = parseDocument(text, { prettyErrors: false });
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw invalid(name, `line ${text.slice(0, problem.pos[0]).split('\n').length}: ${problem.message}`);
  }
  return document.toJS({ maxAliasCount: 100 }) ?? {};
}

async function evaluate(path: string, name: string): Promise<unknown> {
  const thread = new Worker(workerUrl(import.meta.url, './evaluate-thread'), { workerData: path, stdout: true });
  thread.stdout.resume(); // what a configuration prints must not mix with a command's own output
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  thread.once('message', (message: { value: unknown } | { problem: string }) => {
    if ('value' in message) resolve(message.value);
    else reject(invalid(name, message.problem));
  });
  thread.once('error', (error) => reject(invalid(name, error.message)));
  thread.once('exit', () => reject(invalid(name, 'it ended its thread')));
  const timer = setTimeout(
    () => reject(invalid(name, `it took longer than ${EVALUATION_LIMIT_MS / 1000} s`)),
    EVALUATION_LIMIT_MS,
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}

function invalid(name: string, problem: string): ServeryError {
  return new ServeryError('CONFIG_INVALID', `Cannot read ${name}: ${problem}`);
}
