/** Jobs as the configuration says they are, and as they stand. */
import { quote, ServeryError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import type { PageQuery, Page } from '../engine.ts';
import type { JobDefinition, JobState, Limits, RunPolicy, Suppressed } from '../job-state.ts';
import { checkPage, page } from './page.ts';
import { toRun, type RunRow } from './run-rows.ts';
import { activeRuns } from './schedule.ts';
import { jsonText, type Store } from './store.ts';

export function configure(store: Store, definitions: readonly JobDefinition[], limits: Limits): void {
  const { sql, nowMs } = store;
  for (const definition of definitions) {
    const { job, hash, policy } = definition;
    remember(store, definition);
    sql.run(
      `INSERT INTO jobs (name, definition_hash, is_configured, max_running, fresh_within_ms, first_seen_ms)
       VALUES (?, ?, 1, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET definition_hash = excluded.definition_hash, is_configured = 1,
         max_running = excluded.max_running, fresh_within_ms = excluded.fresh_within_ms`,
      job,
      hash,
      policy.maxRunning,
      policy.deadlines?.freshWithinMs,
      nowMs,
    );
  }
  sql.run(
    'UPDATE jobs SET is_configured = 0 WHERE is_configured = 1 AND name NOT IN (SELECT value FROM json_each(?))',
    JSON.stringify(definitions.map(({ job }) => job)),
  );
  sql.run(
    'INSERT OR REPLACE INTO limits (only_row, max_running, pools) VALUES (1, ?, ?)',
    limits.maxRunning,
    JSON.stringify(limits.pools),
  );
  store.event('jobs.configured', {}, { jobs: definitions.length });
}

/** A job that no configuration has: one that is in a configuration stays as it is there. */
export function define(store: Store, definition: JobDefinition): void {
  const { job, hash, policy } = definition;
  remember(store, definition);
  store.sql.run(
    `INSERT INTO jobs (name, definition_hash, is_configured, max_running, first_seen_ms) VALUES (?, ?, 0, ?, ?)
     ON CONFLICT (name) DO UPDATE SET definition_hash = excluded.definition_hash, max_running = excluded.max_running
       WHERE is_configured = 0`,
    job,
    hash,
    policy.maxRunning,
    store.nowMs,
  );
}

function remember({ sql, nowMs }: Store, { job, hash, spec, policy }: JobDefinition): void {
  sql.run(
    'INSERT INTO definitions (hash, job, spec, policy, first_seen_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING',
    hash,
    job,
    jsonText(spec, 'spec'),
    JSON.stringify(policy),
    nowMs,
  );
}

export function listJobs(store: Store, { limit, after = '' }: PageQuery): Page<JobState> {
  checkPage({ limit });
  const rows = store.sql.all<JobRow>(`${JOB} WHERE j.name > ? ORDER BY j.name LIMIT ?`, after, limit + 1);
  const shown = rows.slice(0, limit);
  const active = activeRuns(
    store,
    shown.map(({ name }) => name),
  );
  return {
    items: shown.map((row) => toJobState(store, row, active)),
    next: rows.length > limit ? shown.at(-1)?.name : undefined,
  };
}

export function getJob(store: Store, name: string): JobState {
  const row = store.sql.get<JobRow>(`${JOB} WHERE j.name = ?`, name);
  if (row === undefined) throw new ServeryError('JOB_NOT_FOUND', `No job is called ${quote(name)}`);
  return toJobState(store, row, activeRuns(store, [name]));
}

export function getDefinition({ sql }: Store, hash: string): JobDefinition | undefined {
  const row = sql.get<{ job: string; spec: string; policy: string }>(
    'SELECT job, spec, policy FROM definitions WHERE hash = ?',
    hash,
  );
  if (row === undefined) return undefined;
  return { job: row.job, hash, spec: JSON.parse(row.spec) as Json, policy: JSON.parse(row.policy) as RunPolicy };
}

export function pauseJob(store: Store, name: string, note: string): JobState {
  const { paused } = getJob(store, name);
  store.sql.run(
    'UPDATE jobs SET paused_ms = ?, paused_note = ? WHERE name = ?',
    paused?.sinceMs ?? store.nowMs,
    note,
    name,
  );
  store.event('job.paused', { job: name }, { note });
  return getJob(store, name);
}

export function resumeJob(store: Store, name: string): JobState {
  if (getJob(store, name).paused !== undefined) {
    store.sql.run('UPDATE jobs SET paused_ms = NULL, paused_note = NULL WHERE name = ?', name);
    store.event('job.resumed', { job: name });
  }
  return getJob(store, name);
}

export function listSuppressed(store: Store, query: PageQuery & { readonly job: string }): Page<Suppressed> {
  checkPage(query);
  const rows = store.sql.all<SuppressedRow>(
    'SELECT * FROM suppressed WHERE job = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3',
    query.job,
    query.after === undefined ? undefined : Number(query.after),
    query.limit + 1,
  );
  return page(rows, query, (row) => row.id, toSuppressed);
}

interface SuppressedRow {
  readonly id: number;
  readonly job: string;
  readonly scheduled_for_ms: number;
  readonly until_ms: number;
  readonly start_ms: number | null;
  readonly end_ms: number | null;
  readonly reason: string;
  readonly at_ms: number;
}

function toSuppressed(row: SuppressedRow): Suppressed {
  return {
    id: row.id,
    job: row.job,
    scheduledForMs: row.scheduled_for_ms,
    untilMs: row.until_ms,
    intervalStartMs: row.start_ms ?? undefined,
    intervalEndMs: row.end_ms ?? undefined,
    reason: row.reason,
    atMs: row.at_ms,
  };
}

const JOB = `
  SELECT j.*, d.spec, d.policy FROM jobs j JOIN definitions d ON d.hash = j.definition_hash`;

interface JobRow {
  readonly name: string;
  readonly definition_hash: string;
  readonly is_configured: number;
  readonly paused_ms: number | null;
  readonly paused_note: string | null;
  readonly cursor_ms: number | null;
  readonly first_seen_ms: number;
  readonly last_success_ms: number | null;
  readonly last_success_end_ms: number | null;
  readonly spec: string;
  readonly policy: string;
}

function toJobState({ sql }: Store, row: JobRow, active: ReturnType<typeof activeRuns>): JobState {
  const last = sql.get<RunRow>('SELECT * FROM runs WHERE job = ? ORDER BY seq DESC LIMIT 1', row.name);
  return {
    job: row.name,
    definition: {
      job: row.name,
      hash: row.definition_hash,
      spec: JSON.parse(row.spec) as Json,
      policy: JSON.parse(row.policy) as RunPolicy,
    },
    isConfigured: row.is_configured === 1,
    paused: row.paused_ms === null ? undefined : { note: row.paused_note ?? '', sinceMs: row.paused_ms },
    cursorMs: row.cursor_ms ?? undefined,
    firstSeenMs: row.first_seen_ms,
    lastSuccessMs: row.last_success_ms ?? undefined,
    lastSuccessEndMs: row.last_success_end_ms ?? undefined,
    active: active.get(row.name) ?? { waiting: 0, running: 0 },
    lastRun: last && toRun(last),
  };
}
