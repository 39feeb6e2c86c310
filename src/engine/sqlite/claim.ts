/** Giving waiting runs to workers, and hearing from those workers. */
import type { Json } from '../../core/json.ts';
import type { HeartbeatReply, HeartbeatReport, StopRequest, WorkerInfo } from '../engine.ts';
import type { ClaimedRun, Run } from '../run.ts';
import { least, timerOf } from './add-run.ts';
import { claimable } from './claimable.ts';
import { loseAttempt } from './end-attempt.ts';
import { thisProcess } from './processes.ts';
import { runRowBySeq, toRun, type RunRow } from './run-rows.ts';
import { jsonText, type Store } from './store.ts';

/** Asking for nothing must cost nothing: this alone is done before a transaction is begun. */
export function mayClaim(store: Store, worker: WorkerInfo, count: number): boolean {
  return claimable(store, Math.min(count, 1)).length > 0 || !isFresh(store, worker);
}

export function claim(store: Store, worker: WorkerInfo, count: number): ClaimedRun[] {
  noteWorker(store, worker);
  return claimable(store, count).map(({ seq }) => lease(store, runRowBySeq(store, seq), worker));
}

function lease(store: Store, row: RunRow, worker: WorkerInfo): ClaimedRun {
  const { sql, nowMs } = store;
  const attempt = row.attempt + 1;
  const { runTimeoutMs } = store.policy(row.definition_hash);
  const endBy = row.end_by_ms ?? (runTimeoutMs === undefined ? null : nowMs + runTimeoutMs);
  const timer = least(timerOf({ ...row, queue_by_ms: null, start_by_ms: null, end_by_ms: endBy }));
  sql.run(
    `UPDATE runs SET state = 'running', attempt = ?, worker = ?, expires_ms = ?, lease_ms = ?,
       started_ms = coalesce(started_ms, ?), queue_by_ms = NULL, start_by_ms = NULL, end_by_ms = ?, timer_ms = ?,
       error_code = NULL, error_message = NULL WHERE seq = ?`,
    attempt,
    worker.id,
    nowMs + worker.leaseMs,
    worker.leaseMs,
    nowMs,
    endBy,
    timer,
    row.seq,
  );
  sql.run(
    "INSERT INTO attempts (run_seq, attempt, worker, state, started_ms) VALUES (?, ?, ?, 'running', ?)",
    row.seq,
    attempt,
    worker.id,
    nowMs,
  );
  store.event('run.started', { job: row.job, run: row.id }, { attempt, worker: worker.id });
  const { spec } = sql.get<{ spec: string }>('SELECT spec FROM definitions WHERE hash = ?', row.definition_hash)!;
  return {
    lease: { runId: row.id, epoch: attempt },
    run: toRun(runRowBySeq(store, row.seq)),
    spec: JSON.parse(spec) as Json,
  };
}

export function heartbeat(store: Store, worker: WorkerInfo, reports: readonly HeartbeatReport[]): HeartbeatReply {
  noteWorker(store, worker);
  const stop: StopRequest[] = [];
  const lost: string[] = [];
  for (const { lease, progress } of reports) {
    const row = store.sql.get<RunRow>('SELECT * FROM runs WHERE id = ?', lease.runId);
    if (row?.state !== 'running' || row.attempt !== lease.epoch) {
      lost.push(lease.runId);
      continue;
    }
    store.sql.run(
      'UPDATE runs SET expires_ms = ?, lease_ms = ?, progress = coalesce(?, progress) WHERE seq = ?',
      store.nowMs + worker.leaseMs,
      worker.leaseMs,
      progress === undefined ? undefined : jsonText(progress, 'progress'),
      row.seq,
    );
    const request = stopRequest(row);
    if (request !== undefined) stop.push(request);
  }
  return { stop, lost };
}

/** Of a worker that is known to be dead, by whoever saw it die. */
export function releaseWorker(store: Store, workerId: string, why: string): Run[] {
  const rows = store.sql.all<RunRow>("SELECT * FROM runs WHERE state = 'running' AND worker = ?", workerId);
  for (const row of rows) loseAttempt(store, row, why);
  store.sql.run('DELETE FROM workers WHERE id = ?', workerId);
  return rows.map(({ seq }) => toRun(runRowBySeq(store, seq)));
}

function stopRequest(row: RunRow): StopRequest | undefined {
  if (row.is_timed_out === 1) {
    return { runId: row.id, reason: 'The run took too long', force: false, code: 'TIMED_OUT' };
  }
  if (row.cancel_ms === null) return undefined;
  return { runId: row.id, reason: row.cancel_reason ?? '', force: row.cancel_force === 1, code: 'CANCELLED' };
}

function noteWorker(store: Store, { id, capacity, leaseMs }: WorkerInfo): void {
  store.sql.run(
    `INSERT INTO workers (id, pid, process, capacity, lease_ms, seen_ms) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET capacity = excluded.capacity, lease_ms = excluded.lease_ms,
       seen_ms = excluded.seen_ms`,
    id,
    process.pid,
    thisProcess,
    capacity,
    leaseMs,
    store.nowMs,
  );
}

/** Whether a worker that asked lately is known well enough. */
function isFresh({ sql, nowMs }: Store, { id, leaseMs, capacity }: WorkerInfo): boolean {
  const known = sql.get<{ seen_ms: number; capacity: number }>(
    'SELECT seen_ms, capacity FROM workers WHERE id = ?',
    id,
  );
  return known?.capacity === capacity && Math.abs(nowMs - known.seen_ms) < leaseMs / 3;
}
