/** Backfills as objects: made, looked at, paused, resumed, cancelled. */
import { quote, ServeryError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import type { Backfill, NewBackfill } from '../backfill.ts';
import type { Page, PageQuery } from '../engine.ts';
import { feedBackfill, type BackfillRow } from './backfill-feed.ts';
import { cancelRow } from './cancel.ts';
import { checkPage, page } from './page.ts';
import type { RunRow } from './run-rows.ts';
import { jsonText, type Store } from './store.ts';

export function createBackfill(store: Store, backfill: NewBackfill): Backfill {
  const { sql } = store;
  const { id, job, intervals, order, reprocess } = backfill;
  store.policy(backfill.definitionHash); // throws when it is not known
  const added = sql.run(
    `INSERT INTO backfills (id, job, definition_hash, state, interval_order, parallel, reprocess, priority, params, created_ms)
     VALUES (?, ?, ?, 'running', ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    id,
    job,
    backfill.definitionHash,
    order,
    backfill.parallel,
    reprocess,
    backfill.priority,
    jsonText(backfill.params ?? {}, 'params'),
    store.nowMs,
  );
  if (added === 0) return getBackfill(store, id);
  const done = reprocess === 'all' ? new Set<string>() : doneIntervals(store, backfill);
  const ordered = order === 'oldest' ? intervals : intervals.toReversed();
  for (const [position, { startMs, endMs }] of ordered.entries()) {
    sql.run(
      'INSERT INTO backfill_intervals (backfill, position, start_ms, end_ms, state) VALUES (?, ?, ?, ?, ?)',
      id,
      position,
      startMs,
      endMs,
      done.has(`${startMs}-${endMs}`) ? 'skipped' : 'pending',
    );
  }
  store.event('backfill.created', { job }, { backfill: id, intervals: intervals.length });
  feedBackfill(store, id);
  return getBackfill(store, id);
}

/** The intervals that are left out: those with any run, or those whose last run succeeded or is still to end. */
function doneIntervals({ sql }: Store, { job, intervals, reprocess }: NewBackfill): Set<string> {
  const from = intervals.at(0)?.startMs;
  const to = intervals.at(-1)?.endMs;
  const rows = sql.all<{ start_ms: number; end_ms: number; state: string }>(
    'SELECT start_ms, end_ms, state FROM runs WHERE job = ? AND start_ms >= ? AND end_ms <= ? ORDER BY seq',
    job,
    from,
    to,
  );
  const last = new Map(rows.map((row) => [`${row.start_ms}-${row.end_ms}`, row.state]));
  const isDone = (state: string) => reprocess === 'none' || (state !== 'failed' && state !== 'cancelled');
  return new Set(Array.from(last).flatMap(([key, state]) => (isDone(state) ? [key] : [])));
}

export function getBackfill(store: Store, id: string): Backfill {
  return toBackfill(store, backfillRow(store, id));
}

export function listBackfills(store: Store, query: PageQuery & { readonly job?: string }): Page<Backfill> {
  checkPage(query);
  const rows = store.sql.all<BackfillRow>(
    `SELECT * FROM backfills WHERE (?1 IS NULL OR job = ?1) AND (?2 IS NULL OR seq < ?2) ORDER BY seq DESC LIMIT ?3`,
    query.job,
    query.after === undefined ? undefined : Number(query.after),
    query.limit + 1,
  );
  return page(
    rows,
    query,
    (row) => row.seq,
    (row) => toBackfill(store, row),
  );
}

export function pauseBackfill(store: Store, id: string, note: string): Backfill {
  const { job } = unfinished(store, id);
  store.sql.run("UPDATE backfills SET state = 'paused', note = ? WHERE id = ?", note, id);
  store.event('backfill.paused', { job }, { backfill: id, note });
  return getBackfill(store, id);
}

export function resumeBackfill(store: Store, id: string): Backfill {
  const { job } = unfinished(store, id);
  store.sql.run("UPDATE backfills SET state = 'running', note = NULL WHERE id = ?", id);
  store.event('backfill.resumed', { job }, { backfill: id });
  feedBackfill(store, id);
  return getBackfill(store, id);
}

export function cancelBackfill(store: Store, id: string, reason: string): Backfill {
  const { job } = unfinished(store, id);
  const { sql, nowMs } = store;
  // First its end, so that no run that ends below makes room for another.
  sql.run("UPDATE backfills SET state = 'cancelled', note = ?, finished_ms = ? WHERE id = ?", reason, nowMs, id);
  sql.run("UPDATE backfill_intervals SET state = 'cancelled' WHERE backfill = ? AND state = 'pending'", id);
  const rows = sql.all<RunRow>(
    "SELECT * FROM runs WHERE backfill = ? AND state IN ('queued', 'retrying', 'running')",
    id,
  );
  for (const row of rows) cancelRow(store, row, { reason });
  store.event('backfill.finished', { job }, { backfill: id, state: 'cancelled', reason });
  return getBackfill(store, id);
}

function backfillRow({ sql }: Store, id: string): BackfillRow {
  const row = sql.get<BackfillRow>('SELECT * FROM backfills WHERE id = ?', id);
  if (row === undefined) throw new ServeryError('NOT_FOUND', `No backfill has the id ${quote(id)}`);
  return row;
}

function unfinished(store: Store, id: string): BackfillRow {
  const row = backfillRow(store, id);
  if (row.state === 'running' || row.state === 'paused') return row;
  throw new ServeryError('CONFLICT', `Cannot change the backfill: it is ${row.state}`);
}

function toBackfill({ sql }: Store, row: BackfillRow): Backfill {
  const counts = sql.all<{ state: string; n: number }>(
    'SELECT state, count(*) AS n FROM backfill_intervals WHERE backfill = ? GROUP BY state',
    row.id,
  );
  const count = (state: string) => counts.find((entry) => entry.state === state)?.n ?? 0;
  const range = sql.get<{ first: number | null; last: number | null }>(
    'SELECT min(start_ms) AS first, max(end_ms) AS last FROM backfill_intervals WHERE backfill = ?',
    row.id,
  );
  return {
    id: row.id,
    job: row.job,
    definitionHash: row.definition_hash,
    order: row.interval_order,
    parallel: row.parallel,
    reprocess: row.reprocess,
    priority: row.priority,
    params: JSON.parse(row.params) as Json,
    state: row.state,
    note: row.note ?? undefined,
    createdMs: row.created_ms,
    finishedMs: row.finished_ms ?? undefined,
    range: range?.first == null || range.last == null ? undefined : { startMs: range.first, endMs: range.last },
    intervals: {
      total: counts.reduce((sum, { n }) => sum + n, 0),
      skipped: count('skipped'),
      pending: count('pending'),
      active: count('active'),
      succeeded: count('succeeded'),
      failed: count('failed'),
      cancelled: count('cancelled'),
    },
  };
}
