/**
 * Paths and globs of an input → files, in an order that depends on their names alone, each pinned.
 *
 * A pin is what says later that a file is still the one that was planned: its size, its time, and a checksum of its
 * bytes. The checksum is a CRC, which sees damage and costs a third of a cryptographic one; nobody attacks here.
 */
import { glob, open, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { crc32 } from 'node:zlib';
import { ServeryError, quote } from '../core/errors.ts';
import type { PlannedFile } from './input.ts';
import type { FileFormat, InputOptions } from './options.ts';

const EXTENSION = /\.(parquet|csv|tsv|ndjson|jsonl)(?:\.(gz|gzip|zst|zstd))?$/i;
const GLOB = /[*?[\]{}]/;
const BLOCK_BYTES = 1024 * 1024;

export type Compression = 'none' | 'gzip' | 'zstd';

export interface FileForm {
  readonly format: FileFormat;
  readonly compression: Compression;
  readonly delimiter: string | undefined;
}

/** What the name of a file says about its content. */
export function formOf(path: string): FileForm | undefined {
  const [, extension = '', packed] = EXTENSION.exec(path) ?? [];
  if (extension === '') return undefined;
  const word = extension.toLowerCase();
  const format = word === 'parquet' ? 'parquet' : word === 'csv' || word === 'tsv' ? 'csv' : 'ndjson';
  const compression = packed === undefined ? 'none' : packed.toLowerCase().startsWith('g') ? 'gzip' : 'zstd';
  return { format, compression, delimiter: word === 'tsv' ? '\t' : undefined };
}

/**
 * Absolute paths, each once, sorted by code units.
 *
 * @throws {ServeryError} `DATA_NOT_FOUND`
 */
export async function findFiles(options: InputOptions, workspace: string): Promise<readonly string[]> {
  const patterns = [options.path ?? []].flat();
  const found = new Set<string>();
  for (const pattern of patterns) {
    const before = found.size;
    for (const path of await expand(pattern, workspace)) found.add(path);
    if (found.size === before && !GLOB.test(pattern)) {
      throw new ServeryError('DATA_NOT_FOUND', `Cannot find the input ${quote(pattern)}`);
    }
  }
  if (found.size === 0) {
    throw new ServeryError('DATA_NOT_FOUND', `No file matches ${patterns.map((pattern) => quote(pattern)).join(', ')}`);
  }
  return [...found].sort();
}

async function expand(pattern: string, workspace: string): Promise<readonly string[]> {
  const path = resolve(workspace, pattern);
  const here = await stat(path).catch(() => undefined);
  if (here?.isFile() === true) return [path];
  const isFolder = here?.isDirectory() === true;
  if (here === undefined && !GLOB.test(pattern)) return [];
  const files: string[] = [];
  // A folder stands for the files in it that have the name of a format.
  const cwd = isFolder ? path : workspace;
  // The path of the workspace is no part of the pattern, whatever signs it has.
  for await (const entry of glob(isFolder ? '**/*' : pattern, { cwd })) {
    const file = resolve(cwd, entry);
    const isHidden = relative(isFolder ? path : '/', file)
      .split(sep)
      .some((part) => isFolder && /^[._]/.test(part));
    if (isHidden || (isFolder && formOf(file) === undefined)) continue;
    if ((await stat(file).catch(() => undefined))?.isFile() === true) files.push(file);
  }
  return files;
}

/** The form of all files. @throws {ServeryError} `DATA_INVALID` when names say nothing, or different things */
export function commonForm(options: InputOptions, paths: readonly string[]): FileForm {
  const forms = paths.map((path): FileForm => {
    const named = formOf(path);
    const format = options.format ?? named?.format;
    if (format === undefined) {
      throw new ServeryError('DATA_INVALID', 'Cannot tell the format of the input from its name', {
        hint: 'Set `input.format` to parquet, csv or ndjson.',
      });
    }
    const packed = /\.(gz|gzip)$/i.test(path) ? 'gzip' : /\.(zst|zstd)$/i.test(path) ? 'zstd' : 'none';
    return { format, compression: options.compression ?? packed, delimiter: named?.delimiter };
  });
  const [first] = forms;
  if (forms.some(({ format }) => format !== first!.format)) {
    throw new ServeryError('DATA_INVALID', 'The input has files of different formats', {
      hint: 'Let `input.path` match files of one format, or set `input.format`.',
    });
  }
  return first!;
}

export interface FilePin {
  readonly bytes: number;
  readonly mtimeMs: number;
}

export async function pinFile(path: string): Promise<FilePin> {
  const { size, mtimeMs } = await stat(path);
  return { bytes: size, mtimeMs };
}

export async function checksumFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, size + 1));
  let sum = 0;
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(block, 0, block.length);
    if (bytesRead === 0) return formatCrc(sum);
    sum = crc32(block.subarray(0, bytesRead), sum);
  }
}

function formatCrc(sum: number): string {
  return `crc32:${sum.toString(16).padStart(8, '0')}`;
}

/** Of the last bytes: in a Parquet file, where everything is and between which values it lies. */
export async function checksumTail(path: string): Promise<string> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  const block = Buffer.alloc(Math.min(size, BLOCK_BYTES));
  await file.read(block, 0, block.length, size - block.length);
  return `tail-${formatCrc(crc32(block))}`;
}

/** @throws {ServeryError} `DATA_INVALID` */
export async function confirmPin(file: PlannedFile): Promise<void> {
  const now = await pinFile(file.path).catch(() => undefined);
  if (now?.bytes === file.bytes && now.mtimeMs === file.mtimeMs) return;
  const problem = now === undefined ? 'is gone' : 'has changed';
  throw new ServeryError('DATA_INVALID', `Cannot go on: ${quote(file.source)} ${problem} since the run was planned`, {
    hint: 'Start a new run: it plans anew.',
  });
}

export function nameSource(path: string, workspace: string): string {
  const inside = relative(workspace, path);
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside;
}

/** What Hive calls the folder of the rows that have no value there. */
const NO_VALUE = '__HIVE_DEFAULT_PARTITION__';

/** `region=eu/day=1` in a path, as columns; the innermost wins. Encoded as Hive does it; null for no value. */
export function hivePartitions(path: string): ReadonlyMap<string, string | null> {
  const found = new Map<string, string | null>();
  for (const part of path.split(sep).slice(0, -1)) {
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/.exec(part) ?? [];
    if (key !== '') found.set(decode(key), value === NO_VALUE ? null : decode(value));
  }
  return found;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
