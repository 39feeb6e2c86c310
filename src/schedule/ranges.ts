/** Intervals that no tick asked for: what a backfill runs, and what a run by hand covers. */
import type { DataInterval } from '../core/data-interval.ts';
import { ServeryError } from '../core/errors.ts';
import { intervalModeOf, intervalOf, type Schedule } from './schedule.ts';

/** More than ten years of hours. */
const MAX_INTERVALS = 100_000;

/**
 * The intervals of a schedule that lie within `range`, in order. They are the ones that its runs have, so a backfill
 * replaces what they wrote. A job without a calendar of intervals has the range itself.
 *
 * @throws {ServeryError} `USAGE` when there are more than 100,000
 */
export function intervalsOfRange(schedule: Schedule, range: DataInterval): readonly DataInterval[] {
  const mode = intervalModeOf(schedule.options);
  if (schedule.kind === 'manual' || schedule.kind === 'after' || mode === 'none' || mode === 'sinceLastSuccess') {
    return [range];
  }
  const intervals: DataInterval[] = [];
  let tick = schedule.ticks.next(range.startMs);
  while (tick !== undefined && tick <= range.endMs) {
    const interval = intervalOf(schedule.ticks, mode, tick, schedule.startMs);
    if (interval !== undefined && interval.startMs >= range.startMs) intervals.push(interval);
    if (intervals.length > MAX_INTERVALS) {
      throw new ServeryError('USAGE', `The range has more than ${MAX_INTERVALS} intervals of this schedule`, {
        hint: 'Split it into several shorter ranges.',
      });
    }
    tick = schedule.ticks.next(tick);
  }
  return intervals;
}

/** What a run by hand covers when nobody says: the last interval that is complete; undefined where there is none. */
export function intervalOfManualRun(
  schedule: Schedule,
  nowMs: number,
  lastSuccessEndMs?: number,
): DataInterval | undefined {
  const mode = intervalModeOf(schedule.options);
  if (mode === 'sinceLastSuccess') return intervalSinceSuccess(schedule, Math.floor(nowMs), lastSuccessEndMs);
  const tick = schedule.ticks.previous(Math.floor(nowMs) + 1);
  return tick === undefined ? undefined : intervalOf(schedule.ticks, mode, tick, schedule.startMs);
}

/** From the end of the last interval that succeeded; before the first success, from the tick before. */
export function intervalSinceSuccess(
  schedule: Schedule,
  endMs: number,
  lastSuccessEndMs: number | undefined,
): DataInterval | undefined {
  const startMs = lastSuccessEndMs ?? schedule.ticks.previous(endMs) ?? schedule.startMs ?? 0;
  return startMs < endMs ? { startMs, endMs } : undefined;
}
