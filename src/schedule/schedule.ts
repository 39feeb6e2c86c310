/**
 * A schedule: when a job fires, and which data each firing covers.
 *
 * Pure: time is a parameter, and the same options always give the same occurrences. Scheduler, backfill,
 * manual runs, `job next` and `cron explain` ask the same object, so they cannot disagree about an interval.
 */
import type { DataInterval } from '../core/data-interval.ts';
import type { ScheduleOptions } from './options.ts';

/** One instant at which the schedule says "run". */
export interface Occurrence {
  /** The instant that the schedule names; identifies the occurrence. */
  readonly scheduledForMs: number;
  /** When it starts: `scheduledForMs`, later by `delay` and jitter. */
  readonly fireAtMs: number;
  /** What it covers; undefined where runs have no interval of their own. */
  readonly interval: DataInterval | undefined;
  /** When the interval is run once more for data that came late (`allowedLateness`; cause `late/1`). */
  readonly rerunAtMs: number | undefined;
}

export interface Schedule {
  readonly kind: 'cron' | 'every' | 'at' | 'after' | 'manual';
  /** The job that this one waits for, for kind `after`. */
  readonly after: string | undefined;
  readonly timezone: string;
  readonly options: ScheduleOptions;
  /** What its author should know: it never fires, two day fields are restricted. */
  readonly warnings: readonly string[];
  /** The first occurrence that is scheduled for later than `afterMs`. */
  next(afterMs: number): Occurrence | undefined;
  /** The last occurrence that is scheduled for earlier than `beforeMs`. */
  previous(beforeMs: number): Occurrence | undefined;
  /** Those scheduled for `[fromMs, toMs)`, in order; lazy. */
  between(fromMs: number, toMs: number): Iterable<Occurrence>;
}
