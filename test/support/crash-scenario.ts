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
        score: {
          needs: ['prepare'],
          predict: {
            model: 'iris',
            input: { path: 'rows.csv', chunkRows: 20 },
            output: { path: 'scores/', format: 'csv' },
            passthrough: ['id'],
            onBadRow: 'quarantine',
          },
        },
        learn: {
          needs: ['score'],
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
  await writeFile(join(folder, 'rows.csv'), await rows());
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

/** The iris rows of the quickstart, with a number, and one that is damaged. */
async function rows(): Promise<string> {
  const text = await readFile(join(ROOT, 'examples/quickstart/data/iris.held-out.csv'), 'utf8');
  const [header, ...lines] = text.trim().split('\n');
  const numbered = [`id,${header}`, ...lines.map((line, i) => `${i},${line}`)];
  numbered[7] = numbered[7]!.replace(/^6,[^,]*/, '6,much');
  return `${numbered.join('\n')}\n`;
}

/** What a run without any trouble leaves, by path: the files that readers of the output see. */
export async function readOutput({ folder }: Pick<CrashScenario, 'folder'>): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(join(folder, 'scores'), { recursive: true, withFileTypes: true });
  const files = names.filter((item) => item.isFile()).map((item) => join(item.parentPath, item.name));
  const entries = await Promise.all(
    files.sort().map(async (file) => [file.slice(folder.length), await readFile(file, 'utf8')] as const),
  );
  return Object.fromEntries(entries);
}

/** Nothing lost, nothing doubled, nothing half: whatever was killed when. */
export async function checkWhole(
  { folder, engine, runId }: CrashScenario,
  run: Run,
  output: Readonly<Record<string, string>>,
): Promise<void> {
  assert.equal(run.state, 'succeeded', JSON.stringify(run.error));
  assert.equal((await engine.listRuns({ limit: 10 })).items.length, 1, 'one run');
  const result = run.result as unknown as RunResult;
  assert.deepEqual(result.results['prepare'], { rows: 150 });
  assert.deepEqual(await readOutput({ folder }), output, 'the output is that of an undisturbed run, byte for byte');
  assert.deepEqual(result.rows, { in: 50, out: 49, bad: 1, nulled: 0 });
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
  for (const name of ['prepare', 'score', 'learn']) {
    const done = steps.filter(({ step, state }) => step === name && state === 'succeeded');
    assert.equal(done.length, 1, `${name} is done once`);
  }
  assert.deepEqual(await readdir(join(folder, '.servery/runs')).catch(() => []), [], 'no scratch space is left');
}
