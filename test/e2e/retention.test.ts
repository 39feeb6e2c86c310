/** What a scheduler removes beside the records of runs that are too old: their files, and what outputs note of them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { startScheduler } from '../../src/app/scheduler.ts';
import { openWorkspace } from '../../src/app/workspace.ts';
import { wallClock } from '../../src/core/clock.ts';
import { openSqliteEngine } from '../../src/engine/sqlite/open.ts';
import { createJob, toDefinition } from '../../src/jobs/job.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { NUMBERED, numbered, writeOutput } from '../support/write-output.ts';

const YEAR_MS = 365 * 86_400_000;
const yearAt = (i: number) => ({ startMs: i * YEAR_MS, endMs: (i + 1) * YEAR_MS });
const CONFIG = {
  jobs: { j: { predict: { model: 'm', input: { path: 'in.csv' }, output: { path: 'scores/' } } } },
  batch: { retention: { keepRuns: 0 } },
};

it(
  'a scheduler prunes runs, with their logs and the manifests of output that is gone',
  { timeout: 60_000 },
  async () => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    await writeFile(join(path, 'servery.config.json'), JSON.stringify(CONFIG));
    const workspace = await openWorkspace(path, {}, {});
    const id = await oldRun(workspace.stateFolder, createJob('j', workspace.config.jobs['j']!));
    const logs = join(workspace.stateFolder, 'logs/runs', id);
    await mkdir(logs, { recursive: true });
    for (const [i, runId] of [id, 'another'].entries()) {
      const run = { runId, interval: yearAt(i), columns: NUMBERED, chunks: [[numbered(0, 3)]] };
      await writeOutput(path, { path: 'scores/' }, run);
    }
    await rm(join(path, 'scores'), { recursive: true });
    const manifests = () => readdir(join(path, '.scores.servery/manifests'));
    assert.equal((await manifests()).length, 2);

    await using _scheduler = await startScheduler(workspace);
    const giveUpAt = Date.now() + 20_000;
    while (Date.now() < giveUpAt && (existsSync(logs) || (await manifests()).length > 1)) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(!existsSync(logs));
    assert.equal((await manifests()).length, 1, 'that of the run that nobody has pruned');
  },
);

/** A run that ended a year ago. */
async function oldRun(stateFolder: string, job: ReturnType<typeof createJob>): Promise<string> {
  await mkdir(stateFolder, { recursive: true });
  const wall = { ...wallClock, now: () => Date.now() - YEAR_MS };
  await using engine = await openSqliteEngine({ file: join(stateFolder, 'state.db'), wall });
  await engine.configure([toDefinition(job)], { pools: {}, maxRunning: 1 });
  const { run } = await engine.addRun({
    job: 'j',
    interval: yearAt(0),
    scheduledForMs: undefined,
    cause: 'manual/1',
    definitionHash: job.definitionHash,
  });
  await engine.requestCancel(run.id, { reason: 'for the test', force: false });
  return run.id;
}
