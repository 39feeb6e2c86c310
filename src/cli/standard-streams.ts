/**
 * Standard input and output as files: a plan needs to see its input twice, and nothing is printed before all of it
 * is right.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'servery-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** @returns the file that holds all of standard input */
export async function spoolStdin(folder: string, format: string): Promise<string> {
  const path = join(folder, `stdin.${format}`);
  await pipeline(process.stdin, createWriteStream(path));
  return path;
}

export async function copyToStdout(paths: readonly string[]): Promise<void> {
  for (const path of paths) await pipeline(createReadStream(path), process.stdout, { end: false });
}
