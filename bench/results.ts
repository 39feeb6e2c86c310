/**
 * Where results stay: those of the last run in bench/.results, and those of a version, which are committed, in
 * bench/results.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { promisify } from 'node:util';

const HERE = new URL('./', import.meta.url);

export interface BenchResult {
  readonly at: string;
  readonly command: string;
  readonly commit: string;
  readonly machine: Readonly<Record<string, unknown>>;
  readonly missing?: Readonly<Record<string, string>>;
  readonly lines: readonly object[];
}

export interface SaveOptions {
  /** Keep them as those of this version too. */
  readonly keep: boolean;
  /** Who could not take part, and why. */
  readonly missing?: Readonly<Record<string, string>>;
}

/** Keeps the lines of a bench, whatever they hold. */
export async function save(
  bench: string,
  lines: readonly object[],
  { keep, ...more }: SaveOptions,
): Promise<BenchResult> {
  const result: BenchResult = {
    at: new Date().toISOString(),
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    commit: await commit(),
    machine: {
      cpu: cpus()[0]?.model,
      cores: availableParallelism(),
      memoryGb: Math.round(totalmem() / 2 ** 30),
      system: `${process.platform} ${release()} ${process.arch}`,
      node: process.version,
    },
    ...more,
    lines,
  };
  const last = new URL('.results/', HERE);
  await mkdir(last, { recursive: true });
  await writeFile(new URL('.gitignore', last), '*\n');
  const file = new URL(`${bench}.json`, last);
  await writeFile(file, JSON.stringify(result, null, 2));
  console.log(`\nWritten to ${file.pathname}`);
  if (keep) await keepFor(await version(), bench, result);
  return result;
}

/** One file for each version, with a part for each bench. */
async function keepFor(name: string, bench: string, result: BenchResult): Promise<void> {
  const folder = new URL('results/', HERE);
  await mkdir(folder, { recursive: true });
  const file = new URL(`${name}.json`, folder);
  const kept = JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as Record<string, BenchResult>;
  await writeFile(file, `${JSON.stringify({ ...kept, [bench]: result }, null, 2)}\n`);
  console.log(`Kept in ${file.pathname}`);
}

async function version(): Promise<string> {
  const manifest = JSON.parse(await readFile(new URL('../package.json', HERE), 'utf8')) as { version: string };
  return manifest.version;
}

async function commit(): Promise<string> {
  const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: HERE.pathname });
  try {
    const { stdout } = await git('describe', '--always', '--dirty', '--abbrev=12');
    return stdout.trim();
  } catch {
    return 'unknown';
  }
}
