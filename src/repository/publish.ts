/**
 * Adds a version to a model so that nobody ever sees half of it: written into a staging folder beside the
 * versions, made durable, then renamed to its number.
 */
import { randomUUID } from 'node:crypto';
import {
  cp,
  lstat,
  mkdir,
  open,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ServeryError, quote } from '../core/errors.ts';
import { isModelName, parseVersion, type ModelArtifact, type ModelVersion } from '../core/model.ts';
import { syncFolder } from './atomic-file.ts';
import { readVersionFolder } from './version-folder.ts';

const STAGING = '.staging-';
/** Nothing is staged for so long; what is older was left by a process that died. */
const ABANDONED_MS = 60 * 60_000;

export interface PublishOptions {
  /** The number to take; by default the next one. Taken already: `CONFLICT`. */
  readonly version?: number;
  /** Numbers that are spoken for though no folder has them (an alias may name one). */
  readonly atLeast?: number;
}

/**
 * @param source a folder or file to copy, or the files themselves by relative path
 * @throws {ServeryError} `INVALID_REQUEST` for a bad name, `MODEL_INVALID` when the files are no artifact, `CONFLICT`
 */
export async function publishVersion(
  modelsFolder: string,
  name: string,
  source: string | Readonly<Record<string, Uint8Array>>,
  options: PublishOptions = {},
): Promise<ModelVersion> {
  if (!isModelName(name)) {
    throw new ServeryError('INVALID_REQUEST', `Cannot publish ${quote(name)}: that is not a model name`, {
      hint: 'A name has letters, digits, _, - and . only, and begins with a letter, a digit or _.',
    });
  }
  const folder = join(modelsFolder, name);
  await mkdir(folder, { recursive: true });
  const staging = join(folder, STAGING + randomUUID());
  try {
    await stage(source, staging);
    const { problem } = await readVersionFolder(staging, await realpath(folder));
    if (problem !== undefined) throw new ServeryError('MODEL_INVALID', `Cannot publish to ${quote(name)}: ${problem}`);
    await syncTree(staging);
    const version = await takeNumber(folder, staging, name, options);
    await syncFolder(folder);
    return { name, version };
  } finally {
    await rm(staging, { recursive: true, force: true });
    // Nothing came of a new model: its folder goes too. One with versions stays.
    await rmdir(folder).catch(() => undefined);
  }
}

/** Files that arrived over the network, in a folder of the state until it is known whether they are any good. */
export interface Incoming extends AsyncDisposable {
  readonly artifact: ModelArtifact;
  /** Keeps them under `refused/` of the state, for whoever wants to know why. */
  refuse(): Promise<void>;
}

/** @throws {ServeryError} `MODEL_INVALID` when the files are no artifact */
export async function receiveVersion(
  stateFolder: string,
  { name, version }: ModelVersion,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<Incoming> {
  const id = randomUUID();
  const folder = join(stateFolder, `incoming-${id}`);
  await mkdir(stateFolder, { recursive: true });
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await stage(files, folder);
    const { entry, problem } = await readVersionFolder(folder, await realpath(stateFolder));
    if (problem !== undefined || entry === undefined) {
      throw new ServeryError('MODEL_INVALID', `Cannot load version ${version} of ${quote(name)}: ${problem}`);
    }
    return {
      artifact: { name, version, folder, ...entry },
      async refuse() {
        const refused = join(stateFolder, 'refused');
        await mkdir(refused, { recursive: true });
        await rename(folder, join(refused, `${name}-${version}-${id}`));
      },
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Removes what a publisher that was killed has left. */
export async function removeAbandonedStaging(modelFolder: string, nowMs: number): Promise<void> {
  for (const item of await readdir(modelFolder)) {
    if (!item.startsWith(STAGING)) continue;
    const path = join(modelFolder, item);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined && stats.mtimeMs < nowMs - ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
}

async function stage(source: string | Readonly<Record<string, Uint8Array>>, staging: string): Promise<void> {
  if (typeof source !== 'string') {
    await mkdir(staging);
    for (const [path, bytes] of Object.entries(source)) {
      const target = join(staging, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, bytes);
    }
    return;
  }
  const stats = await stat(source).catch(() => undefined);
  if (stats === undefined) {
    throw new ServeryError('INVALID_REQUEST', 'Cannot publish: there is no such file or folder', {
      hint: 'Name model.onnx, handler.ts, or a folder that holds one.',
    });
  }
  // Links are followed here: a version holds its files, not the way to them.
  if (stats.isDirectory()) await cp(source, staging, { recursive: true, dereference: true });
  else {
    await mkdir(staging);
    const extension = /\.(onnx|mar|ts|mjs|js)$/.exec(source)?.[1] ?? 'onnx';
    const stem = extension === 'onnx' || extension === 'mar' ? 'model' : 'handler';
    await cp(source, join(staging, `${stem}.${extension}`));
  }
}

/** Renames the staging folder to a free number. A rename never replaces a folder that has files. */
async function takeNumber(folder: string, staging: string, name: string, options: PublishOptions): Promise<number> {
  const taken = (await readdir(folder)).map((item) => parseVersion(item) ?? 0);
  let version = options.version ?? Math.max(0, options.atLeast ?? 0, ...taken) + 1;
  for (;;) {
    const target = join(folder, String(version));
    if (await claim(staging, target)) return version;
    if (options.version !== undefined) {
      if (await haveSameFiles(staging, target)) return version; // sent again
      throw new ServeryError('CONFLICT', `Cannot publish ${quote(name)} version ${version}: it exists`, {
        hint: 'A version never changes: publish the files under a new number.',
      });
    }
    version += 1;
  }
}

async function claim(staging: string, target: string): Promise<boolean> {
  // An empty folder would be replaced by a rename; somebody may be about to copy into it.
  if ((await lstat(target).catch(() => undefined)) !== undefined) return false;
  try {
    await rename(staging, target);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR' || code === 'EPERM') return false;
    throw error;
  }
}

async function haveSameFiles(a: string, b: string): Promise<boolean> {
  const list = async (folder: string) => (await readdir(folder, { recursive: true })).sort();
  const names = await list(a);
  if (names.join('\0') !== (await list(b)).join('\0')) return false;
  for (const name of names) {
    if ((await stat(join(a, name))).isDirectory()) continue;
    if (!(await readFile(join(a, name))).equals(await readFile(join(b, name)))) return false;
  }
  return true;
}

async function syncTree(folder: string): Promise<void> {
  for (const item of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, item.name);
    if (item.isDirectory()) await syncTree(path);
    else {
      await using file = await open(path, 'r');
      await file.sync();
    }
  }
  await syncFolder(folder);
}
