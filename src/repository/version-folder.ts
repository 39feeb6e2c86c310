/**
 * Reads one version folder: which artifact it holds, and a fingerprint of its files.
 *
 * The fingerprint tells whether a copy is still going on and whether somebody changed a version after
 * it was seen. It is made of names, sizes, times and inodes: cheap enough to take twice a second.
 */
import { createHash } from 'node:crypto';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { ArtifactFormat, ArtifactHints } from '../core/model.ts';
import { MLMODEL, entryOfMlmodel } from './mlmodel.ts';
import { inspectArchive, isArchive } from './model-archive.ts';

/** The file that makes a folder a version, and the format it stands for. */
const ENTRY_FILES: Readonly<Record<string, ArtifactFormat>> = {
  'model.onnx': 'onnx',
  'handler.ts': 'handler',
  'handler.js': 'handler',
  'handler.mjs': 'handler',
};

/** Enough for any artifact; a folder with more is not one, and looking at it would cost too much. */
const MAX_FILES = 1000;

/** The file to load. */
export interface VersionEntry {
  readonly format: ArtifactFormat;
  /** Its path in the folder, or in the archive. */
  readonly file: string;
  /** The archive that holds it, where it is not in the folder itself. */
  readonly archive?: string;
  readonly hints?: ArtifactHints;
}

export interface VersionFiles {
  readonly entry: VersionEntry | undefined;
  /** Why it cannot be used. Without paths from outside the folder. */
  readonly problem: string | undefined;
  readonly fingerprint: string;
  /** When a file or a folder in it changed last, epoch ms. */
  readonly changedMs: number;
}

/** @param root the real path of the models folder: links must not lead out of it */
export async function readVersionFolder(folder: string, root: string): Promise<VersionFiles> {
  const walk: Walk = { lines: [], changedMs: 0, problem: undefined };
  await visit(folder, '', root, walk);
  const names = walk.lines.map((line) => line.slice(0, line.indexOf('\0')));
  const hash = createHash('sha256').update(walk.lines.sort().join('\n')).digest('base64url');
  const fingerprint = hash.slice(0, 22);
  const found = walk.problem ?? (await findEntry(folder, names, fingerprint));
  const isProblem = typeof found === 'string';
  return {
    entry: isProblem ? undefined : found,
    problem: isProblem ? found : undefined,
    fingerprint,
    changedMs: walk.changedMs,
  };
}

/** @returns the file to load, or why there is none */
async function findEntry(
  folder: string,
  names: readonly string[],
  fingerprint: string,
): Promise<VersionEntry | string> {
  const files = Object.keys(ENTRY_FILES).filter((name) => names.includes(name));
  const artifacts = [...files, ...names.filter(isArchive)];
  const [only, another] = artifacts;
  if (another !== undefined) return `it holds ${artifacts.join(' and ')}, expected one artifact`;
  const format = only === undefined ? undefined : ENTRY_FILES[only];
  if (names.includes(MLMODEL) && (format !== undefined || only === undefined)) {
    const beside = format === undefined ? undefined : { format, file: only! };
    return entryOfMlmodel(folder, names, fingerprint, beside);
  }
  if (only === undefined) return 'it holds no artifact, expected model.onnx or handler.ts, .js or .mjs';
  if (format !== undefined) return { format, file: only };
  const inside = await inspectArchive(join(folder, only), fingerprint);
  return typeof inside === 'string' ? inside : { ...inside, archive: only };
}

interface Walk {
  readonly lines: string[];
  changedMs: number;
  problem: string | undefined;
}

async function visit(folder: string, prefix: string, root: string, walk: Walk): Promise<void> {
  for (const item of await readdir(folder, { withFileTypes: true })) {
    // What begins with a dot belongs to an editor or a tool; packages beside a handler are too many to watch.
    if (item.name.startsWith('.') || item.name === 'node_modules') continue;
    const path = join(folder, item.name);
    const name = prefix + item.name;
    if (walk.lines.length >= MAX_FILES) {
      walk.problem ??= `it holds more than ${MAX_FILES} files`;
      return;
    }
    if (item.isSymbolicLink() && !(await leadsInside(path, root))) {
      walk.problem ??= `${name} is a link that leads nowhere, or out of the models folder`;
      const { ctimeMs, ino } = await lstat(path);
      walk.lines.push(`${name}\0link\0${ctimeMs}\0${ino}`);
      continue;
    }
    const stats = await stat(path, { bigint: true });
    walk.changedMs = Math.max(walk.changedMs, Number(stats.ctimeMs));
    if (stats.isDirectory()) {
      // A link to a folder could make the walk endless, and no artifact needs one.
      if (item.isSymbolicLink()) walk.problem ??= `${name} is a link to a folder`;
      else await visit(path, `${name}/`, root, walk);
    } else if (stats.isFile()) {
      walk.lines.push(`${name}\0${stats.size}\0${stats.mtimeNs}\0${stats.ino}`);
    } else walk.problem ??= `${name} is not a file`;
  }
}

/** Whether a link ends at something within `root`, which is a real path. */
export async function leadsInside(path: string, root: string): Promise<boolean> {
  try {
    return (await realpath(path)).startsWith(root + sep);
  } catch {
    return false; // it leads nowhere, or in circles
  }
}
