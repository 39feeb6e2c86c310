/** Jobs on a real engine, and a worker that does what a test says: for tests of what people see of them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../src/core/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { AttemptOutcome, ClaimedRun, StepRecord } from '../../src/engine/run.ts';
import { openSqliteEngine } from '../../src/engine/sqlite/open.ts';
import type { JobApi } from '../../src/jobs/job-api.ts';
import { jobOptions, type JobOptionsInput } from '../../src/jobs/job-options.ts';
import { createJobService } from '../../src/jobs/job-service.ts';
import { createJob, toDefinition } from '../../src/jobs/job.ts';
import { logFile } from '../../src/jobs/run-files.ts';
import { LIMITS } from './engine-definitions.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface JobDesk extends AsyncDisposable {
  readonly engine: Engine;
  readonly jobs: JobApi;
  configure(jobs: Readonly<Record<string, JobOptionsInput>>): Promise<void>;
  /** The run that goes first, as a worker gets it; those before the one that is named succeed. */
  claim(runId?: string): Promise<ClaimedRun>;
  record(claimed: ClaimedRun, record: StepRecord): Promise<void>;
  finish(claimed: ClaimedRun, outcome: AttemptOutcome): Promise<void>;
  /** As what a step has printed so far. */
  print(claimed: ClaimedRun, step: string, text: string): Promise<void>;
}

export async function openJobDesk(
  jobs: Readonly<Record<string, JobOptionsInput>>,
  { clock }: { readonly clock?: Clock } = {},
): Promise<JobDesk> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await temporaryFolder());
  const engine = opened.use(
    await openSqliteEngine({ file: join(folder.path, 'state.db'), ...(clock && { wall: clock, steady: clock }) }),
  );
  const configure: JobDesk['configure'] = (options) =>
    engine.configure(
      Object.entries(options).map(([name, job]) => toDefinition(createJob(name, jobOptions.parse(job)))),
      LIMITS,
    );
  await configure(jobs);
  const resources = opened.move();
  return {
    engine,
    jobs: createJobService({ engine, stateFolder: folder.path, ...(clock && { clock }) }),
    configure,
    async claim(runId) {
      for (;;) {
        const [claimed] = await engine.claim({ id: 'worker-1', capacity: 1, leaseMs: 60_000 }, 1);
        if (claimed === undefined) throw new Error('No run is ready to be claimed');
        if (runId === undefined || claimed.run.id === runId) return claimed;
        await engine.finishAttempt(claimed.lease, { state: 'succeeded' });
      }
    },
    record: ({ lease }, record) => engine.recordStep(lease, record),
    finish: async ({ lease }, outcome) => void (await engine.finishAttempt(lease, outcome)),
    async print({ run, lease }, step, text) {
      const path = logFile(folder.path, run.id, step, lease.epoch);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
