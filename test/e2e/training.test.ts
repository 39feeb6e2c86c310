/** Trainings from their program to the alias, with real artifacts. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { JobOptionsInput } from '../../src/jobs/job-options.ts';
import type { RunResult } from '../../src/jobs/run-result.ts';
import { createBatchModels } from '../../src/jobs/predict/batch-models.ts';
import { inspectCandidate } from '../../src/jobs/train/candidate.ts';
import { runPredictStep } from '../../src/jobs/predict/run-predict-step.ts';
import { jobBench, makeJob, type JobBench } from '../support/jobs.ts';

const FIXTURES = new URL('../fixtures/models/', import.meta.url).pathname;
const OVER = ['succeeded', 'failed', 'skipped', 'cancelled'] as const;
type Train = NonNullable<JobOptionsInput['train']>;

describe('a training', { timeout: 120_000 }, () => {
  it('becomes the first version, and its alias', async () => {
    await using bench = await trainingBench();
    const run = await train(bench, leave('doubler', { accuracy: 0.9 }), { metric: 'accuracy', minimum: 0.8 });
    assert.equal(run.state, 'succeeded', JSON.stringify(run.error));
    const result = run.result as unknown as RunResult;
    assert.deepEqual(result.model, { name: 'shop', version: 1 });
    assert.deepEqual(result.results['train'], { version: 1, metrics: { accuracy: 0.9 } });
    assert.deepEqual((await readdir(join(bench.folder, 'models/shop/1'))).sort(), [
      'metrics.json',
      'model.onnx',
      'trained-by.json',
    ]);
    assert.deepEqual(await aliases(bench), { champion: { version: 1 } });
  });

  it('is refused when it is worse than the version before, and kept with the reason', async () => {
    await using bench = await trainingBench();
    const gate = { metric: 'accuracy', notWorseBy: 0.01 };
    await train(bench, leave('doubler', { accuracy: 0.9 }), gate);
    const run = await train(bench, leave('doubler', { accuracy: 0.88 }), gate);
    assert.equal(run.error?.code, 'GATE_REFUSED');
    assert.match(
      run.error?.message ?? '',
      /accuracy is 0.88, worse than the 0.9 of the version before by more than 0.01/,
    );
    assert.deepEqual(await versions(bench), ['1']);
    assert.deepEqual(await aliases(bench), { champion: { version: 1 } });
    const [kept = ''] = await readdir(join(bench.folder, '.servery/refused'));
    const reason = JSON.parse(
      await readFile(join(bench.folder, '.servery/refused', kept, 'refused.json'), 'utf8'),
    ) as Record<string, unknown>;
    assert.equal(reason['run'], run.id);
    assert.ok(existsSync(join(bench.folder, '.servery/refused', kept, 'model.onnx')));
  });

  it('moves the alias to the second version and remembers the first for a rollback', async () => {
    await using bench = await trainingBench();
    await train(bench, leave('doubler', { accuracy: 0.9 }));
    const run = await train(bench, leave('doubler', { accuracy: 0.95 }));
    assert.equal(run.state, 'succeeded');
    assert.deepEqual(await aliases(bench), { champion: { version: 2, previous: 1 } });
  });

  it('is refused with another signature, unless that is allowed', async () => {
    await using bench = await trainingBench();
    await train(bench, leave('doubler'));
    const refused = await train(bench, leave('identity-fp64'));
    assert.equal(refused.error?.code, 'GATE_REFUSED');
    assert.match(refused.error?.message ?? '', /its inputs are .*those of the version before are/);
    const allowed = await train(bench, leave('identity-fp64'), { allowOtherSignature: true });
    assert.equal(allowed.state, 'succeeded');
  });

  it('is refused when the artifact cannot be loaded', async () => {
    await using bench = await trainingBench();
    const run = await train(bench, leave('broken-truncated'));
    assert.equal(run.error?.code, 'MODEL_INVALID');
    assert.equal((await readdir(join(bench.folder, '.servery/refused'))).length, 1);
    assert.deepEqual(await versions(bench), []);
  });

  it('fails when the program leaves nothing, or no metric that the gate asks for', async () => {
    await using bench = await trainingBench();
    assert.equal((await train(bench, 'true')).error?.code, 'MODEL_INVALID');
    const run = await train(bench, leave('doubler'), { metric: 'auc', minimum: 0.5 });
    assert.match(run.error?.message ?? '', /metrics.json has no number auc/);
  });

  it('may be a function of the workspace, which is told what it needs', async () => {
    await using bench = await trainingBench();
    await writeFile(
      join(bench.folder, 'train.ts'),
      `import { cp, writeFile } from 'node:fs/promises';
       import { ServeryError } from 'servery';
       export async function trainShop({ artifactFolder, interval, params, attempt, runId }: any) {
         if (ServeryError === undefined) throw new Error('no servery');
         await cp('${FIXTURES}doubler/1/model.onnx', artifactFolder + '/model.onnx');
         return { interval: interval ?? null, params, attempt, isNamed: runId.startsWith('learn~') };
       }`,
    );
    const run = await train(bench, { function: 'train.ts#trainShop' });
    assert.equal(run.state, 'succeeded', JSON.stringify(run.error));
    assert.deepEqual((run.result as unknown as RunResult).results['train'], {
      interval: null,
      params: {},
      attempt: 1,
      isNamed: true,
    });
  });
});

/** A bench whose worker loads artifacts in this process. */
async function trainingBench(): Promise<JobBench> {
  const bench = await jobBench();
  const source = {
    modelsFolder: join(bench.folder, 'models'),
    stateFolder: join(bench.folder, '.servery'),
    models: {},
  };
  const models = createBatchModels(source);
  await mkdir(source.modelsFolder);
  bench.work({ inspect: (order) => inspectCandidate(order, source, models, runPredictStep) });
  return {
    ...bench,
    async [Symbol.asyncDispose]() {
      await bench[Symbol.asyncDispose]();
      await models[Symbol.asyncDispose]();
    },
  };
}

async function train(bench: JobBench, program: string | { readonly function: string }, gate?: Train['gate']) {
  const start = typeof program === 'string' ? { command: program } : program;
  const job = makeJob('learn', {
    ...(typeof program === 'string' && { shell: true }),
    train: { ...start, publish: { model: 'shop', alias: 'champion' }, ...(gate && { gate }) },
  });
  await bench.configure(job);
  return bench.until((await bench.add(job)).id, ...OVER);
}

/** A program that leaves the artifact of a fixture, and metrics. */
function leave(fixture: string, metrics?: Readonly<Record<string, number>>): string {
  const copy = `cp ${FIXTURES}${fixture}/1/model.onnx "$SERVERY_ARTIFACT_DIR"`;
  return metrics === undefined
    ? copy
    : `${copy}; echo '${JSON.stringify(metrics)}' > "$SERVERY_ARTIFACT_DIR/metrics.json"`;
}

async function versions({ folder }: JobBench): Promise<readonly string[]> {
  const names = await readdir(join(folder, 'models/shop')).catch(() => []);
  return names.filter((name) => /^\d+$/.test(name)).sort();
}

async function aliases({ folder }: JobBench): Promise<unknown> {
  const text = await readFile(join(folder, 'models/shop/aliases.json'), 'utf8');
  return (JSON.parse(text) as { aliases: unknown }).aliases;
}
