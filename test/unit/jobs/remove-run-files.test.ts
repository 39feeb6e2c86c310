/** Retention takes the files of a run with its record, and nothing else. */
import assert from 'node:assert/strict';
import { readdir, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { jobsOptions } from '../../../src/jobs/job-options.ts';
import { createJob, toDefinition } from '../../../src/jobs/job.ts';
import { removeRunFiles } from '../../../src/jobs/remove-run-files.ts';
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
  }
  const bad = () => readdir(join(path, '.scores.servery/bad')).then((names) => names.sort());
  assert.deepEqual(await bad(), ['failed.score.ndjson', 'kept.score.ndjson', 'old.score.ndjson']);

  const job = createJob(
    'j',
    jobsOptions.parse({ j: { steps: { score: { predict }, say: { command: ['true'] } } } })['j']!,
  );
  const { spec } = toDefinition(job);
  await removeRunFiles(path, stateFolder, [
    { id: 'old', job: 'j', spec },
    { id: 'failed', job: 'j', spec },
  ]);
  assert.deepEqual(await bad(), ['kept.score.ndjson']);
  assert.deepEqual(await readdir(join(stateFolder, 'logs/runs')), ['kept']);
  assert.deepEqual(await readdir(join(stateFolder, 'refused')), ['shop-kept-1']);
  assert.deepEqual(await readdir(join(path, 'scores')), ['part-00000.parquet'], 'output stays');
});
