/**
 * Decides what a job that runs after another one does: a run for each success of that one, over the same interval
 * and for the same cause. Pure.
 *
 * Its cursor is the id of the last event that it has followed, so a success is neither missed nor followed twice.
 */
import type { CursorMove, ScheduleEntry, ScheduleState, SuppressedOccurrence } from '../engine/engine.ts';
import type { EngineEvent } from '../engine/events.ts';
import type { NewRun, Run } from '../engine/run.ts';
import { decideOverlap } from '../schedule/overlap.ts';
import type { TickerJob } from './tick-plan.ts';

/** A run of the job that is followed, and the event that told of its success. */
export interface Success {
  readonly event: EngineEvent;
  readonly run: Run;
}

/** What is older than this when it is seen was missed: `catchUp` decides. */
const MISSED_MS = 60_000;

export function planFollower(
  job: TickerJob,
  state: ScheduleState,
  successes: readonly Success[],
  cursor: Omit<CursorMove, 'of'>,
  nowMs: number,
): ScheduleEntry {
  const { catchUp, overlap } = job.schedule.options;
  const missed = successes.filter(({ event }) => nowMs - event.atMs > MISSED_MS);
  const keptCount = catchUp === 'none' ? 0 : catchUp === 'latest' ? 1 : missed.length;
  const dropped = missed.slice(0, Math.max(0, missed.length - keptCount));
  const suppressed = dropped.map((success) => suppress(success, catchUp === 'none' ? 'catchUpNone' : 'catchUpLatest'));

  let followed: Success[] = [];
  let cancelOthers: ScheduleEntry['cancelOthers'];
  for (const success of successes.slice(dropped.length)) {
    const queued = state.active.waiting + followed.length;
    const decision = decideOverlap(overlap, { queued, running: state.active.running });
    if (decision === 'skip') {
      suppressed.push(suppress(success, 'overlap'));
      continue;
    }
    if (decision === 'cancelOthers' || decision === 'terminateOthers') {
      cancelOthers = decision === 'cancelOthers' ? 'cancel' : 'terminate';
      suppressed.push(...followed.map((other) => suppress(other, 'overlap')));
      followed = [];
    }
    followed.push(success);
  }
  const runs = followed.map((success) => follow(job, success));
  return { job: job.name, cursor: { of: 'event', ...cursor }, runs, suppressed, cancelOthers };
}

function follow({ name, definitionHash }: TickerJob, success: Success): NewRun {
  const { interval, cause } = success.run;
  return { job: name, interval, scheduledForMs: instantOf(success), cause, definitionHash };
}

function suppress(success: Success, reason: string): SuppressedOccurrence {
  return { scheduledForMs: instantOf(success), interval: success.run.interval, reason };
}

function instantOf({ run, event }: Success): number {
  return run.scheduledForMs ?? event.atMs;
}
