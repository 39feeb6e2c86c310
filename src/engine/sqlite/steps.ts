/** What an attempt leaves behind while it runs: steps, plans, committed chunks. All of it is fenced by the lease. */
import { ServeryError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import type { Lease, StepRecord, StoredChunk, StoredStep } from '../run.ts';
import { leasedRow, runRow } from './run-rows.ts';
import { jsonText, parsed, type Store } from './store.ts';

export function confirmLease(store: Store, lease: Lease): void {
  leasedRow(store, lease);
}

export function setPinned(store: Store, lease: Lease, facts: Readonly<Record<string, Json>>): void {
  const row = leasedRow(store, lease);
  const pinned = { ...(JSON.parse(row.pinned) as Record<string, Json>), ...facts };
  store.sql.run('UPDATE runs SET pinned = ? WHERE seq = ?', jsonText(pinned, 'pinned'), row.seq);
}

export function recordStep(store: Store, lease: Lease, record: StepRecord): void {
  const { seq, attempt } = leasedRow(store, lease);
  store.sql.run(
    `INSERT INTO steps (run_seq, attempt, step, position, state, started_ms, finished_ms, result, details, error_code,
       error_message)
     VALUES (?1, ?2, ?3, (SELECT count(*) FROM steps WHERE run_seq = ?1 AND attempt = ?2), ?4, ?5, ?6, ?7, ?8, ?9, ?10)
     ON CONFLICT (run_seq, attempt, step) DO UPDATE SET state = excluded.state,
       started_ms = coalesce(excluded.started_ms, started_ms), finished_ms = excluded.finished_ms,
       result = excluded.result, details = excluded.details, error_code = excluded.error_code,
       error_message = excluded.error_message`,
    seq,
    attempt,
    record.step,
    record.state,
    record.startedMs,
    record.finishedMs,
    record.result === undefined ? undefined : jsonText(record.result, 'result'),
    record.details === undefined ? undefined : jsonText(record.details, 'details'),
    record.error?.code,
    record.error?.message,
  );
}

export function steps(store: Store, runId: string): StoredStep[] {
  const { seq } = runRow(store, runId);
  return store.sql.all<StepRow>('SELECT * FROM steps WHERE run_seq = ? ORDER BY attempt, position', seq).map(toStep);
}

interface StepRow {
  readonly attempt: number;
  readonly step: string;
  readonly state: StepRecord['state'];
  readonly started_ms: number | null;
  readonly finished_ms: number | null;
  readonly result: string | null;
  readonly details: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
}

function toStep(row: StepRow): StoredStep {
  const result = parsed(row.result);
  const details = parsed(row.details);
  return {
    attempt: row.attempt,
    step: row.step,
    state: row.state,
    ...(row.started_ms !== null && { startedMs: row.started_ms }),
    ...(row.finished_ms !== null && { finishedMs: row.finished_ms }),
    ...(result !== undefined && { result }),
    ...(details !== undefined && { details }),
    ...(row.error_code !== null && { error: { code: row.error_code, message: row.error_message ?? '' } }),
  };
}

export function savePlan(store: Store, lease: Lease, step: string, plan: Json): void {
  const { seq } = leasedRow(store, lease);
  store.sql.run(
    'INSERT OR REPLACE INTO plans (run_seq, step, plan) VALUES (?, ?, ?)',
    seq,
    step,
    jsonText(plan, 'plan'),
  );
  store.sql.run('DELETE FROM chunks WHERE run_seq = ? AND step = ?', seq, step);
}

export function readPlan(store: Store, runId: string, step: string): Json | undefined {
  const { seq } = runRow(store, runId);
  const row = store.sql.get<{ plan: string }>('SELECT plan FROM plans WHERE run_seq = ? AND step = ?', seq, step);
  return row && parsed(row.plan);
}

export function commitChunk(store: Store, lease: Lease, step: string, index: number, record: Json): void {
  const { seq, attempt } = leasedRow(store, lease);
  const added = store.sql.run(
    `INSERT INTO chunks (run_seq, step, chunk, attempt, committed_ms, record) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    seq,
    step,
    index,
    attempt,
    store.nowMs,
    jsonText(record, 'chunk'),
  );
  if (added === 0) throw new ServeryError('CONFLICT', `Chunk ${index} of step ${step} was committed before`);
}

export function committedChunks(store: Store, runId: string, step: string): StoredChunk[] {
  const { seq } = runRow(store, runId);
  return store.sql
    .all<{ chunk: number; attempt: number; committed_ms: number; record: string }>(
      'SELECT chunk, attempt, committed_ms, record FROM chunks WHERE run_seq = ? AND step = ? ORDER BY chunk',
      seq,
      step,
    )
    .map((row) => ({
      step,
      index: row.chunk,
      attempt: row.attempt,
      committedMs: row.committed_ms,
      record: JSON.parse(row.record) as Json,
    }));
}
