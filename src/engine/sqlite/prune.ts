/**
 * Retention: old runs, events and what belongs to them are deleted, a part at a time, so that no other process
 * waits long for its turn.
 */
import type { Json } from '../../core/json.ts';
import type { Pruned, PrunedRun, Retention } from '../engine.ts';
import type { Store } from './store.ts';

const RUNS_AT_ONCE = 500;
const EVENTS_AT_ONCE = 5000;
const PAGES_AT_ONCE = 1000;
/** A worker that was silent for a day will not come back under its name. */
const WORKER_MS = 24 * 3_600_000;

export function prune(store: Store, retention: Retention): Pruned {
  const { sql, nowMs } = store;
  const runs = sql
    .all<{ name: string }>('SELECT name FROM jobs')
    .flatMap(({ name }) => prunable(store, name, retention))
    .slice(0, RUNS_AT_ONCE);
  const gone = withSpecs(store, runs);
  // Attempts, steps, plans and chunks go with their run.
  for (const { seq } of runs) sql.run('DELETE FROM runs WHERE seq = ?', seq);
  const events = sql.run(
    'DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at_ms < ? ORDER BY id LIMIT ?)',
    nowMs - retention.eventsMs,
    EVENTS_AT_ONCE,
  );
  const suppressed = sql.run(
    'DELETE FROM suppressed WHERE id IN (SELECT id FROM suppressed WHERE at_ms < ? ORDER BY id LIMIT ?)',
    nowMs - retention.runsMs,
    EVENTS_AT_ONCE,
  );
  const hasMore = runs.length === RUNS_AT_ONCE || events === EVENTS_AT_ONCE || suppressed === EVENTS_AT_ONCE;
  if (!hasMore) pruneSmall(store, retention);
  sql.shrink(PAGES_AT_ONCE);
  return { runs: gone, hasMore };
}

interface PrunableRow {
  readonly seq: number;
  readonly id: string;
  readonly job: string;
  readonly start_ms: number | null;
  readonly end_ms: number | null;
  readonly definition_hash: string;
}

/** Runs of one definition share its specification. */
function withSpecs({ sql }: Store, rows: readonly PrunableRow[]): readonly PrunedRun[] {
  const specs = new Map<string, Json>();
  for (const { definition_hash: hash } of rows) {
    if (specs.has(hash)) continue;
    const { spec } = sql.get<{ spec: string }>('SELECT spec FROM definitions WHERE hash = ?', hash)!;
    specs.set(hash, JSON.parse(spec) as Json);
  }
  return rows.map(({ id, job, definition_hash: hash, start_ms: startMs, end_ms: endMs }) => {
    const interval = startMs === null || endMs === null ? undefined : { startMs, endMs };
    return { id, job, interval, spec: specs.get(hash)! };
  });
}

/** Runs of a job that are over and more than retention keeps. */
function prunable({ sql, nowMs }: Store, job: string, retention: Retention): PrunableRow[] {
  const nth = (count: number) =>
    sql.get<{ seq: number }>('SELECT seq FROM runs WHERE job = ? ORDER BY seq DESC LIMIT 1 OFFSET ?', job, count)?.seq;
  const old = nth(retention.keepRuns);
  if (old === undefined) return [];
  return sql.all<PrunableRow>(
    `SELECT seq, id, job, start_ms, end_ms, definition_hash FROM runs WHERE job = ? AND seq <= ? AND finished_ms IS NOT NULL AND (finished_ms < ? OR seq <= ?)
     ORDER BY seq LIMIT ?`,
    job,
    old,
    nowMs - retention.runsMs,
    nth(retention.maxRuns) ?? -1,
    RUNS_AT_ONCE,
  );
}

/** What there is little of: backfills, workers, definitions that nothing refers to. */
function pruneSmall({ sql, nowMs }: Store, { runsMs }: Retention): void {
  sql.run(
    'DELETE FROM backfills WHERE finished_ms < ? AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.backfill = backfills.id)',
    nowMs - runsMs,
  );
  sql.run('DELETE FROM workers WHERE seen_ms < ?', nowMs - WORKER_MS);
  sql.run(
    `DELETE FROM definitions WHERE first_seen_ms < ? AND hash NOT IN (SELECT definition_hash FROM jobs)
       AND hash NOT IN (SELECT definition_hash FROM backfills)
       AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.job = definitions.job AND r.definition_hash = definitions.hash)`,
    nowMs - runsMs,
  );
}
