/**
 * Keeps a backfill going: called in each transaction that ends one of its runs, so that the next exists as soon as
 * there is room for it.
 */
import type { Json } from '../../core/json.ts';
import type { RunState } from '../run.ts';
import { insertRun } from './add-run.ts';
import type { RunRow } from './run-rows.ts';
import type { Store } from './store.ts';

export interface BackfillRow {
  readonly seq: number;
  readonly id: string;
  readonly job: string;
  readonly definition_hash: string;
  readonly state: 'running' | 'paused' | 'succeeded' | 'failed' | 'cancelled';
  readonly note: string | null;
  readonly interval_order: 'oldest' | 'newest';
  readonly parallel: number;
  readonly reprocess: 'none' | 'failed' | 'all';
  readonly priority: number;
  readonly params: string;
  readonly created_ms: number;
  readonly finished_ms: number | null;
}

/** Adds runs up to the parallel limit; ends the backfill when nothing is left of it. */
export function feedBackfill(store: Store, id: string): void {
  const { sql } = store;
  const backfill = sql.get<BackfillRow>('SELECT * FROM backfills WHERE id = ?', id);
  if (backfill?.state !== 'running') return;
  let active = countIn(store, id, 'active');
  while (active < backfill.parallel) {
    const next = sql.get<{ position: number; start_ms: number; end_ms: number }>(
      `SELECT position, start_ms, end_ms FROM backfill_intervals
       WHERE backfill = ? AND state = 'pending' ORDER BY position LIMIT 1`,
      id,
    );
    if (next === undefined) break;
    setIntervalState(store, id, next.position, 'active');
    insertRun(store, {
      job: backfill.job,
      interval: { startMs: next.start_ms, endMs: next.end_ms },
      scheduledForMs: undefined,
      cause: `backfill/${id}`,
      definitionHash: backfill.definition_hash,
      params: JSON.parse(backfill.params) as Json,
      priority: backfill.priority,
    });
    active += 1;
  }
  if (active === 0) finishBackfill(store, backfill);
}

/** A run of the backfill is over. One of another job that follows this one has no interval to account for. */
export function backfillRunEnded(store: Store, run: RunRow, state: RunState): void {
  if (run.backfill === null) return;
  const own = store.sql.get('SELECT 1 FROM backfills WHERE id = ? AND job = ?', run.backfill, run.job);
  if (own === undefined) return;
  const result = state === 'skipped' ? 'succeeded' : state;
  store.sql.run(
    'UPDATE backfill_intervals SET state = ? WHERE backfill = ? AND start_ms = ? AND end_ms = ?',
    result,
    run.backfill,
    run.start_ms,
    run.end_ms,
  );
  feedBackfill(store, run.backfill);
}

/** A run of it was queued again by hand. */
export function reopenBackfill(store: Store, id: string, run: RunRow): void {
  if (store.sql.get('SELECT 1 FROM backfills WHERE id = ? AND job = ?', id, run.job) === undefined) return;
  store.sql.run(
    "UPDATE backfill_intervals SET state = 'active' WHERE backfill = ? AND start_ms = ? AND end_ms = ?",
    id,
    run.start_ms,
    run.end_ms,
  );
  store.sql.run(
    "UPDATE backfills SET state = 'running', finished_ms = NULL WHERE id = ? AND state IN ('failed', 'cancelled')",
    id,
  );
}

function countIn({ sql }: Store, id: string, state: string): number {
  return sql.get<{ n: number }>(
    'SELECT count(*) AS n FROM backfill_intervals WHERE backfill = ? AND state = ?',
    id,
    state,
  )!.n;
}

function setIntervalState({ sql }: Store, id: string, position: number, state: string): void {
  sql.run('UPDATE backfill_intervals SET state = ? WHERE backfill = ? AND position = ?', state, id, position);
}

function finishBackfill(store: Store, { id, job }: BackfillRow): void {
  const isClean = countIn(store, id, 'failed') + countIn(store, id, 'cancelled') === 0;
  const state = isClean ? 'succeeded' : 'failed';
  store.sql.run('UPDATE backfills SET state = ?, finished_ms = ? WHERE id = ?', state, store.nowMs, id);
  store.event('backfill.finished', { job }, { backfill: id, state });
}
