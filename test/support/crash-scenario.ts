/**
 * What crash tests kill: a run of a job with a program, a prediction and a training, and beside it a backfill of
 * three days of another; and what must be true when both are over.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataInterval } from '../../src/core/data-interval.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { ACTIVE_STATES, type Run } from '../../src/engine/run.ts';
import { openSqliteEngine } from '../../src/engine/sqlite/open.ts';
import { jobsOptions } from '../../src/jobs/job-options.ts';
import { createJob, toDefinition } from '../../src/jobs/job.ts';
import type { RunResult } from '../../src/jobs/run-result.ts';
import { temporaryFolder } from './temporary-folder.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const MODEL = join(ROOT, 'test/fixtures/models/doubler/1/model.onnx');

const DAY_MS = 86_400_000;
const FIRST_DAY_MS = Date.UTC(2026, 9, 24);
const DAYS = 3;
const BACKFILL = 'crash';
const ROWS_OF_A_DAY = 20;

/** The programs of the scenario write too. */
const EXPLAINED = ['STORAGE_FULL', 'DATABASE_FAILED', 'COMMAND_FAILED'];

const CONFIG = {
  jobs: {
    daily: {
      retry: { attempts: 5, delay: '20ms', workerLosses: 1000 },
      predict: {
        model: 'iris',
        input: { path: 'orders.csv', timeColumn: 'ordered_at', chunkRows: 25 },
        output: { path: 'daily/', format: 'csv' },
        passthrough: ['id'],
      },
    },
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
  log: { level: 'warn' },
};

export interface CrashScenario extends AsyncDisposable {
  readonly folder: string;
  readonly engine: Engine;
  readonly runId: string;
  /** Whether nothing is left to do. */
  isOver(): Promise<boolean>;
}

/** What a run without any trouble leaves, by path: output, and manifests but for what differs from run to run. */
export type Left = Readonly<Record<string, string>>;

/** @param parent where its folder is made: a small disk, to fill it */
export async function crashScenario(parent?: string): Promise<CrashScenario> {
  const opened = new AsyncDisposableStack();
  const folder = parent ?? opened.use(await temporaryFolder()).path;
  await writeFile(join(folder, 'servery.config.json'), JSON.stringify(CONFIG));
  await mkdir(join(folder, '.servery'));
  await writeFile(join(folder, 'rows.csv'), await rows());
  await writeFile(join(folder, 'orders.csv'), await orders());
  await cp(join(ROOT, 'examples/quickstart/models/iris'), join(folder, 'models/iris'), { recursive: true });
  const options = jobsOptions.parse(CONFIG.jobs);
  const whole = createJob('whole', options['whole']!);
  const daily = createJob('daily', options['daily']!);
  const engine = opened.use(await openSqliteEngine({ file: stateFile(folder) }));
  await engine.configure([toDefinition(whole), toDefinition(daily)], { pools: {}, maxRunning: 4 });
  const { run } = await engine.addRun({
    job: 'whole',
    interval: undefined,
    scheduledForMs: undefined,
    cause: 'manual/crash',
    definitionHash: whole.definitionHash,
    params: {},
  });
  await engine.createBackfill({
    id: BACKFILL,
    job: 'daily',
    definitionHash: daily.definitionHash,
    intervals: Array.from({ length: DAYS }, (_, index) => day(index)),
    order: 'oldest',
    parallel: 2,
    reprocess: 'none',
    priority: -100,
  });
  return {
    folder,
    engine,
    runId: run.id,
    isOver: async () => {
      const { items } = await engine.listRuns({ limit: 1, states: ACTIVE_STATES });
      return items.length === 0;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/**
 * As a person would, once the disk has room again or the lock is gone: failures that such a trouble explains are
 * retried, any other is a failure of the test.
 *
 * @returns whether there were any
 */
export async function retryFailed({ engine }: CrashScenario): Promise<boolean> {
  const { items } = await engine.listRuns({ limit: 10, states: ['failed'] });
  for (const { id, error } of items) {
    assert.ok(EXPLAINED.includes(error?.code ?? ''), `${id}: ${JSON.stringify(error)}`);
    await engine.retryRun(id);
  }
  return items.length > 0;
}

export function stateFile(folder: string): string {
  return join(folder, '.servery', 'state.db');
}

function day(index: number): DataInterval {
  const startMs = FIRST_DAY_MS + index * DAY_MS;
  return { startMs, endMs: startMs + DAY_MS };
}

/** The iris rows of the quickstart, with a number, and one that is damaged. */
async function rows(): Promise<string> {
  const { header, lines } = await iris();
  const numbered = [`id,${header}`, ...lines.map((line, i) => `${i},${line}`)];
  numbered[7] = numbered[7]!.replace(/^6,[^,]*/, '6,much');
  return `${numbered.join('\n')}\n`;
}

/** The same rows again and again, some of each day and some of the days around. */
async function orders(): Promise<string> {
  const { header, lines } = await iris();
  const table = [`id,ordered_at,${header}`];
  for (let index = -1; index <= DAYS; index += 1) {
    for (let row = 0; row < ROWS_OF_A_DAY; row += 1) {
      const at = new Date(day(index).startMs + (row * DAY_MS) / ROWS_OF_A_DAY).toISOString();
      table.push(`${table.length},${at},${lines[table.length % lines.length]!}`);
    }
  }
  return `${table.join('\n')}\n`;
}

async function iris(): Promise<{ readonly header: string; readonly lines: readonly string[] }> {
  const text = await readFile(join(ROOT, 'examples/quickstart/data/iris.held-out.csv'), 'utf8');
  const [header = '', ...lines] = text.trim().split('\n');
  return { header, lines };
}

/** The files that readers of the outputs see, and the manifests without what may differ. */
export async function readOutput({ folder }: Pick<CrashScenario, 'folder'>): Promise<Left> {
  const left: Record<string, string> = {};
  for (const output of ['scores', 'daily', '.scores.servery/manifests', '.daily.servery/manifests']) {
    const names = await readdir(join(folder, output), { recursive: true, withFileTypes: true });
    for (const item of names.filter((entry) => entry.isFile())) {
      const file = join(item.parentPath, item.name);
      const text = await readFile(file, 'utf8');
      left[file.slice(folder.length)] = output.endsWith('manifests') ? comparable(text) : text;
    }
  }
  return left;
}

/** The checksum of the plan covers the times and the places of the inputs; that of each file stays. */
function comparable(manifest: string): string {
  return JSON.stringify(JSON.parse(manifest), (key, value: unknown) =>
    key === 'committedAt' || (key === 'checksum' && String(value).startsWith('sha256:')) ? '…' : value,
  );
}

/** Nothing lost, nothing doubled, nothing half: whatever happened when. */
export async function checkWhole(scenario: CrashScenario, output: Left): Promise<void> {
  const { folder, engine, runId } = scenario;
  const run = await engine.getRun(runId);
  assert.equal(run.state, 'succeeded', JSON.stringify(run.error));
  await checkBackfill(engine);
  const { items } = await engine.listRuns({ limit: 10 });
  assert.equal(items.length, 1 + DAYS, 'one run, and one for each day');
  assert.deepEqual(await readOutput({ folder }), output, 'the output is that of an undisturbed run, byte for byte');
  await checkRun(scenario, run);
  assert.deepEqual(await readdir(join(folder, '.servery/runs')).catch(() => []), [], 'no scratch space is left');
}

/** What is staged goes with its run; only a worker that wakes up late leaves some, for a week. */
export async function checkTidy({ folder }: CrashScenario): Promise<void> {
  for (const root of ['.scores.servery', '.daily.servery']) {
    assert.deepEqual(await readdir(join(folder, root, 'staging')), [], 'nothing staged is left');
  }
}

async function checkBackfill(engine: Engine): Promise<void> {
  const { state, intervals } = await engine.getBackfill(BACKFILL);
  const { items } = await engine.listRuns({ job: 'daily', limit: 10 });
  const ends = items.map((run) => [run.interval?.startMs, run.state, (run.result as unknown as RunResult)?.rows]);
  assert.deepEqual(
    ends.sort(([a], [b]) => Number(a) - Number(b)),
    Array.from({ length: DAYS }, (_, index) => [
      day(index).startMs,
      'succeeded',
      { in: ROWS_OF_A_DAY, out: ROWS_OF_A_DAY, bad: 0, nulled: 0 },
    ]),
  );
  assert.deepEqual([state, intervals.succeeded, intervals.total], ['succeeded', DAYS, DAYS]);
}

async function checkRun({ folder, engine, runId }: CrashScenario, run: Run): Promise<void> {
  const result = run.result as unknown as RunResult;
  assert.deepEqual(result.results['prepare'], { rows: 150 });
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
}
