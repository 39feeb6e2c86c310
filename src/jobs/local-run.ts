/**
 * Runs a job once in this process: no scheduler, no store, one attempt.
 *
 * The steps are those of a worker; what it remembers is forgotten when it is over.
 */
import { systemClock } from '../core/clock.ts';
import type { DataInterval } from '../core/data-interval.ts';
import { runId as makeRunId } from '../engine/run-id.ts';
import type { RunError, StepRecord } from '../engine/run.ts';
import { executeRun, type StepRunner } from './execute-run.ts';
import type { Job } from './job.ts';
import type { Journal } from './journal.ts';
import { createMemoryLedger } from './memory-ledger.ts';
import { resolveParams } from './params.ts';
import type { RunResult } from './run-result.ts';
import type { StepProgress } from './step.ts';

export interface LocalRunOrder {
  readonly job: Job;
  /** Undefined: the job has none, or covers everything. */
  readonly interval: DataInterval | undefined;
  readonly params: Readonly<Record<string, unknown>>;
  /** Names the run: `manual/REQUEST`. */
  readonly request: string;
  /** Absolute. */
  readonly workspace: string;
  /** Aborts with a `StopReason`. */
  readonly signal: AbortSignal;
  progress(step: string, progress: StepProgress): void;
}

export interface LocalRun extends RunResult {
  readonly id: string;
  readonly job: string;
  readonly state: 'succeeded' | 'failed' | 'skipped' | 'cancelled';
  readonly interval: DataInterval | undefined;
  readonly error: RunError | undefined;
  readonly steps: readonly StepRecord[];
}

/** @throws {ServeryError} `INVALID_REQUEST` for parameters that do not fit */
export async function runLocally(order: LocalRunOrder, runner: StepRunner): Promise<LocalRun> {
  const { job, interval, request, workspace, signal } = order;
  const params = resolveParams(job.params, order.params);
  const id = makeRunId({ job: job.name, interval, scheduledForMs: undefined, cause: `manual/${request}` });
  const journal = createMemoryJournal();
  const run = { job, runId: id, attempt: 1, interval, params, workspace, signal };
  const outcome = await executeRun(run, { journal, runner, clock: systemClock, progress: order.progress });
  if (outcome.state === 'interrupted') throw new Error('A local run is not handed over');
  return {
    ...(outcome.result as unknown as RunResult),
    id,
    job: job.name,
    state: outcome.state,
    interval,
    error: outcome.state === 'failed' ? outcome.error : undefined,
    steps: journal.steps(),
  };
}

function createMemoryJournal(): Journal & { steps(): readonly StepRecord[] } {
  const records = new Map<string, StepRecord>();
  return {
    steps: () => [...records.values()],
    doneSteps: () => Promise.resolve([]),
    recordStep(record) {
      records.set(record.step, record);
      return Promise.resolve();
    },
    pin: () => Promise.resolve(),
    ledger: createMemoryLedger,
  };
}
