/**
 * A schedule: when a job fires, and which data each firing covers.
 *
 * Pure: time is a parameter, and the same options always give the same occurrences. Scheduler, backfill,
 * manual runs, `job next` and `cron explain` ask the same object, so they cannot disagree about an interval.
 */
import type { DataInterval } from '../core/data-interval.ts';
import { createCalendar } from './calendar.ts';
import { parseCron, type CronExpression, type EveryExpression } from './cron-syntax.ts';
import { parseInstant } from './instant.ts';
import { jitterOf } from './jitter.ts';
import { scheduleOptions, type ScheduleOptions } from './options.ts';
import { everyTicks, listedTicks, mergedTicks, noTicks, type Ticks } from './ticks.ts';
import { wallTicks } from './wall-ticks.ts';
import { openZone } from './zone.ts';

/** One instant at which the schedule says "run". */
export interface Occurrence {
  /** The instant that the schedule names; identifies the occurrence. */
  readonly scheduledForMs: number;
  /** When it starts: `scheduledForMs`, later by `delay` and jitter. */
  readonly fireAtMs: number;
  /** What it covers; undefined where the schedule alone does not say. */
  readonly interval: DataInterval | undefined;
  /** When the interval is run once more for data that came late (`allowedLateness`; cause `late/1`). */
  readonly rerunAtMs: number | undefined;
}

export interface Schedule {
  readonly kind: 'cron' | 'every' | 'at' | 'after' | 'manual';
  readonly options: ScheduleOptions;
  /** The instants by themselves, without `start` and `end`. */
  readonly ticks: Ticks;
  readonly startMs: number | undefined;
  /** The first occurrence that is scheduled for later than `afterMs`. */
  next(afterMs: number): Occurrence | undefined;
  /** The last occurrence that is scheduled for earlier than `beforeMs`. */
  previous(beforeMs: number): Occurrence | undefined;
  /** Those scheduled for `[fromMs, toMs)`, in order; lazy. */
  between(fromMs: number, toMs: number): Iterable<Occurrence>;
}

/**
 * @param jobName only spreads the jitter: jobs with the same times start at different ones
 * @param options none: the job runs by hand only
 */
export function compileSchedule(jobName: string, options: ScheduleOptions = scheduleOptions.parse({})): Schedule {
  const { timezone, delay, jitter, allowedLateness } = options;
  const startMs = options.start === undefined ? undefined : parseInstant(options.start, timezone);
  const endMs = options.end === undefined ? undefined : parseInstant(options.end, timezone);
  const kind = kindOf(options);
  const ticks = ticksOf(options, startMs);
  const mode = intervalModeOf(options);

  const occurrenceAt = (tickMs: number): Occurrence => {
    const fireAtMs = tickMs + delay + jitterOf(jobName, tickMs, jitter);
    const interval = intervalOf(ticks, mode, tickMs, startMs);
    const rerunAtMs = allowedLateness === undefined || interval === undefined ? undefined : fireAtMs + allowedLateness;
    return { scheduledForMs: tickMs, fireAtMs, interval, rerunAtMs };
  };
  const isTooEarly = ({ scheduledForMs, interval }: Occurrence) =>
    startMs !== undefined && (interval?.startMs ?? scheduledForMs) < startMs;
  const isTooLate = ({ scheduledForMs, interval }: Occurrence) =>
    endMs !== undefined && (interval?.endMs ?? scheduledForMs + 1) > endMs;

  const next = (afterMs: number): Occurrence | undefined => {
    let tick = ticks.next(Math.max(afterMs, (startMs ?? -Infinity) - 1));
    while (tick !== undefined) {
      const occurrence = occurrenceAt(tick);
      if (isTooLate(occurrence)) return undefined;
      if (!isTooEarly(occurrence)) return occurrence;
      tick = ticks.next(tick);
    }
    return undefined;
  };
  const previous = (beforeMs: number): Occurrence | undefined => {
    let tick = ticks.previous(Math.min(beforeMs, (endMs ?? Infinity) + 1));
    while (tick !== undefined) {
      const occurrence = occurrenceAt(tick);
      if (isTooEarly(occurrence)) return undefined;
      if (!isTooLate(occurrence)) return occurrence;
      tick = ticks.previous(tick);
    }
    return undefined;
  };
  function* between(fromMs: number, toMs: number): Iterable<Occurrence> {
    for (let one = next(fromMs - 1); one !== undefined && one.scheduledForMs < toMs; one = next(one.scheduledForMs)) {
      yield one;
    }
  }
  return { kind, options, ticks, startMs, next, previous, between };
}

/** What a tick covers, where the schedule alone says it. */
export function intervalOf(
  ticks: Ticks,
  mode: ScheduleOptions['interval'],
  tickMs: number,
  startMs: number | undefined,
): DataInterval | undefined {
  if (typeof mode === 'number') return { startMs: tickMs - mode, endMs: tickMs };
  if (mode !== 'previousTick') return undefined;
  // The very first tick of a schedule covers all that was before.
  return { startMs: ticks.previous(tickMs) ?? startMs ?? 0, endMs: tickMs };
}

export function intervalModeOf(options: ScheduleOptions): ScheduleOptions['interval'] {
  const kind = kindOf(options);
  return options.interval ?? (kind === 'cron' || kind === 'every' ? 'previousTick' : 'none');
}

function kindOf(options: ScheduleOptions): Schedule['kind'] {
  return (['cron', 'every', 'at', 'after'] as const).find((kind) => options[kind] !== undefined) ?? 'manual';
}

function ticksOf(options: ScheduleOptions, startMs: number | undefined): Ticks {
  const { cron, every, at, anchor, timezone } = options;
  if (every !== undefined) {
    return everyTicks(every, anchor === undefined ? (startMs ?? 0) : parseInstant(anchor, timezone));
  }
  if (at !== undefined) return listedTicks(at.map((text) => parseInstant(text, timezone)));
  if (cron === undefined) return noTicks;
  const expressions = typeof cron === 'string' ? [cron] : cron;
  return mergedTicks(expressions.map((text) => cronTicks(parseCron(text), options)));
}

export function cronTicks(
  expression: CronExpression | EveryExpression,
  { timezone, gap, fold }: Pick<ScheduleOptions, 'timezone' | 'gap' | 'fold'>,
): Ticks {
  if ('everyMs' in expression) return everyTicks(expression.everyMs, 0);
  const calendar = createCalendar(expression);
  // 30 February: known once, so that nobody looks for it again.
  if (calendar.next(-1) === undefined) return noTicks;
  return wallTicks(calendar, openZone(timezone), { isFixed: expression.isFixed, gap, fold });
}
