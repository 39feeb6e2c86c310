/**
 * Standard input and output as files: a plan needs to see its input twice, and nothing is printed before all of it
 * is right.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ServeryError, quote } from '../core/errors.ts';
import type { TensorSpec } from '../core/signature.ts';
import { scoringRows } from '../protocol/mlflow/envelope.ts';

/** ES2026, which the compiler's library does not know yet. */
const rawJson = (JSON as unknown as { rawJSON(text: string): object }).rawJSON;
const MAX_DOCUMENT_BYTES = 2 ** 28;

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

/** @returns a file of lines with the rows of a JSON document, which is a request of MLflow's scoring server */
export async function spoolDocument(folder: string, path: string, only: TensorSpec | undefined): Promise<string> {
  const rows = scoringRows(await readDocument(path), only);
  const lines = join(folder, 'document.ndjson');
  // Integers that are no doubles keep their digits.
  const exact = (_key: string, value: unknown) => (typeof value === 'bigint' ? rawJson(String(value)) : value);
  await writeFile(lines, rows.map((row) => `${JSON.stringify(row, exact)}\n`).join(''));
  return lines;
}

async function readDocument(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new ServeryError('DATA_NOT_FOUND', `Cannot find the input ${quote(path)}`);
  if (found.size <= MAX_DOCUMENT_BYTES) return readFile(path, 'utf8');
  const problem = `it has ${found.size} bytes, at most ${MAX_DOCUMENT_BYTES} are read as one document`;
  throw new ServeryError('DATA_INVALID', `Cannot read ${quote(path)}: ${problem}`, { hint: 'Write it as NDJSON.' });
}

export async function copyToStdout(paths: readonly string[]): Promise<void> {
  for (const path of paths) await pipeline(createReadStream(path), process.stdout, { end: false });
}
