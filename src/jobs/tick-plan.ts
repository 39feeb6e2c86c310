/**
 * Decides what a job's schedule does now: which runs it adds, what it suppresses, where its cursor goes. Pure: a tick,
 * a restart, an un-pause and a clock that jumps all come here, and to nothing else.
 */
import type { ScheduleEntry, ScheduleState, SuppressedOccurrence } from '../engine/engine.ts';
import type { NewRun } from '../engine/run.ts';
import { dueOccurrences, initialCursor, type Suppression } from '../schedule/due.ts';
import { decideOverlap } from '../schedule/overlap.ts';
import type { Occurrence, Schedule } from '../schedule/schedule.ts';

/** What the ticker needs of a job. */
export interface TickerJob {
  readonly name: string;
  readonly definitionHash: string;
  readonly schedule: Schedule;
}

export interface JobPlan {
  /** Undefined when nothing is due. */
  readonly entry: ScheduleEntry | undefined;
  /** When to ask again; undefined when that is never by time alone. */
  readonly nextFireAtMs: number | undefined;
}

/** For jobs whose schedule is one of time. */
export function planJob(job: TickerJob, state: ScheduleState, nowMs: number): JobPlan {
  const { schedule } = job;
  if (state.isPaused) return { entry: undefined, nextFireAtMs: undefined };
  const cursorMs = state.cursorMs ?? initialCursor(schedule, state.firstSeenMs);
  const decision = dueOccurrences(schedule, cursorMs, nowMs, { lastSuccessEndMs: state.lastSuccessEndMs });
  const { nextFireAtMs } = decision;
  const isIdle = decision.due.length + decision.suppressed.length === 0 && decision.cursorMs === cursorMs;
  if (isIdle) return { entry: undefined, nextFireAtMs };

  const { started, skipped, cancelOthers } = applyOverlap(schedule, decision.due, state);
  const entry: ScheduleEntry = {
    job: job.name,
    cursor: { of: 'instant', from: state.cursorMs, to: decision.cursorMs },
    runs: started.flatMap((occurrence) => runsOf(job, occurrence)),
    suppressed: [...decision.suppressed.map(missed), ...skipped],
    cancelOthers,
  };
  return { entry, nextFireAtMs };
}

interface Overlap {
  readonly started: readonly Occurrence[];
  readonly skipped: readonly SuppressedOccurrence[];
  readonly cancelOthers: 'cancel' | 'terminate' | undefined;
}

function applyOverlap(schedule: Schedule, due: readonly Occurrence[], { active }: ScheduleState): Overlap {
  const { overlap, catchUp } = schedule.options;
  // Whoever wants all that were missed wants them one after the other, not the first of them only.
  const policy = catchUp === 'all' && due.length > 1 && overlap !== 'allow' ? 'bufferAll' : overlap;
  let started: Occurrence[] = [];
  const skipped: SuppressedOccurrence[] = [];
  let cancelOthers: Overlap['cancelOthers'];
  for (const occurrence of due) {
    const decision = decideOverlap(policy, { queued: active.waiting + started.length, running: active.running });
    if (decision === 'skip') {
      skipped.push(suppress(occurrence, 'overlap'));
      continue;
    }
    if (decision === 'cancelOthers' || decision === 'terminateOthers') {
      cancelOthers = decision === 'cancelOthers' ? 'cancel' : 'terminate';
      // What this very tick would have started is not begun at all.
      skipped.push(...started.map((other) => suppress(other, 'overlap')));
      started = [];
    }
    started.push(occurrence);
  }
  return { started, skipped, cancelOthers };
}

function runsOf({ name, definitionHash }: TickerJob, occurrence: Occurrence): readonly NewRun[] {
  const { scheduledForMs, interval, rerunAtMs } = occurrence;
  const run: NewRun = { job: name, interval, scheduledForMs, cause: 'schedule', definitionHash };
  if (rerunAtMs === undefined) return [run];
  return [run, { ...run, cause: 'late/1', notBeforeMs: rerunAtMs }];
}

function missed({ occurrence, reason, untilMs }: Suppression): SuppressedOccurrence {
  return { ...suppress(occurrence, reason), untilMs };
}

function suppress({ scheduledForMs, interval }: Occurrence, reason: string): SuppressedOccurrence {
  return { scheduledForMs, interval, reason };
}
