/** Adding a run, unless there is one for its key. */
import type { JobDefinition } from '../job-state.ts';
import { runId } from '../run-id.ts';
import type { NewRun, Run } from '../run.ts';
import { define } from './jobs.ts';
import { runRow, toRun, type RunRow } from './run-rows.ts';
import { jsonText, type Store } from './store.ts';

/** Adds a run by hand. */
export function addRun(store: Store, run: NewRun, definition?: JobDefinition): { run: Run; isNew: boolean } {
  if (definition !== undefined) define(store, definition);
  const isNew = insertRun(store, run) !== undefined;
  return { run: toRun(runRow(store, runId(run))), isNew };
}

/** @returns the id; undefined when there was a run for the key */
export function insertRun(store: Store, run: NewRun): string | undefined {
  const { sql, nowMs } = store;
  const policy = store.policy(run.definitionHash);
  const id = runId(run);
  const backfill = run.cause.startsWith('backfill/') ? run.cause.slice('backfill/'.length) : undefined;
  const notBeforeMs = run.notBeforeMs ?? nowMs;
  const { queueTimeoutMs, deadlines } = policy;
  const queueBy = queueTimeoutMs === undefined ? undefined : Math.max(nowMs, notBeforeMs) + queueTimeoutMs;
  // A backfill is of the past: it is late by its nature.
  const promisedMs = backfill === undefined ? (run.scheduledForMs ?? nowMs) : undefined;
  const startBy = sum(promisedMs, deadlines?.startWithinMs);
  const finishBy = sum(promisedMs, deadlines?.finishWithinMs);
  const added = sql.run(
    `INSERT INTO runs (id, job, start_ms, end_ms, scheduled_for_ms, cause, backfill, state, definition_hash, params, pool,
       slots, priority, is_serial, is_regular, created_ms, not_before_ms, queue_by_ms, start_by_ms, finish_by_ms, timer_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO NOTHING`,
    id,
    run.job,
    run.interval?.startMs,
    run.interval?.endMs,
    run.scheduledForMs,
    run.cause,
    backfill,
    run.definitionHash,
    run.params === undefined ? '{}' : jsonText(run.params, 'params'),
    policy.pool,
    policy.slots,
    run.priority ?? policy.priority,
    !policy.overlapping && backfill === undefined,
    backfill === undefined && !run.cause.startsWith('late/'),
    nowMs,
    notBeforeMs,
    queueBy,
    startBy,
    finishBy,
    least(queueBy, startBy, finishBy),
  );
  if (added === 0) return undefined;
  store.event('run.queued', { job: run.job, run: id }, { cause: run.cause });
  return id;
}

/** The next instant at which time alone changes something for the run. */
export function timerOf(row: Pick<RunRow, 'queue_by_ms' | 'start_by_ms' | 'finish_by_ms' | 'end_by_ms'>) {
  return least(row.queue_by_ms, row.start_by_ms, row.finish_by_ms, row.end_by_ms);
}

export function least(...instants: readonly (number | null | undefined)[]): number | undefined {
  const known = instants.filter((instant) => instant !== undefined && instant !== null);
  return known.length === 0 ? undefined : Math.min(...known);
}

export function sum(instantMs: number | undefined, durationMs: number | undefined): number | undefined {
  return instantMs === undefined || durationMs === undefined ? undefined : instantMs + durationMs;
}
