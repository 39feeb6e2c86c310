/**
 * Files as an output: one for each interval, whole for any reader at any time.
 *
 *   assemble in ready/TOKEN → take the turn → look at lease, lock and intervals → rename the data → rename the manifest → clean up
 *
 * Each step may be the last of a process; the next attempt does all of them again and ends with the same files.
 */
import { mkdir, readFile, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { compactInstant, formatInstant } from '../core/data-interval.ts';
import { quote, ServeryError } from '../core/errors.ts';
import { failpoint } from '../core/failpoint.ts';
import { assembleFile } from './assemble.ts';
import { stageBadRows } from './bad-row-file.ts';
import { stageChunk, type FileTarget } from './chunk-files.ts';
import { openDuckDb, type DuckDbLimits } from './duckdb.ts';
import { moveDurably, writeDurably } from './durable.ts';
import { translateFailure } from './failures.ts';
import { formOf } from './find-files.ts';
import type { OutputOptions } from './options.ts';
import { lockOutput } from './output-lock.ts';
import type {
  Committed,
  Finished,
  Manifest,
  ManifestFile,
  Output,
  OutputColumns,
  OutputContext,
  StagedBadRows,
  StagedChunk,
} from './output.ts';
import { concatBadRows } from './publish-bad-rows.ts';
import { findOverlap, INTERVAL_KEY, overlapRefused } from './refuse-overlap.ts';
import { fileKey, intervalKey, openStaging, shortHash } from './staging.ts';

/** What an output has one owner of, whatever the intervals: the step from the last look to what is visible. */
const PUBLISHING = 'publishing';

interface Place {
  /** Absolute: the folder, or the folder of the one file. */
  readonly folder: string;
  /** Of the one file; undefined for a folder. */
  readonly file: string | undefined;
  readonly target: FileTarget;
}

export async function openFileOutput(
  options: OutputOptions,
  columns: OutputColumns,
  context: OutputContext,
  limits: DuckDbLimits,
): Promise<Output> {
  const path = resolve(context.workspace, options.path!);
  const place = await findPlace(options, path);
  const runKey = fileKey(`${context.runId}.${context.step}`);
  const key = place.file === undefined ? intervalKey(context.interval) : 'all';
  const folder = await openStaging(path, runKey);
  // A file is replaced as a whole, and who appends wants to keep what is there.
  const mayOverlap = place.file === undefined && options.mode !== 'append';
  if (mayOverlap) await refuseOverlap(place.folder, folder.manifests, key);
  const lock = await lockOutput(folder, key, runKey, context.signal);
  // One thread: what it writes depends on the rows alone.
  const duckdb = await openDuckDb({ ...limits, threads: 1 }, join(folder.staging, 'duckdb'));
  const manifestPath = join(folder.manifests, `${options.mode === 'append' ? `${key}.${runKey}` : key}.json`);
  const names = fileNames(options, context, place);

  const readManifest = async (): Promise<Manifest | undefined> => {
    try {
      return JSON.parse(await readFile(manifestPath, 'utf8')) as Manifest;
    } catch {
      return undefined;
    }
  };

  /** What this run has made visible before, when its process died after that. */
  const alreadyCommitted = async (staged: readonly StagedChunk[]): Promise<Manifest | undefined> => {
    const manifest = await readManifest();
    if (manifest?.runId !== context.runId || manifest.step !== context.step) return undefined;
    const isStaged = await Promise.all(staged.map(({ file }) => exists(join(folder.staging, file))));
    return isStaged.every(Boolean) && staged.length > 0 ? undefined : manifest;
  };

  const outputs = (manifest: Manifest) => manifest.files.map((file) => join(place.folder, file.path));

  const clean = async () => {
    failpoint('dataset.clean.before');
    await rm(folder.staging, { recursive: true, force: true });
    failpoint('dataset.clean.after');
    await lock.release();
  };

  return {
    spoolFolder: join(folder.staging, 'input'),
    stageChunk: (index) => stageChunk(duckdb, folder.staging, columns, place.target, index, lock.token),
    stageBadRows: (index) => Promise.resolve(stageBadRows(folder.staging, index, lock.token)),

    async finalise({ staged, badRows, facts, confirmLease }: Finished): Promise<Committed> {
      const bad = await concatBadRows(folder, runKey, badRows);
      const before = await alreadyCommitted(staged);
      if (before !== undefined) {
        await clean();
        return { outputs: outputs(before), badRows: bad, manifest: before };
      }
      const ready = join(folder.ready, lock.token);
      await mkdir(ready, { recursive: true });
      const chunks = staged.length > 0 ? staged : [await emptyChunk()];
      failpoint('dataset.assemble.before');
      const files: ManifestFile[] = [];
      const assembly = { duckdb, staging: folder.staging, columns, target: place.target };
      const groups = options.files === 'many' ? chunks.map((chunk) => [chunk]) : [chunks];
      for (const [i, group] of groups.entries()) {
        const name = names(group[0]!.index, i);
        const made = await assembleFile(assembly, group, join(ready, basename(name)));
        files.push({ path: name, ...made });
      }
      const manifest = manifestOf(options, context, files, facts);
      const readyManifest = join(ready, 'manifest.json');
      await writeDurably(readyManifest, `${JSON.stringify(manifest, null, 2)}\n`);
      failpoint('dataset.assemble.after');

      const previous = options.mode === 'append' ? undefined : await readManifest();
      // Runs of intervals that overlap may come to their ends together: one looks when the other is visible.
      const turn = mayOverlap ? await lockOutput(folder, PUBLISHING, runKey, context.signal) : undefined;
      try {
        if (mayOverlap) await refuseOverlap(place.folder, folder.manifests, key);
        await confirmLease();
        await lock.confirm();
        failpoint('dataset.publish.before');
        for (const file of files) await publish(join(ready, basename(file.path)), join(place.folder, file.path));
        failpoint('dataset.publish.after');
        failpoint('dataset.manifest.before');
        await publish(readyManifest, manifestPath);
        failpoint('dataset.manifest.after');
      } finally {
        await turn?.release();
      }
      await removeSuperseded(place.folder, previous, manifest);
      await clean();
      return { outputs: outputs(manifest), badRows: bad, manifest };
    },

    async discard(badRows: readonly StagedBadRows[]) {
      const bad = await concatBadRows(folder, runKey, badRows);
      await clean();
      return bad;
    },

    async [Symbol.asyncDispose]() {
      duckdb.close();
      await lock.release();
    },
  };

  async function emptyChunk(): Promise<StagedChunk> {
    await using writer = await stageChunk(duckdb, folder.staging, columns, place.target, 0, lock.token);
    return await writer.finish();
  }
}

async function findPlace(options: OutputOptions, path: string): Promise<Place> {
  const named = formOf(path);
  const isFolder = /[\\/]$/.test(options.path!) || named === undefined || (await isDirectory(path));
  const compression = options.compression ?? (isFolder ? 'none' : named.compression);
  const format = options.format ?? (isFolder ? 'parquet' : named.format);
  if (format === 'parquet' && compression !== 'none') {
    throw new ServeryError('OUTPUT_INVALID', 'Parquet is packed by itself: `compression` is for CSV and NDJSON');
  }
  const target = { format, compression };
  if (isFolder) return { folder: path, file: undefined, target };
  if (options.mode === 'append' || options.files === 'many') {
    throw new ServeryError('OUTPUT_INVALID', 'Cannot add files to a file: `append` and `files: many` need a folder', {
      hint: 'End `output.path` with a slash.',
    });
  }
  return { folder: dirname(path), file: basename(path), target };
}

/** Names of the files of a run, from the output folder on. */
function fileNames(options: OutputOptions, { interval, runId, step }: OutputContext, { file, target }: Place) {
  const folder = interval === undefined ? '' : `interval=${compactInstant(interval.startMs)}/`;
  const isShared = options.mode === 'append' || options.files === 'many';
  // Files of several runs may stand side by side there.
  const run = isShared ? `${shortHash(`${runId}.${step}`)}-` : '';
  const packed = { none: '', gzip: '.gz', zstd: '.zst' }[target.compression];
  return (chunk: number, position: number): string => {
    const number = String(options.files === 'many' ? chunk : position).padStart(5, '0');
    return file ?? `${folder}part-${run}${number}.${target.format}${packed}`;
  };
}

function manifestOf(
  { mode }: OutputOptions,
  { runId, step, interval }: OutputContext,
  files: readonly ManifestFile[],
  facts: Readonly<Record<string, unknown>>,
): Manifest {
  return {
    runId,
    step,
    interval:
      interval === undefined
        ? undefined
        : { start: formatInstant(interval.startMs), end: formatInstant(interval.endMs) },
    mode,
    rows: files.reduce((sum, { rows }) => sum + rows, 0),
    files,
    committedAt: formatInstant(Date.now()),
    facts,
  };
}

/** @throws {ServeryError} `OUTPUT_INVALID` when files are there of an interval that overlaps this one */
async function refuseOverlap(folder: string, manifests: string, key: string): Promise<void> {
  let keys = (await readdir(manifests))
    .map((name) => name.replace(/\.json$/, ''))
    .filter((name) => INTERVAL_KEY.test(name));
  for (let other = findOverlap(key, keys); other !== undefined; other = findOverlap(key, keys)) {
    const { files } = JSON.parse(await readFile(join(manifests, `${other}.json`), 'utf8')) as Manifest;
    const there = await Promise.all(files.map(({ path }) => exists(join(folder, path))));
    const at = there.indexOf(true);
    if (at >= 0) throw overlapRefused(key, other, `${quote(files[at]!.path)} and what belongs to it`);
    keys = keys.filter((name) => name !== other); // somebody has removed them
  }
}

/** What is no longer there was taken away by a later owner of the lock. */
async function publish(from: string, to: string): Promise<void> {
  if (!(await exists(from))) throw revoked();
  try {
    await moveDurably(from, to);
  } catch (error) {
    throw (await exists(from)) ? translateFailure(error, 'OUTPUT_INVALID') : revoked(error);
  }
}

function revoked(cause?: unknown): ServeryError {
  return new ServeryError('LEASE_LOST', 'Another attempt has taken over the output of this interval', { cause });
}

/** Files of the generation before, which the new manifest no longer names. */
async function removeSuperseded(folder: string, previous: Manifest | undefined, now: Manifest): Promise<void> {
  const kept = new Set(now.files.map(({ path }) => path));
  for (const { path } of previous?.files ?? []) {
    if (!kept.has(path) && !path.split('/').includes('..')) await rm(join(folder, path), { force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
