/** Reading runs, and what belongs to them. */
import type { EventQuery, Page, RunQuery } from '../engine.ts';
import type { EngineEvent, EventKind } from '../events.ts';
import type { Attempt, Run } from '../run.ts';
import type { Json } from '../../core/json.ts';
import { checkPage, page } from './page.ts';
import { runRow, toRun, type RunRow } from './run-rows.ts';
import type { SqlValue } from './sql.ts';
import type { Store } from './store.ts';

export function getRun(store: Store, runId: string): Run {
  return toRun(runRow(store, runId));
}

export function listRuns(store: Store, query: RunQuery): Page<Run> {
  checkPage(query);
  const { where, values } = conditions(query);
  const rows = store.sql.all<RunRow>(
    `SELECT * FROM runs ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY seq DESC LIMIT ?`,
    ...values,
    query.limit + 1,
  );
  return page(rows, query, (row) => row.seq, toRun);
}

function conditions(query: RunQuery): { where: string[]; values: SqlValue[] } {
  const where: string[] = [];
  const values: SqlValue[] = [];
  const add = (value: SqlValue, condition: string) => {
    if (value === undefined) return;
    where.push(condition);
    values.push(value);
  };
  add(query.job, 'job = ?');
  add(query.states && JSON.stringify(query.states), 'state IN (SELECT value FROM json_each(?))');
  add(query.backfill, 'backfill = ?');
  add(query.cause, "(cause = ?1 OR cause LIKE ?1 || '/%')".replaceAll('?1', `?${values.length + 1}`));
  add(query.created?.fromMs, 'created_ms >= ?');
  add(query.created?.toMs, 'created_ms < ?');
  add(query.covers?.endMs, 'start_ms < ?');
  add(query.covers?.startMs, 'end_ms > ?');
  add(query.after === undefined ? undefined : Number(query.after), 'seq < ?');
  return { where, values };
}

export function attempts(store: Store, runId: string): Attempt[] {
  const { seq } = runRow(store, runId);
  return store.sql.all<AttemptRow>('SELECT * FROM attempts WHERE run_seq = ? ORDER BY attempt', seq).map((row) => ({
    attempt: row.attempt,
    worker: row.worker,
    state: row.state,
    startedMs: row.started_ms,
    finishedMs: row.finished_ms ?? undefined,
    error: row.error_code === null ? undefined : { code: row.error_code, message: row.error_message ?? '' },
  }));
}

interface AttemptRow {
  readonly attempt: number;
  readonly worker: string;
  readonly state: Attempt['state'];
  readonly started_ms: number;
  readonly finished_ms: number | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
}

export function events(store: Store, query: EventQuery): EngineEvent[] {
  checkPage({ limit: query.limit });
  return store.sql
    .all<EventRow>(
      `SELECT * FROM events WHERE id > ?1 AND (?2 IS NULL OR job = ?2) AND (?3 IS NULL OR run_id = ?3)
         AND (?4 IS NULL OR kind IN (SELECT value FROM json_each(?4))) ORDER BY id LIMIT ?5`,
      query.afterId,
      query.job,
      query.runId,
      query.kinds && JSON.stringify(query.kinds),
      query.limit,
    )
    .map((row) => ({
      id: row.id,
      atMs: row.at_ms,
      kind: row.kind,
      job: row.job ?? undefined,
      runId: row.run_id ?? undefined,
      data: JSON.parse(row.data) as Record<string, Json>,
    }));
}

interface EventRow {
  readonly id: number;
  readonly at_ms: number;
  readonly kind: EventKind;
  readonly job: string | null;
  readonly run_id: string | null;
  readonly data: string;
}

export function lastEventId({ sql }: Store): number {
  return sql.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'events'")?.seq ?? 0;
}
