/**
 * A backfill: runs for past intervals, on request. An object of its own, so that it can be looked at, paused and
 * cancelled as one.
 *
 * Only as many of its runs exist as may run at once; the next is added in the transaction that ends one, so a
 * backfill of years neither fills the queue nor stops when a process dies.
 */
import type { DataInterval } from '../core/data-interval.ts';
import type { Json } from '../core/json.ts';

export interface NewBackfill {
  /** Part of its runs' cause. Creating the same id again gives the one that is there. */
  readonly id: string;
  readonly job: string;
  readonly definitionHash: string;
  /** In time order, without overlap; `intervalsOfRange` of `schedule/` makes them. */
  readonly intervals: readonly DataInterval[];
  readonly order: 'oldest' | 'newest';
  readonly parallel: number;
  /** Which intervals that already have a run are done again: none, those whose last run did not succeed, all. */
  readonly reprocess: 'none' | 'failed' | 'all';
  /** Below that of scheduled runs unless said otherwise. */
  readonly priority: number;
  readonly params?: Json;
}

export interface Backfill extends Omit<NewBackfill, 'intervals' | 'params'> {
  readonly params: Json;
  readonly state: 'running' | 'paused' | 'succeeded' | 'failed' | 'cancelled';
  readonly note: string | undefined;
  readonly createdMs: number;
  readonly finishedMs: number | undefined;
  /** From the first start to the last end. */
  readonly range: DataInterval | undefined;
  readonly intervals: {
    readonly total: number;
    /** Left out because of `reprocess`. */
    readonly skipped: number;
    /** Without a run yet. */
    readonly pending: number;
    readonly active: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly cancelled: number;
  };
}
