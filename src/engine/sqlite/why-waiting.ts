/** Answers "why is this waiting?" from the same facts by which runs are claimed, so the two cannot disagree. */
import type { WaitReason } from '../waiting.ts';
import { CANDIDATE, Occupancy, type Candidate, type Obstacle } from './claimable.ts';
import { isKnownDead } from './processes.ts';
import { runRow, type RunRow } from './run-rows.ts';
import type { Store } from './store.ts';

export function whyWaiting(store: Store, runId: string): WaitReason[] {
  const row = runRow(store, runId);
  if (row.state !== 'queued' && row.state !== 'retrying') return [{ kind: 'notWaiting', state: row.state }];
  const candidate = store.sql.get<Candidate>(`${CANDIDATE} WHERE r.seq = ?`, row.seq)!;
  const occupancy = new Occupancy(store);
  const reasons: WaitReason[] = [];
  if (row.not_before_ms > store.nowMs) {
    reasons.push({ kind: 'notBefore', atMs: row.not_before_ms, because: because(row) });
  }
  for (const obstacle of occupancy.obstacles(candidate)) {
    reasons.push(explain(store, row, candidate, occupancy, obstacle));
  }
  const workers = liveWorkers(store);
  if (workers.length === 0) reasons.push({ kind: 'noWorker' });
  const capacity = workers.reduce((sum, worker) => sum + worker.capacity, 0);
  if (reasons.length === 0 && occupancy.running.length >= capacity) {
    reasons.push({ kind: 'workersBusy', ahead: ahead(store, row), workers: workers.length, capacity });
  }
  return reasons;
}

function because(row: RunRow): 'retry' | 'delay' | 'lateData' {
  if (row.state === 'retrying') return 'retry';
  return row.cause.startsWith('late/') ? 'lateData' : 'delay';
}

function explain(store: Store, row: RunRow, run: Candidate, occupancy: Occupancy, obstacle: Obstacle): WaitReason {
  const ofJob = occupancy.of(run.job);
  const running = ofJob.length;
  switch (obstacle) {
    case 'jobPaused': {
      const job = store.sql.get<{ paused_note: string }>('SELECT paused_note FROM jobs WHERE name = ?', run.job)!;
      return { kind: obstacle, note: job.paused_note, sinceMs: run.paused_ms! };
    }
    case 'backfillPaused': {
      const backfill = store.sql.get<{ note: string }>('SELECT note FROM backfills WHERE id = ?', run.backfill)!;
      return { kind: obstacle, backfill: run.backfill!, note: backfill.note };
    }
    case 'jobBusy':
      return { kind: obstacle, run: ofJob.find((other) => other.backfill === null)!.id };
    case 'intervalBusy':
      return {
        kind: obstacle,
        run: ofJob.find(({ start_ms, end_ms }) => start_ms! < run.end_ms! && run.start_ms! < end_ms!)!.id,
      };
    case 'jobLimit':
      return { kind: obstacle, running, limit: run.max_running! };
    case 'backfillLimit':
      return {
        kind: obstacle,
        backfill: run.backfill!,
        running: ofJob.filter((other) => other.backfill === run.backfill).length,
        limit: run.parallel!,
      };
    case 'overallLimit':
      return { kind: obstacle, running: occupancy.running.length, limit: occupancy.maxRunning };
    case 'poolFull': {
      const { pool, slots: wanted } = row;
      const limit = occupancy.capacity(pool);
      if (wanted > limit) return { kind: 'poolTooSmall', pool, wanted, limit };
      const holders = occupancy.running.filter((other) => other.pool === pool).map(({ id }) => id);
      return { kind: obstacle, pool, used: occupancy.used(pool), wanted, limit, runs: holders };
    }
  }
}

interface LiveWorker {
  readonly pid: number;
  readonly process: string;
  readonly capacity: number;
}

function liveWorkers(store: Store): LiveWorker[] {
  return store.sql
    .all<LiveWorker>('SELECT pid, process, capacity FROM workers WHERE seen_ms + lease_ms > ?', store.nowMs)
    .filter(({ pid, process }) => !isKnownDead(pid, process));
}

/** How many of those that wait go before it. */
function ahead({ sql, nowMs }: Store, { priority, seq }: RunRow): number {
  return sql.get<{ n: number }>(
    `SELECT count(*) AS n FROM runs WHERE state IN ('queued', 'retrying') AND not_before_ms <= ?1
       AND (priority > ?2 OR (priority = ?2 AND seq < ?3))`,
    nowMs,
    priority,
    seq,
  )!.n;
}
