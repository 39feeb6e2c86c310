/** Runs as doors show them: the engine's records in the forms of job-api.ts. */
import { formatInstant, type DataInterval } from '../core/data-interval.ts';
import type { Json } from '../core/json.ts';
import type { Backfill } from '../engine/backfill.ts';
import type { EngineEvent } from '../engine/events.ts';
import type { Suppressed } from '../engine/job-state.ts';
import type { Attempt, Run, RunError, StoredStep } from '../engine/run.ts';
import type { WaitReason } from '../engine/waiting.ts';
import type { Occurrence } from '../schedule/schedule.ts';
import type {
  AttemptView,
  BackfillView,
  IntervalView,
  JobEvent,
  OccurrenceView,
  Rows,
  RunFailure,
  RunSummary,
  StepView,
  SuppressedView,
  Waiting,
} from './job-api.ts';
import { waitingText } from './waiting-text.ts';

export function viewRun(run: Run): RunSummary {
  const { id, job, state, cause, attempt } = run;
  return {
    id,
    job,
    state,
    cause,
    interval: viewInterval(run.interval),
    scheduledFor: instantOrNull(run.scheduledForMs),
    createdAt: formatInstant(run.createdMs),
    startedAt: instantOrNull(run.startedMs),
    finishedAt: instantOrNull(run.finishedMs),
    attempt,
    rows: readOutcome(run.result).rows,
    error: viewError(run.error),
  };
}

/** What a step or a run left, as far as people ask for it. */
export interface OutcomeView {
  readonly rows: Rows | null;
  readonly model: { readonly name: string; readonly version: number } | null;
  readonly outputs: readonly string[];
  readonly badRows: readonly string[];
}

/** Reads what `StepOutcome` has; a member that is not there, or came from an older release, is left out. */
export function readOutcome(json: Json | undefined): OutcomeView {
  const { rows, model, outputs, badRows } = asObject(json);
  const counts = asObject(rows);
  const { name, version } = asObject(model);
  const isCounted = [counts.in, counts.out, counts.bad].every((count) => typeof count === 'number');
  return {
    rows: isCounted ? (counts as unknown as Rows) : null,
    model: typeof name === 'string' && typeof version === 'number' ? { name, version } : null,
    outputs: textsOf(outputs),
    badRows: textsOf(badRows),
  };
}

export function viewAttempt({ attempt, state, worker, startedMs, finishedMs, error }: Attempt): AttemptView {
  return {
    attempt,
    state,
    worker,
    startedAt: formatInstant(startedMs),
    finishedAt: instantOrNull(finishedMs),
    error: viewError(error),
  };
}

export function viewStep(step: StoredStep, chunks: StepView['chunks']): StepView {
  return {
    name: step.step,
    attempt: step.attempt,
    state: step.state,
    startedAt: instantOrNull(step.startedMs),
    finishedAt: instantOrNull(step.finishedMs),
    ...readOutcome(step.details),
    chunks,
    error: viewError(step.error),
    result: step.result ?? null,
    details: asObject(step.details).details ?? null,
  };
}

/** A step of the definition that has not begun. */
export function viewComingStep(name: string): StepView {
  const nothing = { attempt: null, startedAt: null, finishedAt: null, chunks: null, error: null };
  return { name, state: 'waiting', ...nothing, ...readOutcome(undefined), result: null, details: null };
}

export function viewWaiting(reasons: readonly WaitReason[], isWaiting: boolean): readonly Waiting[] {
  const waiting = reasons.flatMap((reason): Waiting[] => {
    const message = waitingText(reason);
    return message === undefined ? [] : [{ kind: reason.kind, message }];
  });
  if (waiting.length > 0 || !isWaiting) return waiting;
  return [{ kind: 'next', message: 'nothing is in its way: a worker takes it at any moment' }];
}

export function viewOccurrence({ scheduledForMs, fireAtMs, interval }: Occurrence): OccurrenceView {
  return {
    scheduledFor: formatInstant(scheduledForMs),
    firesAt: formatInstant(fireAtMs),
    interval: viewInterval(interval),
  };
}

export function viewSuppressed(suppressed: Suppressed): SuppressedView {
  const { scheduledForMs, intervalStartMs: startMs, intervalEndMs: endMs, reason } = suppressed;
  const interval = startMs === undefined || endMs === undefined ? undefined : { startMs, endMs };
  return {
    scheduledFor: formatInstant(scheduledForMs),
    until: formatInstant(suppressed.untilMs),
    interval: viewInterval(interval),
    reason,
  };
}

export function viewBackfill(backfill: Backfill): BackfillView {
  const { id, job, state, note, order, parallel, reprocess, params, priority, intervals } = backfill;
  return {
    id,
    job,
    state,
    note: note ?? null,
    range: viewInterval(backfill.range),
    order,
    parallel,
    reprocess,
    params,
    priority,
    createdAt: formatInstant(backfill.createdMs),
    finishedAt: instantOrNull(backfill.finishedMs),
    intervals,
  };
}

export function viewEvent({ id, atMs, kind, job, runId, data }: EngineEvent): JobEvent {
  return { id, at: formatInstant(atMs), kind, job: job ?? null, run: runId ?? null, data };
}

export function viewInterval(interval: DataInterval): IntervalView;
export function viewInterval(interval: DataInterval | undefined): IntervalView | null;
export function viewInterval(interval: DataInterval | undefined): IntervalView | null {
  if (interval === undefined) return null;
  return { start: formatInstant(interval.startMs), end: formatInstant(interval.endMs) };
}

function viewError(error: RunError | undefined): RunFailure | null {
  return error === undefined ? null : { code: error.code, message: error.message };
}

function instantOrNull(instantMs: number | undefined): string | null {
  return instantMs === undefined ? null : formatInstant(instantMs);
}

function asObject(json: unknown): Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null ? (json as Readonly<Record<string, unknown>>) : {};
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}
