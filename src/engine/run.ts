/**
 * A run: one execution of a job for one data interval.
 *
 *     queued ──▶ running ──▶ succeeded | failed | skipped
 *                 │  ▲
 *                 ▼  │
 *              retrying          (waits for its next attempt)
 *
 * Whatever has not ended may become cancelled; a failed or cancelled run that is retried by hand is queued again.
 * The table below is the only definition of that.
 */
import type { DataInterval } from '../core/data-interval.ts';
import type { Json } from '../core/json.ts';

const RUN_TRANSITIONS = {
  queued: ['running', 'failed', 'cancelled'],
  running: ['succeeded', 'failed', 'skipped', 'retrying', 'cancelled'],
  retrying: ['running', 'failed', 'cancelled'],
  succeeded: [],
  failed: ['queued'],
  cancelled: ['queued'],
  skipped: [],
} as const satisfies Record<string, readonly string[]>;

export type RunState = keyof typeof RUN_TRANSITIONS;

export function canBecome(from: RunState, to: RunState): boolean {
  return (RUN_TRANSITIONS[from] as readonly RunState[]).includes(to);
}

/** States of a run that is not over. */
export const ACTIVE_STATES = ['queued', 'running', 'retrying'] as const satisfies readonly RunState[];

/** Why a run exists: `schedule`, `late/N`, `backfill/ID`, `manual/REQUEST`. */
export type Cause = 'schedule' | `late/${number}` | `backfill/${string}` | `manual/${string}`;

/** What makes two requests the same run. Whatever crashes when, there is one run for a key. */
export interface RunKey {
  readonly job: string;
  /** Undefined when the job has no data interval; then the scheduled instant takes its place. */
  readonly interval: DataInterval | undefined;
  /** The nominal instant; undefined for a run that no schedule made. */
  readonly scheduledForMs: number | undefined;
  readonly cause: Cause;
}

export interface RunError {
  /** An `ErrorCode`, or what a command's result named. */
  readonly code: string;
  readonly message: string;
}

/** Everything that is known of a run but its attempts, steps and chunks. */
export interface Run extends RunKey {
  /** Made from the key alone: `JOB~20261123T110000Z-20261123T113000Z~schedule`. Safe in URLs and file names. */
  readonly id: string;
  /** Grows with each run that is added: the order of lists. */
  readonly sequence: number;
  readonly state: RunState;
  /** How many attempts have begun. */
  readonly attempt: number;
  /** The definition that it was added with, and which each of its attempts executes. */
  readonly definitionHash: string;
  readonly params: Json;
  readonly pool: string;
  readonly slots: number;
  readonly priority: number;
  readonly createdMs: number;
  /** Not claimed before: a delay, the back-off of a retry, late data. */
  readonly notBeforeMs: number;
  /** Of the first attempt. */
  readonly startedMs: number | undefined;
  readonly finishedMs: number | undefined;
  /** Who executes it now. */
  readonly worker: string | undefined;
  readonly cancel: CancelRequest | undefined;
  /** What its worker said last: rows so far, the step it is in. */
  readonly progress: Json | undefined;
  /** What was fixed when it was planned: model version, code revision, input files. */
  readonly pinned: Readonly<Record<string, Json>>;
  /** What its last attempt gave, as `jobs` wrote it. */
  readonly result: Json | undefined;
  /** Why its last attempt failed. */
  readonly error: RunError | undefined;
}

export interface CancelRequest {
  readonly reason: string;
  readonly atMs: number;
  /** End it at once, without the grace time. */
  readonly force: boolean;
}

export interface NewRun extends RunKey {
  readonly definitionHash: string;
  readonly params?: Json;
  readonly notBeforeMs?: number;
  /** Instead of the definition's. */
  readonly priority?: number;
}

/**
 * Leave to act for a run. Every write that belongs to an attempt names it, and is refused with `LEASE_LOST` once
 * the run was taken over, cancelled for good or finished: a worker that wakes up late cannot harm it.
 */
export interface Lease {
  readonly runId: string;
  /** The fencing token: the number of the attempt. */
  readonly epoch: number;
}

export interface ClaimedRun {
  readonly lease: Lease;
  readonly run: Run;
  /** The job as it was when the run was added; only `jobs` can read it. */
  readonly spec: Json;
}

export interface Attempt {
  readonly attempt: number;
  readonly worker: string;
  readonly state: 'running' | 'succeeded' | 'failed' | 'skipped' | 'cancelled' | 'interrupted';
  readonly startedMs: number;
  readonly finishedMs: number | undefined;
  readonly error: RunError | undefined;
}

/** How an attempt ended, as its worker says it. */
export type AttemptOutcome =
  | { readonly state: 'succeeded'; readonly result?: Json }
  | { readonly state: 'skipped'; readonly reason: string; readonly result?: Json }
  | { readonly state: 'failed'; readonly error: RunError; readonly result?: Json }
  /** It was asked to stop, and everything that it had started is gone. */
  | { readonly state: 'cancelled'; readonly reason: string; readonly result?: Json }
  /** The worker must leave: the run waits for another, and its budget of attempts stays as it is. */
  | { readonly state: 'interrupted'; readonly reason: string };

export interface StepRecord {
  readonly step: string;
  readonly state: 'running' | 'succeeded' | 'failed' | 'skipped' | 'cancelled';
  readonly startedMs?: number;
  readonly finishedMs?: number;
  /** Passed on to the steps that need it. */
  readonly result?: Json;
  /** What only people look at: rows, files, exit code, model version. */
  readonly details?: Json;
  readonly error?: RunError;
}

/** A step of one attempt, as it is read back. */
export interface StoredStep extends StepRecord {
  readonly attempt: number;
}

/** A committed chunk of a step's plan. */
export interface StoredChunk {
  readonly step: string;
  readonly index: number;
  readonly attempt: number;
  readonly committedMs: number;
  readonly record: Json;
}
