/** What is left on the disk of runs whose records are gone: logs, refused artifacts, bad rows, bodies of requests. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { notice } from '../core/events.ts';
import type { Json } from '../core/json.ts';
import type { PrunedRun } from '../engine/engine.ts';
import { forgetRuns, type GoneRun } from '../dataset/forget-runs.ts';
import type { OutputOptions } from '../dataset/options.ts';
import { readJob } from './job.ts';
import { bodiesFolder } from './request/places.ts';
import { badRowsFolder, runKeyOf } from './predict/staging-place.ts';
import { refusedFolder, runLogsFolder } from './run-files.ts';

/** @param workspace absolute */
export async function removeRunFiles(
  workspace: string,
  stateFolder: string,
  runs: readonly PrunedRun[],
): Promise<void> {
  const refused = await readdir(refusedFolder(stateFolder)).catch(() => []);
  const placesOf = new Map<Json, Promise<readonly BadRowsPlace[]>>();
  for (const run of runs) {
    const own = refused.filter((name) => name.includes(`-${run.id}-`));
    // Runs of one definition share the object.
    if (!placesOf.has(run.spec)) placesOf.set(run.spec, badRowsPlaces(workspace, run));
    const places = await placesOf.get(run.spec)!;
    const files = [
      runLogsFolder(stateFolder, run.id),
      join(bodiesFolder(stateFolder), run.id),
      ...own.map((name) => join(refusedFolder(stateFolder), name)),
      ...places.map(({ step, folder }) => join(folder, `${runKeyOf({ runId: run.id, step })}.ndjson`)),
    ];
    for (const path of files) await rm(path, { recursive: true, force: true });
  }
}

interface BadRowsPlace {
  readonly step: string;
  readonly folder: string;
}

/** One for each step that predicts. */
function badRowsPlaces(workspace: string, { job, spec }: PrunedRun): Promise<readonly BadRowsPlace[]> {
  const found = readJob({ job, spec }).steps.map(async ({ name, work }): Promise<readonly BadRowsPlace[]> => {
    if (work.kind !== 'predict') return [];
    return [{ step: name, folder: await badRowsFolder(work.options.output, workspace) }];
  });
  return Promise.all(found).then((places) => places.flat());
}

/**
 * What their outputs keep of them. What cannot be reached now keeps it: a line that is of no use does no harm.
 *
 * @param workspace absolute
 * @param runs the oldest first
 */
export async function forgetOutputs(workspace: string, runs: readonly PrunedRun[]): Promise<void> {
  const byOutput = new Map<string, { readonly options: OutputOptions; readonly gone: GoneRun[] }>();
  for (const { id: runId, job, spec, interval } of runs) {
    for (const { name: step, work } of readJob({ job, spec }).steps) {
      if (work.kind !== 'predict') continue;
      const options = work.options.output;
      const key = JSON.stringify(options);
      const known = byOutput.get(key) ?? { options, gone: [] };
      byOutput.set(key, known);
      known.gone.push({ runId, step, interval });
    }
  }
  for (const { options, gone } of byOutput.values()) {
    try {
      await forgetRuns(options, workspace, gone);
    } catch (error) {
      const message = `An output keeps the notes of ${gone.length} runs that are gone: it could not be reached`;
      notice.publish({ level: 'warn', message, error });
    }
  }
}
