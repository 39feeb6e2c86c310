/**
 * The engine's methods as commands on the store: each a function, and what it needs of a transaction.
 *
 * `durable` ones are on the disk when they are answered. A `write` survives the death of every process but may be
 * undone by the loss of power; only what will be said again is so. Where a command often finds nothing to do,
 * `idle` answers it without taking the lock that all processes share.
 */
import type { Failpoint } from '../../core/failpoint.ts';
import type { Engine } from '../engine.ts';
import { addRun } from './add-run.ts';
import {
  cancelBackfill,
  createBackfill,
  getBackfill,
  listBackfills,
  pauseBackfill,
  resumeBackfill,
} from './backfills.ts';
import { requestCancel } from './cancel.ts';
import { claim, heartbeat, mayClaim, releaseWorker } from './claim.ts';
import { finishAttempt } from './end-attempt.ts';
import { configure, getDefinition, getJob, listJobs, listSuppressed, pauseJob, resumeJob } from './jobs.ts';
import { prune } from './prune.ts';
import { mustReconcile, nextReconcile, reconcile } from './reconcile.ts';
import { retryRun } from './retry-run.ts';
import { attempts, events, getRun, lastEventId, listRuns } from './runs.ts';
import { schedule, scheduleStates } from './schedule.ts';
import {
  commitChunk,
  committedChunks,
  confirmLease,
  readPlan,
  recordStep,
  savePlan,
  setPinned,
  steps,
} from './steps.ts';
import type { Store } from './store.ts';
import { acquireTicker, mayTick, releaseTicker } from './ticker-lease.ts';
import { whyWaiting } from './why-waiting.ts';

/** Every method that crosses to the thread of the database. */
export type EngineMethods = Omit<Engine, 'watch' | typeof Symbol.asyncDispose>;

export interface Command<Args extends readonly never[] = never[], Value = unknown> {
  readonly kind: 'read' | 'write' | 'durable';
  readonly run: (store: Store, ...args: Args) => Value;
  /** The answer when there is nothing to write. */
  readonly idle?: (store: Store, ...args: Args) => { readonly value: Value } | undefined;
  readonly failpoint?: FailpointPair;
}

/** `NAME` of `engine.NAME.before` and `engine.NAME.after`. */
type FailpointPair = Failpoint extends infer Name ? (Name extends `engine.${infer Pair}.before` ? Pair : never) : never;

type CommandOf<Method> = Method extends (...args: infer Args extends never[]) => Promise<infer Value>
  ? Command<Args, Value>
  : never;

export const COMMANDS: { readonly [Name in keyof EngineMethods]: CommandOf<EngineMethods[Name]> } = {
  configure: { kind: 'durable', run: configure },
  listJobs: { kind: 'read', run: listJobs },
  getJob: { kind: 'read', run: getJob },
  getDefinition: { kind: 'read', run: getDefinition },
  pauseJob: { kind: 'durable', run: pauseJob },
  resumeJob: { kind: 'durable', run: resumeJob },
  listSuppressed: { kind: 'read', run: listSuppressed },

  acquireTicker: {
    kind: 'write',
    run: acquireTicker,
    idle: (store, holder) => (mayTick(store, holder) ? undefined : { value: undefined }),
  },
  releaseTicker: { kind: 'write', run: releaseTicker },
  scheduleStates: { kind: 'read', run: scheduleStates },
  schedule: { kind: 'durable', run: schedule, failpoint: 'schedule' },
  reconcile: {
    kind: 'durable',
    run: reconcile,
    idle: (store) => (mustReconcile(store) ? undefined : { value: nextReconcile(store) }),
    failpoint: 'reconcile',
  },

  claim: {
    kind: 'durable',
    run: claim,
    idle: (store, worker, count) => (mayClaim(store, worker, count) ? undefined : { value: [] }),
    failpoint: 'claim',
  },
  heartbeat: { kind: 'write', run: heartbeat },
  releaseWorker: { kind: 'durable', run: releaseWorker },
  finishAttempt: { kind: 'durable', run: finishAttempt, failpoint: 'finishAttempt' },
  confirmLease: { kind: 'read', run: confirmLease },
  setPinned: { kind: 'durable', run: setPinned },
  recordStep: { kind: 'durable', run: recordStep, failpoint: 'recordStep' },
  savePlan: { kind: 'durable', run: savePlan, failpoint: 'savePlan' },
  readPlan: { kind: 'read', run: readPlan },
  commitChunk: { kind: 'durable', run: commitChunk, failpoint: 'commitChunk' },
  committedChunks: { kind: 'read', run: committedChunks },

  addRun: { kind: 'durable', run: addRun, failpoint: 'addRun' },
  getRun: { kind: 'read', run: getRun },
  listRuns: { kind: 'read', run: listRuns },
  attempts: { kind: 'read', run: attempts },
  steps: { kind: 'read', run: steps },
  whyWaiting: { kind: 'read', run: whyWaiting },
  requestCancel: { kind: 'durable', run: requestCancel },
  retryRun: { kind: 'durable', run: retryRun },

  createBackfill: { kind: 'durable', run: createBackfill, failpoint: 'createBackfill' },
  getBackfill: { kind: 'read', run: getBackfill },
  listBackfills: { kind: 'read', run: listBackfills },
  pauseBackfill: { kind: 'durable', run: pauseBackfill },
  resumeBackfill: { kind: 'durable', run: resumeBackfill },
  cancelBackfill: { kind: 'durable', run: cancelBackfill },

  events: { kind: 'read', run: events },
  lastEventId: { kind: 'read', run: lastEventId },
  prune: { kind: 'write', run: prune, failpoint: 'prune' },
};
