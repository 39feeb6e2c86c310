/**
 * What is due: the one decision that a tick, a restart, an un-pause and a jump of the clock all come to.
 *
 * A job's cursor is the instant up to which occurrences were decided; each later one that should have fired by now
 * either runs or is suppressed with a reason, and the cursor moves past it.
 */
import { intervalSinceSuccess } from './ranges.ts';
import type { Occurrence, Schedule } from './schedule.ts';

export type SuppressionReason =
  /** `catchUp: none`: it was missed. */
  | 'catchUpNone'
  /** `catchUp: latest`: a later one runs. */
  | 'catchUpLatest'
  /** `catchUp: coalesce`: a later one covers its data too. */
  | 'coalesced'
  /** Older than `catchUpMaxAge`. */
  | 'catchUpMaxAge'
  /** More than `catchUpMaxRuns` later ones were missed too. */
  | 'catchUpMaxRuns'
  /** `sinceLastSuccess`: a run that succeeded covers its data. */
  | 'alreadyCovered';

export interface Suppression {
  readonly occurrence: Occurrence;
  readonly reason: SuppressionReason;
  /** The last occurrence that this entry stands for: itself, but where very many were missed. */
  readonly untilMs: number;
}

export interface Decision {
  /** In the order of their instants. */
  readonly due: readonly Occurrence[];
  readonly suppressed: readonly Suppression[];
  /** To be stored in the transaction that adds the runs. */
  readonly cursorMs: number;
  /** When to ask again; undefined when the schedule has ended. */
  readonly nextFireAtMs: number | undefined;
}

export interface DueState {
  /** For `sinceLastSuccess`: the end of the interval of the last run that succeeded. */
  readonly lastSuccessEndMs?: number | undefined;
}

/** An occurrence is on time until then, or until half way to the next one: after that it was missed. */
const ON_TIME_MS = 60_000;
/** A clock that went back less is waited for; more, and the schedule goes on from the new time. */
const LONGEST_WAIT_FOR_CLOCK_MS = 3_600_000;
/** Missed occurrences that are listed one by one, if no more of them run. */
const MAX_LISTED = 1000;

/** Where a job that was never scheduled begins: now, or with the past that its `start` asks for. */
export function initialCursor(schedule: Schedule, nowMs: number): number {
  return schedule.startMs === undefined ? nowMs : Math.min(nowMs, schedule.startMs - 1);
}

/** Decides all that should have fired by `nowMs`. Fires in order: a jitter never lets one overtake another. */
export function dueOccurrences(schedule: Schedule, cursorMs: number, now: number, state: DueState = {}): Decision {
  const { delay, jitter } = schedule.options;
  // A clock gives fractions of a millisecond; half of one before its time, nothing is due.
  const nowMs = Math.floor(now);
  const hasClockGoneBack = cursorMs - nowMs > LONGEST_WAIT_FOR_CLOCK_MS;
  // What fires again has the key of a run that exists already, so it is not added twice.
  const fromMs = hasClockGoneBack ? nowMs - delay - jitter : cursorMs;
  const backlog = collect(schedule, fromMs, nowMs);
  return {
    ...settleSinceLastSuccess(schedule, decide(schedule, backlog, fromMs, nowMs), state),
    cursorMs: backlog.recent.at(-1)?.scheduledForMs ?? fromMs,
    nextFireAtMs: backlog.upcoming?.fireAtMs,
  };
}

interface Backlog {
  /** The part that is too long to list: its first, and the instant of its last. */
  readonly older: Pick<Suppression, 'occurrence' | 'untilMs'> | undefined;
  readonly recent: readonly Occurrence[];
  /** The first that is not due yet. */
  readonly upcoming: Occurrence | undefined;
}

function collect(schedule: Schedule, cursorMs: number, nowMs: number): Backlog {
  const { delay, jitter, catchUp, catchUpMaxRuns } = schedule.options;
  const limit = catchUp === 'all' ? Math.max(MAX_LISTED, catchUpMaxRuns) : MAX_LISTED;
  const recent: Occurrence[] = [];
  // Up to here everything is due whatever its jitter; from the newest back, so that years cost no more than the limit.
  let before = schedule.previous(nowMs - delay - jitter + 1);
  while (before !== undefined && before.scheduledForMs > cursorMs && recent.length < limit) {
    recent.push(before);
    before = schedule.previous(before.scheduledForMs);
  }
  recent.reverse();
  const isCut = before !== undefined && before.scheduledForMs > cursorMs;
  const first = isCut ? schedule.next(cursorMs) : undefined;
  const older = first && before && { occurrence: first, untilMs: before.scheduledForMs };

  let upcoming = schedule.next(Math.max(cursorMs, recent.at(-1)?.scheduledForMs ?? -Infinity));
  while (upcoming !== undefined && upcoming.fireAtMs <= nowMs) {
    recent.push(upcoming);
    upcoming = schedule.next(upcoming.scheduledForMs);
  }
  return { older, recent, upcoming };
}

