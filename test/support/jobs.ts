/** Jobs, runs and workers for tests: real programs, a real store, the real steps. */
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Run } from '../../src/engine/run.ts';
import { openSqliteEngine } from '../../src/engine/sqlite/open.ts';
import type { StepRunner } from '../../src/jobs/execute-run.ts';
import { jobOptions, type JobOptionsInput } from '../../src/jobs/job-options.ts';
import { createJob, toDefinition, type Job } from '../../src/jobs/job.ts';
import { createStepRunner, type RunnerDeps } from '../../src/jobs/step-runner.ts';
import { startWorker, type Worker } from '../../src/jobs/worker.ts';
import { temporaryFolder } from './temporary-folder.ts';

export function makeJob(name: string, options: JobOptionsInput): Job {
  return createJob(name, jobOptions.parse(options));
}

/** A program of this Node.js: `node('console.log(1)')`. */
export function node(code: string): string[] {
  return [process.execPath, '-e', code];
}

export function stepRunner(workspace: string, changes: Partial<RunnerDeps> = {}): StepRunner {
  const unused = () => Promise.reject(new Error('This test loads no models'));
  return createStepRunner({
    stateFolder: join(workspace, '.servery'),
    modelsFolder: join(workspace, 'models'),
    env: process.env,
    secret: (name) => process.env[name],
    maxLogBytes: 1_000_000,
    maxResultBytes: 10_000,
    predict: unused,
    inspect: unused,
    request: unused,
    ...changes,
  });
}

export interface JobBench extends AsyncDisposable {
  readonly folder: string;
  readonly engine: Engine;
  configure(...jobs: Job[]): Promise<void>;
  add(job: Job, order?: { readonly request?: string; readonly params?: Readonly<Record<string, never>> }): Promise<Run>;
  work(changes?: Partial<RunnerDeps> & { readonly leaseMs?: number; readonly stopGraceMs?: number }): Worker;
  /** The run as soon as its state is one of these. */
  until(runId: string, ...states: Run['state'][]): Promise<Run>;
}

export async function jobBench(): Promise<JobBench> {
  const opened = new AsyncDisposableStack();
  const folder = opened.use(await temporaryFolder()).path;
  const engine = opened.use(await openSqliteEngine({ file: join(folder, 'state.db') }));
  let requests = 0;
  return {
    folder,
    engine,
    configure: (...jobs) => engine.configure(jobs.map(toDefinition), { pools: {}, maxRunning: 100 }),
    async add(job, { request, params = {} } = {}) {
      requests += 1;
      const cause = `manual/${request ?? String(requests)}` as const;
      const { run } = await engine.addRun({
        job: job.name,
        interval: undefined,
        scheduledForMs: undefined,
        cause,
        definitionHash: job.definitionHash,
        params,
      });
      return run;
    },
    work({ leaseMs = 15_000, stopGraceMs = 1000, ...changes } = {}) {
      const worker = startWorker({
        engine,
        runner: stepRunner(folder, changes),
        workspace: folder,
        stateFolder: join(folder, '.servery'),
        clock: systemClock,
        capacity: 4,
        leaseMs,
        stopGraceMs,
      });
      opened.use(worker);
      return worker;
    },
    async until(runId, ...states) {
      const { promise, resolve } = Promise.withResolvers<Run>();
      const look = () =>
        void engine.getRun(runId).then((run) => {
          if (states.includes(run.state)) resolve(run);
        });
      using _ = engine.watch(look);
      look();
      return await promise;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
