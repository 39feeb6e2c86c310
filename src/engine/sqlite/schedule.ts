/** The ticker's transaction: cursors move, runs and suppressed occurrences are added, all of it or nothing. */
import type { ScheduleEntry, ScheduleResult, ScheduleState, TickerLease } from '../engine.ts';
import { insertRun } from './add-run.ts';
import { cancelRow } from './cancel.ts';
import type { RunRow } from './run-rows.ts';
import type { Store } from './store.ts';
import { requireTicker } from './ticker-lease.ts';

export function schedule(store: Store, lease: TickerLease, entries: readonly ScheduleEntry[]): ScheduleResult[] {
  requireTicker(store, lease);
  return entries.map((entry) => scheduleOne(store, entry));
}

function scheduleOne(store: Store, entry: ScheduleEntry): ScheduleResult {
  const { job, cursor } = entry;
  const column = cursor.of === 'instant' ? 'cursor_ms' : 'cursor_event';
  const moved = store.sql.run(
    `UPDATE jobs SET ${column} = ? WHERE name = ? AND ${column} IS ?`,
    cursor.to,
    job,
    cursor.from,
  );
  if (moved === 0) return { job, isMoved: false, added: [] };
  if (entry.cancelOthers !== undefined) cancelOthers(store, job, entry.cancelOthers === 'terminate');
  const added = entry.runs.map((run) => insertRun(store, run)).filter((id) => id !== undefined);
  for (const { scheduledForMs, untilMs, interval, reason } of entry.suppressed) {
    store.sql.run(
      'INSERT INTO suppressed (job, scheduled_for_ms, until_ms, start_ms, end_ms, reason, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)',
      job,
      scheduledForMs,
      untilMs ?? scheduledForMs,
      interval?.startMs,
      interval?.endMs,
      reason,
      store.nowMs,
    );
    store.event('occurrence.suppressed', { job }, { scheduledForMs, reason });
  }
  return { job, isMoved: true, added };
}

/** What the job's schedule, or a person, has begun and not ended. Backfills are left alone. */
function cancelOthers(store: Store, job: string, force: boolean): void {
  const rows = store.sql.all<RunRow>(
    `SELECT * FROM runs WHERE job = ? AND state IN ('queued', 'retrying', 'running')
       AND is_regular = 1`,
    job,
  );
  for (const row of rows) cancelRow(store, row, { reason: 'The next run of the job is due', force });
}

export function scheduleStates(store: Store, jobs?: readonly string[]): Map<string, ScheduleState> {
  const active = activeRuns(store, jobs);
  const columns = 'name, cursor_ms, cursor_event, paused_ms, first_seen_ms, last_success_end_ms';
  const rows =
    jobs === undefined
      ? store.sql.all<ScheduleRow>(`SELECT ${columns} FROM jobs`)
      : store.sql.all<ScheduleRow>(
          `SELECT ${columns} FROM json_each(?) AS wanted CROSS JOIN jobs ON name = wanted.value`,
          JSON.stringify(jobs),
        );
  return new Map(
    rows.map((row) => [
      row.name,
      {
        cursorMs: row.cursor_ms ?? undefined,
        cursorEventId: row.cursor_event ?? undefined,
        isPaused: row.paused_ms !== null,
        firstSeenMs: row.first_seen_ms,
        lastSuccessEndMs: row.last_success_end_ms ?? undefined,
        active: active.get(row.name) ?? { waiting: 0, running: 0 },
      },
    ]),
  );
}

interface ScheduleRow {
  readonly name: string;
  readonly cursor_ms: number | null;
  readonly cursor_event: number | null;
  readonly paused_ms: number | null;
  readonly first_seen_ms: number;
  readonly last_success_end_ms: number | null;
}

/** Of each job that has any: what decides about overlap. */
export function activeRuns(
  { sql }: Store,
  jobs?: readonly string[],
): Map<string, { waiting: number; running: number }> {
  // The names come first in the join, so that a few jobs cost no look at the runs of all others.
  const among = jobs === undefined ? 'runs' : 'json_each(?) AS wanted CROSS JOIN runs ON job = wanted.value';
  const rows = sql.all<{ job: string; waiting: number; running: number }>(
    `SELECT job, sum(state <> 'running') AS waiting, sum(state = 'running') AS running FROM ${among}
     WHERE state IN ('queued', 'retrying', 'running') AND is_regular = 1 GROUP BY job`,
    ...(jobs === undefined ? [] : [JSON.stringify(jobs)]),
  );
  return new Map(rows.map(({ job, waiting, running }) => [job, { waiting, running }]));
}
