/**
 * What the engine knows of jobs: the definitions that runs are pinned to, and where each schedule stands.
 *
 * A definition is opaque here but for its `RunPolicy`: the numbers that decide what happens to a run while
 * nobody executes it.
 */
import type { Json } from '../core/json.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { Run } from './run.ts';

export interface RunPolicy {
  /** The pool whose slots a run takes while it is running. */
  readonly pool: string;
  readonly slots: number;
  /** The highest goes first. */
  readonly priority: number;
  /** False: a run waits while another one of the job is running. Those of backfills have their own limit. */
  readonly overlapping: boolean;
  /** The most runs of the job at once, whatever their cause. */
  readonly maxRunning?: number | undefined;
  readonly retry: RetryPolicy;
  /** A run that has not started so long after it became ready fails with `TIMED_OUT`. */
  readonly queueTimeoutMs?: number | undefined;
  /** A run that takes longer from its first start, retries included, is stopped and fails with `TIMED_OUT`. */
  readonly runTimeoutMs?: number | undefined;
  readonly deadlines?: Deadlines | undefined;
}

/** Each one that is missed raises an event; nothing is stopped by it. */
export interface Deadlines {
  /** After the scheduled instant, or the creation where there is none. */
  readonly startWithinMs?: number | undefined;
  readonly finishWithinMs?: number | undefined;
  /** The longest age of the last success. */
  readonly freshWithinMs?: number | undefined;
}

export interface JobDefinition {
  readonly job: string;
  /** Of the content: the same definition has the same hash in every process. */
  readonly hash: string;
  /** The job as the configuration says it, without secrets. */
  readonly spec: Json;
  readonly policy: RunPolicy;
}

/** How much may run at once on this workspace. */
export interface Limits {
  /** Slots of each pool. A pool that is not named has no limit of its own. */
  readonly pools: Readonly<Record<string, number>>;
  /** The most runs at once, of all jobs. */
  readonly maxRunning: number;
}

export interface JobState {
  readonly job: string;
  /** The present definition. */
  readonly definition: JobDefinition;
  /** False once the configuration no longer has it; its runs stay. */
  readonly isConfigured: boolean;
  readonly paused: { readonly note: string; readonly sinceMs: number } | undefined;
  /** The last instant that the schedule has dealt with; undefined before its first. */
  readonly cursorMs: number | undefined;
  readonly firstSeenMs: number;
  readonly lastSuccessMs: number | undefined;
  /** The end of the last interval that succeeded, for `since-last-success`. */
  readonly lastSuccessEndMs: number | undefined;
  /** Runs that are not over. `waiting` leaves out those of backfills and those that must wait for late data. */
  readonly active: ActiveRuns;
  readonly lastRun: Run | undefined;
}

export interface ActiveRuns {
  readonly waiting: number;
  readonly running: number;
}

/** An occurrence that made no run. */
export interface Suppressed {
  readonly id: number;
  readonly job: string;
  readonly scheduledForMs: number;
  /** The last instant that this entry stands for: the same one, but where very many were missed at once. */
  readonly untilMs: number;
  readonly intervalStartMs: number | undefined;
  readonly intervalEndMs: number | undefined;
  readonly reason: string;
  readonly atMs: number;
}
