/**
 * One look at a models folder: `models/NAME/VERSION/`, with `model.yaml` and `aliases.json` beside the versions.
 *
 * Only a look: whether a folder that was just seen is complete is decided in settle.ts. What lies there
 * by a name that means nothing is left alone, and named in a note when it looks like a mistake.
 */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '../core/errors.ts';
import { isModelName, parseVersion } from '../core/model.ts';
import { MLMODEL } from './mlmodel.ts';
import { leadsInside, readVersionFolder, type VersionFiles } from './version-folder.ts';

export const OPTIONS_FILE = 'model.yaml';
export const ALIASES_FILE = 'aliases.json';

export interface Scan {
  readonly models: readonly ScannedModel[];
  readonly notes: readonly string[];
}

export interface ScannedModel {
  readonly name: string;
  readonly folder: string;
  /** Ascending. */
  readonly versions: readonly ScannedVersion[];
  readonly options: ScannedFile | undefined;
  readonly aliases: ScannedFile | undefined;
  readonly notes: readonly string[];
}

export interface ScannedVersion extends VersionFiles {
  readonly version: number;
  readonly folder: string;
  /** See `ModelArtifact`. */
  readonly unpackedFrom?: string;
}

export interface ScannedFile {
  readonly fingerprint: string;
  readonly changedMs: number;
}

/** @returns undefined when there is no such folder */
export async function scanModels(folder: string): Promise<Scan | undefined> {
  const root = await unlessGone(realpath(folder));
  const items = root === undefined ? undefined : await unlessGone(readdir(root, { withFileTypes: true }));
  if (root === undefined || items === undefined) return undefined;
  const models: ScannedModel[] = [];
  const notes: string[] = [];
  for (const item of items.sort(byName)) {
    if (item.name.startsWith('.')) continue;
    const path = join(root, item.name);
    if (item.isSymbolicLink() && !(await leadsInside(path, root))) {
      notes.push(`${quote(item.name)} is ignored: it is a link that leads nowhere, or out of the models folder`);
    } else if (await isFolder(item, path)) {
      if (isModelName(item.name)) {
        const model = await scanModel(item.name, path, root);
        if (model !== undefined) models.push(model);
      } else notes.push(`${quote(item.name)} is ignored: a model's name has letters, digits, _, - and . only`);
    }
  }
  return { models, notes };
}

async function scanModel(name: string, folder: string, root: string): Promise<ScannedModel | undefined> {
  const items = await unlessGone(readdir(folder, { withFileTypes: true }));
  if (items === undefined) return undefined;
  const versions: ScannedVersion[] = [];
  const notes: string[] = [];
  for (const item of items.sort(byName)) {
    if (item.name.startsWith('.')) continue;
    const path = join(folder, item.name);
    const version = parseVersion(item.name);
    if (version === undefined) {
      const note = await mistake(item, path);
      if (note !== undefined) notes.push(note);
    } else if (item.isSymbolicLink() && !(await leadsInside(path, root))) {
      notes.push(`${item.name} is ignored: it is a link that leads nowhere, or out of the models folder`);
    } else if (await isFolder(item, path)) {
      const files = await unlessGone(readVersionFolder(path, root));
      if (files !== undefined) versions.push({ version, folder: path, ...files });
    } else notes.push(`${item.name} is ignored: a version is a folder`);
  }
  versions.sort((a, b) => a.version - b.version);
  const options = await scanFile(items, OPTIONS_FILE, folder, root);
  const aliases = await scanFile(items, ALIASES_FILE, folder, root);
  return { name, folder, versions, options, aliases, notes };
}

/** What was probably meant by a name that means nothing, or undefined for what may lie there. */
async function mistake(item: Dirent, path: string): Promise<string | undefined> {
  const name = quote(item.name);
  if (item.name === 'model.yml' || item.name === 'model.json') return `${name} is not read: call it ${OPTIONS_FILE}`;
  if (item.name === 'model.onnx' || item.name === MLMODEL || /^handler\.(ts|js|mjs)$/.test(item.name)) {
    return `${name} is ignored: it belongs into a version folder, such as 1/`;
  }
  if (!(await isFolder(item, path))) return undefined;
  return `${name} is ignored: a version folder is named by a positive integer, such as 1`;
}

/** Asks the system only for what is there, as most models have neither file and all are looked at again and again. */
async function scanFile(
  items: readonly Dirent[],
  name: string,
  folder: string,
  root: string,
): Promise<ScannedFile | undefined> {
  const item = items.find((candidate) => candidate.name === name);
  if (item === undefined) return undefined;
  const path = join(folder, name);
  const stats = await unlessGone(stat(path, { bigint: true }));
  if (stats?.isFile() !== true || (item.isSymbolicLink() && !(await leadsInside(path, root)))) return undefined;
  return { fingerprint: `${stats.size}-${stats.mtimeNs}-${stats.ino}`, changedMs: Number(stats.ctimeMs) };
}

async function isFolder(item: Dirent, path: string): Promise<boolean> {
  if (!item.isSymbolicLink()) return item.isDirectory();
  return (await unlessGone(stat(path)))?.isDirectory() === true;
}

/** Undefined for what was removed while we looked; other failures (a disk, a network) are thrown. */
async function unlessGone<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : 1;
}
