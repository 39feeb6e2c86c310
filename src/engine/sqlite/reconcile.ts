/**
 * Makes the stored state agree with the world: what nobody will ever report is found out here.
 *
 * Everything is derived from the rows at that moment, so it does not matter who calls it, how often, or after which
 * crash.
 */
import type { Reconciled } from '../engine.ts';
import { least, timerOf } from './add-run.ts';
import { endRun, loseAttempt } from './end-attempt.ts';
import { isKnownDead } from './processes.ts';
import type { RunRow } from './run-rows.ts';
import type { Store } from './store.ts';

/** More than this beyond its length, and a lease was written by a clock that ran ahead. */
const SLACK_MS = 1000;

/** Whether there is anything to do; else `reconcile` would only take the lock for nothing. */
export function mustReconcile(store: Store): boolean {
  return (
    store.wasMoved ||
    lostRuns(store).length > 0 ||
    overdue(store).length > 0 ||
    stale(store).length > 0 ||
    store.sql.get(AHEAD, store.nowMs + SLACK_MS) !== undefined
  );
}

const AHEAD = "SELECT seq FROM runs WHERE state = 'running' AND expires_ms > ? + lease_ms LIMIT 1";

export function reconcile(store: Store): Reconciled {
  const changed: string[] = [];
  moveTimeouts(store, store.takeMovedMs());
  store.sql.run(
    "UPDATE runs SET expires_ms = ?1 + lease_ms WHERE state = 'running' AND expires_ms > ?1 + ?2 + lease_ms",
    store.nowMs,
    SLACK_MS,
  );
  for (const { row, why } of lostRuns(store)) {
    loseAttempt(store, row, why);
    changed.push(row.id);
  }
  for (const row of overdue(store)) {
    if (passTimers(store, row)) changed.push(row.id);
  }
  for (const { name, last_success_ms } of stale(store)) {
    store.sql.run('UPDATE jobs SET is_stale = 1 WHERE name = ?', name);
    store.event('deadline.fresh', { job: name }, { lastSuccessMs: last_success_ms });
  }
  return { ...nextReconcile(store), changed };
}

/** A run has not taken longer because the clock was moved. Deadlines are promises by the clock, and stay. */
function moveTimeouts({ sql }: Store, movedMs: number): void {
  if (movedMs === 0) return;
  sql.run(
    'UPDATE runs SET queue_by_ms = queue_by_ms + ?1, end_by_ms = end_by_ms + ?1 WHERE timer_ms IS NOT NULL',
    movedMs,
  );
  sql.run(
    `UPDATE runs SET timer_ms = (SELECT min(value) FROM json_each(
       json_array(queue_by_ms, start_by_ms, finish_by_ms, end_by_ms)) WHERE value IS NOT NULL) WHERE timer_ms IS NOT NULL`,
  );
}

/** What `reconcile` gives when there is nothing to do. */
export function nextReconcile(store: Store): Reconciled {
  const { expires } = store.sql.get<{ expires: number | null }>(
    "SELECT min(expires_ms) AS expires FROM runs WHERE state = 'running'",
  )!;
  const { timer } = store.sql.get<{ timer: number | null }>(
    'SELECT min(timer_ms) AS timer FROM runs WHERE timer_ms IS NOT NULL',
  )!;
  const { fresh } = store.sql.get<{ fresh: number | null }>(
    `SELECT min(${FRESH_BY}) AS fresh FROM jobs WHERE ${MAY_GO_STALE}`,
  )!;
  return { nextAtMs: least(expires, timer, fresh), changed: [] };
}

/** Running runs whose worker is gone: known to be dead, or silent for longer than its lease. */
function lostRuns(store: Store): { readonly row: RunRow; readonly why: string }[] {
  const rows = store.sql.all<RunRow & { pid: number | null; process: string | null }>(
    `SELECT r.*, w.pid, w.process FROM runs r LEFT JOIN workers w ON w.id = r.worker WHERE r.state = 'running'`,
  );
  return rows.flatMap((row) => {
    if (row.pid !== null && row.process !== null && isKnownDead(row.pid, row.process)) {
      return [{ row, why: 'The process that executed the run is gone' }];
    }
    const leaseMs = row.lease_ms ?? 0;
    const isExpired = (row.expires_ms ?? 0) <= store.nowMs && store.graceMs(leaseMs) === 0;
    return isExpired ? [{ row, why: `Its worker was silent for ${leaseMs} ms` }] : [];
  });
}

function overdue({ sql, nowMs }: Store): RunRow[] {
  return sql.all<RunRow>('SELECT * FROM runs WHERE timer_ms IS NOT NULL AND timer_ms <= ?', nowMs);
}

/** @returns whether the state of the run changed */
function passTimers(store: Store, row: RunRow): boolean {
  const { sql, nowMs } = store;
  const isPast = (instant: number | null) => instant !== null && instant <= nowMs;
  const subject = { job: row.job, run: row.id };
  if (isPast(row.start_by_ms)) store.event('deadline.start', subject, { byMs: row.start_by_ms });
  if (isPast(row.finish_by_ms)) store.event('deadline.finish', subject, { byMs: row.finish_by_ms });
  if (isPast(row.end_by_ms) || isPast(row.queue_by_ms)) {
    const isRunning = row.state === 'running';
    if (!isRunning) {
      const what = isPast(row.end_by_ms)
        ? 'The run took longer than its `timeout.run`'
        : 'The run waited longer than its `timeout.queue`';
      endRun(store, row, { state: 'failed', error: { code: 'TIMED_OUT', message: what } });
      return true;
    }
    sql.run('UPDATE runs SET is_timed_out = 1 WHERE seq = ?', row.seq);
  }
  const rest = {
    queue_by_ms: isPast(row.queue_by_ms) ? null : row.queue_by_ms,
    start_by_ms: isPast(row.start_by_ms) ? null : row.start_by_ms,
    finish_by_ms: isPast(row.finish_by_ms) ? null : row.finish_by_ms,
    end_by_ms: isPast(row.end_by_ms) ? null : row.end_by_ms,
  };
  sql.run(
    'UPDATE runs SET queue_by_ms = ?, start_by_ms = ?, finish_by_ms = ?, end_by_ms = ?, timer_ms = ? WHERE seq = ?',
    rest.queue_by_ms,
    rest.start_by_ms,
    rest.finish_by_ms,
    rest.end_by_ms,
    timerOf(rest),
    row.seq,
  );
  return false;
}

const FRESH_BY = 'coalesce(last_success_ms, first_seen_ms) + fresh_within_ms';
const MAY_GO_STALE = 'fresh_within_ms IS NOT NULL AND is_stale = 0 AND is_configured = 1 AND paused_ms IS NULL';

function stale({ sql, nowMs }: Store): { name: string; last_success_ms: number | null }[] {
  return sql.all(`SELECT name, last_success_ms FROM jobs WHERE ${MAY_GO_STALE} AND ${FRESH_BY} <= ?`, nowMs);
}
