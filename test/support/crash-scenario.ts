/** The job that crash tests kill: a program, a prediction and a training, and what must be true when it is over. */
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../../src/engine/engine.ts';
import type { Run } from '../../src/engine/run.ts';
import { openSqliteEngine } from '../../src/engine/sqlite/open.ts';
import { jobsOptions } from '../../src/jobs/job-options.ts';
import { createJob, toDefinition } from '../../src/jobs/job.ts';
import type { RunResult } from '../../src/jobs/run-result.ts';
import { temporaryFolder } from './temporary-folder.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const MODEL = join(ROOT, 'test/fixtures/models/doubler/1/model.onnx');

const CONFIG = {
  jobs: {
    whole: {
      retry: { attempts: 5, delay: '20ms', workerLosses: 1000 },
      shell: true,
      steps: {
        prepare: {
          command: `printf '{"rows": 150}' > "$SERVERY_RESULT_FILE"; echo "$SERVERY_RUN_ID" >> prepared`,
        },
        learn: {
          needs: ['prepare'],
          train: {
            command: `cp '${MODEL}' "$SERVERY_ARTIFACT_DIR"; echo '{"accuracy": 0.9}' > "$SERVERY_ARTIFACT_DIR/metrics.json"`,
            publish: { model: 'shop', alias: 'champion' },
            gate: { metric: 'accuracy', minimum: 0.8 },
          },
        },
      },
    },
  },
  // So that what was killed is taken up soon.
  batch: { lease: '1s', stopGrace: '300ms' },
  log: { level: 'error' },
};

export interface CrashScenario extends AsyncDisposable {
  readonly folder: string;
  readonly engine: Engine;
  readonly runId: string;
}

export async function crashScenario(): Promise<CrashScenario> {
  const opened = new AsyncDisposableStack();
  const folder = opened.use(await temporaryFolder()).path;
  await writeFile(join(folder, 'servery.config.json'), JSON.stringify(CONFIG));
  await mkdir(join(folder, '.servery'));
  await cp(join(ROOT, 'examples/quickstart/models/iris'), join(folder, 'models/iris'), { recursive: true });
  const job = createJob('whole', jobsOptions.parse(CONFIG.jobs)['whole']!);
  const engine = opened.use(await openSqliteEngine({ file: join(folder, '.servery', 'state.db') }));
  await engine.configure([toDefinition(job)], { pools: {}, maxRunning: 4 });
  const { run } = await engine.addRun({
    job: 'whole',
    interval: undefined,
    scheduledForMs: undefined,
    cause: 'manual/crash',
    definitionHash: job.definitionHash,
    params: {},
  });
  return { folder, engine, runId: run.id, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Nothing lost, nothing doubled, nothing half: whatever was killed when. */
export async function checkWhole({ folder, engine, runId }: CrashScenario, run: Run): Promise<void> {
  assert.equal(run.state, 'succeeded', JSON.stringify(run.error));
  assert.equal((await engine.listRuns({ limit: 10 })).items.length, 1, 'one run');
  const result = run.result as unknown as RunResult;
  assert.deepEqual(result.results['prepare'], { rows: 150 });
  const versions = await readdir(join(folder, 'models/shop'));
  assert.deepEqual(
    versions.filter((name) => /^\d+$/.test(name)),
    ['1'],
    'one version',
  );
  assert.deepEqual(versions.filter((name) => name.startsWith('.')).length <= 3, true, 'staging of the killed at most');
  const aliases = JSON.parse(await readFile(join(folder, 'models/shop/aliases.json'), 'utf8')) as object;
  assert.deepEqual(aliases, { aliases: { champion: { version: 1 } } });
  assert.deepEqual((await readdir(join(folder, 'models/shop/1'))).sort(), [
    'metrics.json',
    'model.onnx',
    'trained-by.json',
  ]);
  assert.deepEqual(result.model, { name: 'shop', version: 1 });
  const steps = await engine.steps(runId);
  for (const name of ['prepare', 'learn']) {
    const done = steps.filter(({ step, state }) => step === name && state === 'succeeded');
    assert.equal(done.length, 1, `${name} is done once`);
  }
  assert.deepEqual(await readdir(join(folder, '.servery/runs')).catch(() => []), [], 'no scratch space is left');
}
