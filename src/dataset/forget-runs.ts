/**
 * What an output keeps of runs whose records are gone: the notes of a database, the manifests beside files.
 *
 * A run that is over does nothing again, so nobody asks for its note any more. Two things stay: the last note of an
 * interval that is there, since `replaceInterval` finds by it which intervals are; and manifests whose files are.
 */
import { access, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { DataInterval } from '../core/data-interval.ts';
import type { OutputOptions } from './options.ts';
import type { Manifest } from './output.ts';
import { connectPostgres } from './postgres-client.ts';
import { fileKey, intervalKey, placeOf } from './staging.ts';

/** Who writes now keeps the database locked for as long as it likes. */
const BUSY_MS = 100;

export interface GoneRun {
  readonly runId: string;
  readonly step: string;
  readonly interval: DataInterval | undefined;
}

/** @param runs of one output, the oldest first; others have seen the end of each */
export async function forgetRuns(options: OutputOptions, workspace: string, runs: readonly GoneRun[]): Promise<void> {
  const { path, sqlite, table = '', mode } = options;
  if (path !== undefined) {
    for (const run of runs) await forgetManifest(resolve(workspace, path), mode, run);
    return;
  }
  const notes = runs.map(({ runId, step }) => `${runId}.${step}`);
  if (sqlite !== undefined) await forgetSqlite(resolve(workspace, sqlite), notes, table, mode);
  else if (options.postgres !== undefined) await forgetPostgres(options.postgres, notes, table, mode);
}

/** One note after the other: of several of an interval, the last one that is left must see that it is. */
function forgetNote(mode: OutputOptions['mode'], run: string, output: string): string {
  const note = `run = ${run} AND output = ${output}`;
  // Appended rows, and those that a key replaces, are in nobody's way.
  if (mode !== 'replaceInterval') return `DELETE FROM servery_commits WHERE ${note}`;
  const other = 'o.output = servery_commits.output AND o.interval = servery_commits.interval';
  return (
    `DELETE FROM servery_commits WHERE ${note} AND (rows = 0 OR EXISTS ` +
    `(SELECT 1 FROM servery_commits o WHERE ${other} AND o.run <> servery_commits.run))`
  );
}

const INDEX = 'CREATE INDEX IF NOT EXISTS servery_commits_intervals ON servery_commits (output, interval)';

async function forgetSqlite(
  path: string,
  notes: readonly string[],
  table: string,
  mode: OutputOptions['mode'],
): Promise<void> {
  // Opening it would make it.
  await access(path);
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    database.exec('BEGIN IMMEDIATE');
    database.exec(INDEX);
    const forget = database.prepare(forgetNote(mode, '?', '?'));
    for (const note of notes) forget.run(note, table);
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}

async function forgetPostgres(
  address: string | { readonly secret: string },
  notes: readonly string[],
  table: string,
  mode: OutputOptions['mode'],
): Promise<void> {
  const client = await connectPostgres(address);
  try {
    await client.query('BEGIN');
    await client.query(INDEX);
    for (const note of notes) await client.query(forgetNote(mode, '$1', '$2'), [note, table]);
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}

async function forgetManifest(output: string, mode: OutputOptions['mode'], run: GoneRun): Promise<void> {
  const { target, root } = await placeOf(output);
  const key = intervalKey(run.interval);
  const name = mode === 'append' ? `${key}.${fileKey(`${run.runId}.${run.step}`)}` : key;
  const path = join(root, 'manifests', `${name}.json`);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { runId, step, files } = JSON.parse(text) as Manifest;
  if (runId !== run.runId || step !== run.step) return;
  // The one file of an output has the name of the output.
  const places = files.flatMap((file) => [
    join(target, file.path),
    ...(file.path === basename(target) ? [join(dirname(target), file.path)] : []),
  ]);
  const there = await Promise.all(
    places.map((place) =>
      access(place).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (!there.includes(true)) await rm(path, { force: true });
}
