/**
 * The folder beside an output, `.OUT.servery/`: where work is until it is complete.
 *
 *   staging/RUN/     finished chunks, bad rows and copies of input, until the run is over
 *   ready/TOKEN/     the complete output of one owner, about to be renamed into place
 *   locks/KEY.lock   who may make KEY (an interval) visible; `publishing`: who is just doing so
 *   manifests/       what is visible, by KEY; appended outputs by KEY and run
 *   bad/             the bad rows of each run
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { compactInterval, type DataInterval } from '../core/data-interval.ts';
import { ServeryError } from '../core/errors.ts';
import { translateFailure } from './failures.ts';

/** What a run that is not coming back may leave behind. */
const GARBAGE_MS = 7 * 86_400_000;

export interface StagingFolder {
  readonly root: string;
  readonly staging: string;
  readonly ready: string;
  readonly locks: string;
  readonly manifests: string;
  readonly bad: string;
}

/** @throws {ServeryError} `OUTPUT_INVALID` */
export async function openStaging(output: string, runKey: string): Promise<StagingFolder> {
  const { target, root } = await placeOf(output);
  const folder = {
    root,
    staging: join(root, 'staging', runKey),
    ready: join(root, 'ready'),
    locks: join(root, 'locks'),
    manifests: join(root, 'manifests'),
    bad: join(root, 'bad'),
  };
  try {
    for (const path of Object.values(folder)) await mkdir(path, { recursive: true });
    await confirmSameFileSystem(target, root);
    await removeGarbage(folder, runKey);
  } catch (error) {
    throw translateFailure(error, 'OUTPUT_INVALID');
  }
  return folder;
}

/** Where an output is, links resolved, and the folder beside it. */
export async function placeOf(output: string): Promise<{ readonly target: string; readonly root: string }> {
  const target = await real(resolve(output));
  return { target, root: join(dirname(target), `.${basename(target)}.servery`) };
}

/** The path without links, as far as it exists. */
async function real(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await real(parent), basename(path));
  }
}

/** A rename is atomic within one file system only. */
async function confirmSameFileSystem(target: string, root: string): Promise<void> {
  const there = await stat(target).catch(() => undefined);
  if (there === undefined || !there.isDirectory()) return;
  if (there.dev === (await stat(root)).dev) return;
  throw new ServeryError('OUTPUT_INVALID', 'The output folder is a file system of its own', {
    hint: 'Name a folder within it: results are staged beside the output and then renamed.',
  });
}

async function removeGarbage({ root }: StagingFolder, runKey: string): Promise<void> {
  for (const kind of ['staging', 'ready']) {
    for (const name of await readdir(join(root, kind))) {
      if (name === runKey) continue;
      const path = join(root, kind, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (Date.now() - mtimeMs > GARBAGE_MS) await rm(path, { recursive: true, force: true });
    }
  }
}

/** A name for files from a name that may hold anything. */
export function fileKey(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._~-]/g, '_');
  if (safe === name && name.length <= 120) return name;
  return `${safe.slice(0, 100)}-${shortHash(name)}`;
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

export function intervalKey(interval: DataInterval | undefined): string {
  return interval === undefined ? 'all' : compactInterval(interval);
}
