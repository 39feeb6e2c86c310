/** Definitions and runs for tests of the engine: what a test does not name has a value that stays out of the way. */
import type { DataInterval } from '../../src/core/data-interval.ts';
import type { JobDefinition, Limits, RunPolicy } from '../../src/engine/job-state.ts';
import type { RetryPolicy } from '../../src/engine/retry-policy.ts';
import type { NewRun } from '../../src/engine/run.ts';

export const HOUR_MS = 3_600_000;

export function retryPolicy(changes: Partial<RetryPolicy> = {}): RetryPolicy {
  return {
    attempts: 1,
    delayMs: 1000,
    factor: 2,
    maxDelayMs: 60_000,
    jitter: 'none',
    notOn: [],
    workerLosses: 3,
    ...changes,
  };
}

export function definition(job: string, changes: Partial<RunPolicy> = {}): JobDefinition {
  const policy: RunPolicy = {
    pool: 'default',
    slots: 1,
    priority: 0,
    overlapping: true,
    retry: retryPolicy(),
    ...changes,
  };
  return { job, hash: `${job}-${JSON.stringify(changes).length}`, spec: { command: ['true'] }, policy };
}

export const LIMITS: Limits = { pools: {}, maxRunning: 1000 };

/** The hour that begins so many hours after the epoch. */
export function hour(index: number): DataInterval {
  return { startMs: index * HOUR_MS, endMs: (index + 1) * HOUR_MS };
}

export function newRun({ job, hash }: JobDefinition, index: number, changes: Partial<NewRun> = {}): NewRun {
  const interval = hour(index);
  return { job, interval, scheduledForMs: interval.endMs, cause: 'schedule', definitionHash: hash, ...changes };
}
