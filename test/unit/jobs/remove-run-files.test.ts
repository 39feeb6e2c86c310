/** Retention takes the files of a run with its record, and nothing else. */
import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { jobsOptions } from '../../../src/jobs/job-options.ts';
import { createJob, toDefinition } from '../../../src/jobs/job.ts';
import { forgetOutputs, removeRunFiles } from '../../../src/jobs/remove-run-files.ts';
import { batchWorkspace } from '../../support/batch-models.ts';
import { runStep } from '../../support/predict-step.ts';
import { createFileLedger } from '../../../src/jobs/predict/file-ledger.ts';

test('logs, refused artifacts and bad rows go with their run', async () => {
  await using workspace = await batchWorkspace('doubler');
  const { path } = workspace;
  const stateFolder = join(path, '.servery');
  await workspace.write('in.csv', 'x\n1\ntwo\n');
  const predict = {
    model: 'doubler',
    input: { path: 'in.csv' },
    output: { path: 'scores/' },
    onBadRow: 'quarantine' as const,
  };
  for (const [runId, maxBadRowRate] of [
    ['old', 1],
    ['failed', 0.1],
    ['kept', 1],
  ] as const) {
    const context = { runId, step: 'score' };
    const done = runStep(
      workspace,
      { ...predict, maxBadRowRate },
      context,
      createFileLedger(join(path, `${runId}.ledger`)),
    );
    await done.catch((error: { code: string }) => assert.equal(error.code, 'TOO_MANY_BAD_ROWS'));
    await mkdir(join(stateFolder, 'logs/runs', runId), { recursive: true });
    await writeFile(join(stateFolder, 'logs/runs', runId, 'score.1.log'), 'said');
    await mkdir(join(stateFolder, `refused/shop-${runId}-1`), { recursive: true });
    await mkdir(join(stateFolder, 'requests/bodies'), { recursive: true });
    await writeFile(join(stateFolder, 'requests/bodies', runId), '[1]');
  }
  const bad = () => readdir(join(path, '.scores.servery/bad')).then((names) => names.sort());
  assert.deepEqual(await bad(), ['failed.score.ndjson', 'kept.score.ndjson', 'old.score.ndjson']);

  const job = createJob(
    'j',
    jobsOptions.parse({ j: { steps: { score: { predict }, say: { command: ['true'] } } } })['j']!,
  );
  const { spec } = toDefinition(job);
  await removeRunFiles(path, stateFolder, [
    { id: 'old', job: 'j', interval: undefined, spec },
    { id: 'failed', job: 'j', interval: undefined, spec },
  ]);
  assert.deepEqual(await bad(), ['kept.score.ndjson']);
  assert.deepEqual(await readdir(join(stateFolder, 'logs/runs')), ['kept']);
  assert.deepEqual(await readdir(join(stateFolder, 'requests/bodies')), ['kept']);
  assert.deepEqual(await readdir(join(stateFolder, 'refused')), ['shop-kept-1']);
  assert.deepEqual(await readdir(join(path, 'scores')), ['part-00000.parquet'], 'output stays');
});

const MINUTE_MS = 60_000;
const minute = (i: number) => ({ startMs: i * MINUTE_MS, endMs: (i + 1) * MINUTE_MS });

/** Runs of one step into an output, each of the minute that it is given, of which some are pruned. */
async function prunedOutputs(output: Record<string, unknown>, minutes: readonly number[], pruned: number) {
  const workspace = await batchWorkspace('doubler');
  const { path } = workspace;
  await workspace.write('in.csv', 'x\n1\n2\n');
  const predict = { model: 'doubler', input: { path: 'in.csv' }, output };
  const { spec } = toDefinition(createJob('j', jobsOptions.parse({ j: { steps: { score: { predict } } } })['j']!));
  const runs = minutes.map((at, i) => ({ id: `run-${i}`, job: 'j', interval: minute(at), spec }));
  for (const { id: runId, interval } of runs) {
    const ledger = createFileLedger(join(path, `${runId}.ledger`));
    await runStep(workspace, predict, { runId, step: 'score', interval }, ledger);
  }
  return { workspace, forget: () => forgetOutputs(path, runs.slice(0, pruned)) };
}

test('notes of commits go with their run, but the last one of an interval that is there', async () => {
  const output = { sqlite: 'out.db', table: 'scores' };
  for (const [mode, left] of [
    ['append', ['run-3.score']],
    ['replaceInterval', ['run-2.score', 'run-3.score']],
  ] as const) {
    const { workspace, forget } = await prunedOutputs({ ...output, mode }, [0, 0, 1, 0], 3);
    await using _workspace = workspace;
    await forget();
    const database = new DatabaseSync(join(workspace.path, 'out.db'));
    const notes = database.prepare('SELECT run FROM servery_commits ORDER BY run').all();
    assert.deepEqual(
      notes.map(({ run }) => run),
      left,
      mode,
    );
    database.close();
  }
});

test('a manifest goes with its run when its files are gone', async () => {
  const { workspace, forget } = await prunedOutputs({ path: 'scores/' }, [0, 1, 2], 2);
  await using _workspace = workspace;
  const manifests = () => readdir(join(workspace.path, '.scores.servery/manifests'));
  await forget();
  assert.equal((await manifests()).length, 3, 'what is there is still described');
  const [first, , last] = (await readdir(join(workspace.path, 'scores'))).sort();
  for (const folder of [first!, last!]) await rm(join(workspace.path, 'scores', folder), { recursive: true });
  await forget();
  assert.equal((await manifests()).length, 2, 'the last run is not pruned');
});
