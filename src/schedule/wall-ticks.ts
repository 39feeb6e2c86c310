/**
 * The instants at which the wall clock of a zone shows what a cron expression names.
 *
 * Where a star stands in the time of day, the real clock is followed: a time that does not exist never comes, one
 * that comes twice fires twice. A fixed time (`30 2 * * *`) is a promise for the day: in a gap it fires
 * once, right after the jump; in a fold, at the first of the two. `gap` and `fold` choose otherwise.
 */
import type { Calendar } from './calendar.ts';
import type { ScheduleOptions } from './options.ts';
import { greatest, least, type Ticks } from './ticks.ts';
import type { Span, Zone } from './zone.ts';

export interface ClockChangePolicy {
  readonly isFixed: boolean;
  readonly gap: ScheduleOptions['gap'];
  readonly fold: ScheduleOptions['fold'];
}

const DAY_MS = 86_400_000;

export function wallTicks(calendar: Calendar, zone: Zone, policy: ClockChangePolicy): Ticks {
  return {
    next(afterMs) {
      let after = afterMs;
      for (;;) {
        const span = zone.spanAt(after + 1);
        const tick = firstIn(span, after, calendar, policy);
        if (tick !== undefined) return tick;
        // No zone is a day away from another, so nothing is passed over.
        const reading = calendar.next(span.endMs - DAY_MS);
        if (reading === undefined) return undefined;
        after = Math.max(span.endMs - 1, reading - DAY_MS);
      }
    },
    previous(beforeMs) {
      let before = beforeMs;
      for (;;) {
        const span = zone.spanAt(before - 1);
        const tick = lastIn(span, before, calendar, policy);
        if (tick !== undefined) return tick;
        const reading = calendar.previous(span.startMs + DAY_MS);
        if (reading === undefined) return undefined;
        before = Math.min(span.startMs, reading + DAY_MS);
      }
    },
  };
}

/** The first tick in `(afterMs, span.endMs)`. */
function firstIn(span: Span, afterMs: number, calendar: Calendar, policy: ClockChangePolicy): number | undefined {
  const { startMs, endMs, offsetMs } = span;
  const { from, to } = realTimes(span, policy);
  const real = calendar.next(Math.max(afterMs, from - 1) + offsetMs);
  const candidates = [real === undefined || real - offsetMs >= to ? undefined : real - offsetMs];
  const gap = gapReadings(span, policy);
  if (gap !== undefined && policy.gap === 'shift') {
    const jumped = firstReading(calendar, gap, afterMs + 1 + gap.offsetMs);
    if (jumped !== undefined) candidates.push(jumped - gap.offsetMs);
  } else if (gap !== undefined && startMs > afterMs && firstReading(calendar, gap, gap.from) !== undefined) {
    candidates.push(startMs);
  }
  const tick = least(candidates);
  return tick === undefined || tick >= endMs ? undefined : tick;
}

/** The last tick in `[span.startMs, beforeMs)`. */
function lastIn(span: Span, beforeMs: number, calendar: Calendar, policy: ClockChangePolicy): number | undefined {
  const { startMs, endMs, offsetMs } = span;
  const { from, to } = realTimes(span, policy);
  const real = calendar.previous(Math.min(beforeMs, to) + offsetMs);
  const candidates = [real === undefined || real - offsetMs < from ? undefined : real - offsetMs];
  const gap = gapReadings(span, policy);
  if (gap !== undefined) {
    if (policy.gap === 'shift') {
      const jumped = calendar.previous(Math.min(gap.to, Math.min(beforeMs, endMs) + gap.offsetMs));
      if (jumped !== undefined && jumped >= gap.from) candidates.push(jumped - gap.offsetMs);
    } else if (startMs < beforeMs && firstReading(calendar, gap, gap.from) !== undefined) candidates.push(startMs);
  }
  return greatest(candidates);
}

/** The part `[from, to)` of a span in which a reading counts: a fold is in the spans on both of its sides. */
function realTimes(span: Span, { isFixed, fold }: ClockChangePolicy): { from: number; to: number } {
  const { startMs, endMs, offsetMs, offsetBeforeMs, offsetAfterMs } = span;
  const isFirstOnly = isFixed && fold === 'first';
  const isSecondOnly = isFixed && fold === 'second';
  return {
    from: isFirstOnly ? startMs + Math.max(0, offsetBeforeMs - offsetMs) : startMs,
    to: isSecondOnly ? endMs - Math.max(0, offsetMs - offsetAfterMs) : endMs,
  };
}

interface GapReadings {
  readonly from: number;
  readonly to: number;
  /** The offset under which the readings would have come. */
  readonly offsetMs: number;
}

/** The readings `[from, to)` that the clock jumped over when the span began. */
function gapReadings(span: Span, { isFixed, gap }: ClockChangePolicy): GapReadings | undefined {
  const { startMs, offsetMs, offsetBeforeMs } = span;
  const jumpMs = offsetMs - offsetBeforeMs;
  // A day that the calendar of a zone leaves out (Samoa, 30 December 2011) never was: nothing is made up for.
  if (!isFixed || gap === 'skip' || jumpMs <= 0 || jumpMs >= DAY_MS) return undefined;
  return { from: startMs + offsetBeforeMs, to: startMs + offsetMs, offsetMs: offsetBeforeMs };
}

function firstReading(calendar: Calendar, gap: GapReadings, from: number): number | undefined {
  const reading = calendar.next(Math.max(from, gap.from) - 1);
  return reading === undefined || reading >= gap.to ? undefined : reading;
}
