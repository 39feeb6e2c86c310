/** Rows of `runs`, and the runs that they mean. */
import type { DataInterval } from '../../core/data-interval.ts';
import { quote, ServeryError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import type { Cause, Lease, Run, RunState } from '../run.ts';
import type { Store } from './store.ts';
import { parsed } from './store.ts';

export interface RunRow {
  readonly seq: number;
  readonly id: string;
  readonly job: string;
  readonly start_ms: number | null;
  readonly end_ms: number | null;
  readonly scheduled_for_ms: number | null;
  readonly cause: Cause;
  readonly backfill: string | null;
  readonly state: RunState;
  readonly attempt: number;
  readonly own_failures: number;
  readonly losses: number;
  readonly definition_hash: string;
  readonly params: string;
  readonly pool: string;
  readonly slots: number;
  readonly priority: number;
  readonly is_serial: number;
  readonly created_ms: number;
  readonly not_before_ms: number;
  readonly started_ms: number | null;
  readonly finished_ms: number | null;
  readonly worker: string | null;
  readonly expires_ms: number | null;
  readonly lease_ms: number | null;
  readonly cancel_ms: number | null;
  readonly cancel_reason: string | null;
  readonly cancel_force: number | null;
  readonly is_timed_out: number;
  readonly queue_by_ms: number | null;
  readonly start_by_ms: number | null;
  readonly finish_by_ms: number | null;
  readonly end_by_ms: number | null;
  readonly progress: string | null;
  readonly pinned: string;
  readonly result: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
}

export function toRun(row: RunRow): Run {
  return {
    id: row.id,
    sequence: row.seq,
    job: row.job,
    interval: intervalOf(row),
    scheduledForMs: row.scheduled_for_ms ?? undefined,
    cause: row.cause,
    state: row.state,
    attempt: row.attempt,
    definitionHash: row.definition_hash,
    params: JSON.parse(row.params) as Json,
    pool: row.pool,
    slots: row.slots,
    priority: row.priority,
    createdMs: row.created_ms,
    notBeforeMs: row.not_before_ms,
    startedMs: row.started_ms ?? undefined,
    finishedMs: row.finished_ms ?? undefined,
    worker: row.worker ?? undefined,
    cancel:
      row.cancel_ms === null
        ? undefined
        : { reason: row.cancel_reason ?? '', atMs: row.cancel_ms, force: row.cancel_force === 1 },
    progress: parsed(row.progress),
    pinned: JSON.parse(row.pinned) as Record<string, Json>,
    result: parsed(row.result),
    error: row.error_code === null ? undefined : { code: row.error_code, message: row.error_message ?? '' },
  };
}

function intervalOf(row: { start_ms: number | null; end_ms: number | null }): DataInterval | undefined {
  return row.start_ms === null || row.end_ms === null ? undefined : { startMs: row.start_ms, endMs: row.end_ms };
}

/** @throws {ServeryError} `RUN_NOT_FOUND` */
export function runRow({ sql }: Store, runId: string): RunRow {
  const row = sql.get<RunRow>('SELECT * FROM runs WHERE id = ?', runId);
  if (row === undefined) throw new ServeryError('RUN_NOT_FOUND', `No run has the id ${quote(runId)}`);
  return row;
}

export function runRowBySeq({ sql }: Store, seq: number): RunRow {
  return sql.get<RunRow>('SELECT * FROM runs WHERE seq = ?', seq)!;
}

/**
 * The run that a lease allows to act for.
 *
 * @throws {ServeryError} `LEASE_LOST`
 */
export function leasedRow({ sql }: Store, { runId, epoch }: Lease): RunRow {
  const row = sql.get<RunRow>('SELECT * FROM runs WHERE id = ?', runId);
  if (row?.state === 'running' && row.attempt === epoch) return row;
  throw new ServeryError('LEASE_LOST', `Attempt ${epoch} of run ${quote(runId)} is no longer the one that runs`);
}