type Verdict = Pick<Decision, 'due' | 'suppressed'>;

function decide(schedule: Schedule, backlog: Backlog, cursorMs: number, nowMs: number): Verdict {
  const { catchUp, catchUpMaxAge = Infinity, catchUpMaxRuns } = schedule.options;
  const { older, recent } = backlog;
  const missedCount = countMissed(backlog, nowMs);
  if (missedCount === 0) return { due: recent, suppressed: [] };
  const missed = recent.slice(0, missedCount);
  const onTime = recent.slice(missedCount);
  const young = missed.filter(({ scheduledForMs }) => nowMs - scheduledForMs <= catchUpMaxAge);
  const old = missed.slice(0, missed.length - young.length);
  const candidates = [...young, ...onTime];
  const latest = candidates.at(-1);
  const tooOld = suppress(old, 'catchUpMaxAge');
  const olderThanListed = (reason: SuppressionReason): readonly Suppression[] =>
    older === undefined ? [] : [{ ...older, reason: old.length > 0 ? 'catchUpMaxAge' : reason }];

  if (catchUp === 'none') {
    return { due: onTime, suppressed: [...olderThanListed('catchUpNone'), ...suppress(missed, 'catchUpNone')] };
  }
  if (catchUp === 'all') {
    const tooMany = suppress(young.slice(0, -catchUpMaxRuns), 'catchUpMaxRuns');
    const due = [...young.slice(-catchUpMaxRuns), ...onTime];
    return { due, suppressed: [...olderThanListed('catchUpMaxRuns'), ...tooOld, ...tooMany] };
  }
  const isCoalesced = catchUp === 'coalesce';
  const reason = isCoalesced ? 'coalesced' : 'catchUpLatest';
  const suppressed = [...olderThanListed(reason), ...tooOld, ...suppress(candidates.slice(0, -1), reason)];
  if (latest === undefined) return { due: [], suppressed };
  if (!isCoalesced) return { due: [latest], suppressed };
  const first = schedule.next(Math.max(cursorMs, nowMs - catchUpMaxAge - 1));
  return { due: [coalesce(first ?? latest, latest)], suppressed };
}

function countMissed({ recent, upcoming }: Backlog, nowMs: number): number {
  const firstOnTime = recent.findIndex(({ scheduledForMs, fireAtMs }, index) => {
    const following = recent[index + 1] ?? upcoming;
    const halfWayMs = following === undefined ? Infinity : (following.scheduledForMs - scheduledForMs) / 2;
    return nowMs - fireAtMs <= Math.min(ON_TIME_MS, halfWayMs);
  });
  return firstOnTime < 0 ? recent.length : firstOnTime;
}

function suppress(occurrences: readonly Occurrence[], reason: SuppressionReason): readonly Suppression[] {
  return occurrences.map((occurrence) => ({ occurrence, reason, untilMs: occurrence.scheduledForMs }));
}

/** One run at the last instant, over the data of all. */
function coalesce(first: Occurrence, last: Occurrence): Occurrence {
  if (first.interval === undefined || last.interval === undefined) return last;
  return { ...last, interval: { startMs: first.interval.startMs, endMs: last.interval.endMs } };
}

/** Only what has succeeded says where `sinceLastSuccess` starts, so only one run of several is of use. */
function settleSinceLastSuccess(schedule: Schedule, verdict: Verdict, { lastSuccessEndMs }: DueState): Verdict {
  const last = verdict.due.at(-1);
  if (last === undefined || schedule.options.interval !== 'sinceLastSuccess') return verdict;
  const endMs = last.scheduledForMs;
  const interval = intervalSinceSuccess(schedule, endMs, lastSuccessEndMs);
  const suppressed = [...verdict.suppressed, ...suppress(verdict.due.slice(0, -1), 'coalesced')];
  if (interval === undefined) {
    return { due: [], suppressed: [...suppressed, ...suppress([last], 'alreadyCovered')] };
  }
  const { allowedLateness } = schedule.options;
  const rerunAtMs = allowedLateness === undefined ? undefined : last.fireAtMs + allowedLateness;
  return { due: [{ ...last, interval, rerunAtMs }], suppressed };
}
