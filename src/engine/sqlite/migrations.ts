/**
 * The tables of state.db, as numbered steps that are only ever appended to.
 *
 * `PRAGMA user_version` says how many of them a file has had. A file that has had more than this list knows was
 * written by a newer Servery and is refused: guessing at its meaning could lose runs.
 *
 * Instants are milliseconds since the epoch (`…_ms`), booleans 0 or 1, everything nested is JSON text.
 */
import type { DatabaseSync } from 'node:sqlite';
import { ServeryError } from '../../core/errors.ts';

export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE definitions (
    hash TEXT PRIMARY KEY,
    job TEXT NOT NULL,
    spec TEXT NOT NULL,
    policy TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE jobs (
    name TEXT PRIMARY KEY,
    definition_hash TEXT NOT NULL REFERENCES definitions (hash),
    is_configured INTEGER NOT NULL,
    max_running INTEGER,
    fresh_within_ms INTEGER,
    is_stale INTEGER NOT NULL DEFAULT 0,        -- its deadline.fresh was raised and no success has come since
    paused_ms INTEGER,
    paused_note TEXT,
    cursor_ms INTEGER,
    cursor_event INTEGER,
    first_seen_ms INTEGER NOT NULL,
    last_success_ms INTEGER,
    last_success_end_ms INTEGER,
    last_end TEXT                               -- how the last run that was no backfill ended
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX jobs_paused ON jobs (name) WHERE paused_ms IS NOT NULL;
  CREATE INDEX jobs_with_freshness ON jobs (name) WHERE fresh_within_ms IS NOT NULL;

  CREATE TABLE limits (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    max_running INTEGER NOT NULL,
    pools TEXT NOT NULL
  ) STRICT;

  CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,
    start_ms INTEGER,
    end_ms INTEGER,
    scheduled_for_ms INTEGER,
    cause TEXT NOT NULL,
    backfill TEXT,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    own_failures INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    definition_hash TEXT NOT NULL REFERENCES definitions (hash),
    params TEXT NOT NULL,
    pool TEXT NOT NULL,
    slots INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    is_serial INTEGER NOT NULL,
    is_regular INTEGER NOT NULL,                -- neither of a backfill nor for late data: what overlap is about
    created_ms INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL,
    started_ms INTEGER,
    finished_ms INTEGER,
    worker TEXT,
    expires_ms INTEGER,                         -- of the lease; null unless running
    lease_ms INTEGER,
    cancel_ms INTEGER,
    cancel_reason TEXT,
    cancel_force INTEGER,
    is_timed_out INTEGER NOT NULL DEFAULT 0,    -- it was told to stop because its time is over
    queue_by_ms INTEGER,
    start_by_ms INTEGER,
    finish_by_ms INTEGER,
    end_by_ms INTEGER,                          -- first start + run timeout
    timer_ms INTEGER,                           -- the least of the four above that still matters
    progress TEXT,
    pinned TEXT NOT NULL DEFAULT '{}',
    result TEXT,
    error_code TEXT,
    error_message TEXT
  ) STRICT;
  CREATE INDEX runs_by_job ON runs (job, seq);
  -- Holds all by which whole groups of runs are passed over, so that a long queue is read without its rows.
  CREATE INDEX runs_waiting ON runs (priority DESC, seq, not_before_ms, job, is_serial, cause, pool, backfill)
    WHERE state IN ('queued', 'retrying');
  CREATE INDEX runs_active ON runs (job, state)
    WHERE state IN ('queued', 'retrying', 'running') AND is_regular = 1;
  CREATE INDEX runs_running ON runs (expires_ms) WHERE state = 'running';
  CREATE INDEX runs_timer ON runs (timer_ms) WHERE timer_ms IS NOT NULL;
  CREATE INDEX runs_by_backfill ON runs (backfill, seq) WHERE backfill IS NOT NULL;

  CREATE TABLE attempts (
    run_seq INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    worker TEXT NOT NULL,
    state TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    finished_ms INTEGER,
    error_code TEXT,
    error_message TEXT,
    PRIMARY KEY (run_seq, attempt)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE steps (
    run_seq INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    step TEXT NOT NULL,
    position INTEGER NOT NULL,
    state TEXT NOT NULL,
    started_ms INTEGER,
    finished_ms INTEGER,
    result TEXT,
    details TEXT,
    error_code TEXT,
    error_message TEXT,
    PRIMARY KEY (run_seq, attempt, step)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE plans (
    run_seq INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    step TEXT NOT NULL,
    plan TEXT NOT NULL,
    PRIMARY KEY (run_seq, step)
  ) STRICT;

  CREATE TABLE chunks (
    run_seq INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    step TEXT NOT NULL,
    chunk INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    committed_ms INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (run_seq, step, chunk)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE suppressed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL,
    scheduled_for_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    start_ms INTEGER,
    end_ms INTEGER,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX suppressed_by_job ON suppressed (job, id);

  CREATE TABLE backfills (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,
    definition_hash TEXT NOT NULL REFERENCES definitions (hash),
    state TEXT NOT NULL,
    note TEXT,
    interval_order TEXT NOT NULL,
    parallel INTEGER NOT NULL,
    reprocess TEXT NOT NULL,
    priority INTEGER NOT NULL,
    params TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    finished_ms INTEGER
  ) STRICT;
  CREATE TABLE backfill_intervals (
    backfill TEXT NOT NULL REFERENCES backfills (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (backfill, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX backfill_states ON backfill_intervals (backfill, state, position);

  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    job TEXT,
    run_id TEXT,
    data TEXT NOT NULL
  ) STRICT;

  CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    pid INTEGER NOT NULL,
    process TEXT NOT NULL,                      -- which machine, and when the process began: see processes.ts
    capacity INTEGER NOT NULL,
    lease_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE ticker (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    holder TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    ttl_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
  ) STRICT;
  `,
];

/** Brings the file up to date; several processes may try at once. */
export function migrate(db: DatabaseSync): void {
  const version = () => (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (version() === MIGRATIONS.length) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    const done = version();
    if (done > MIGRATIONS.length) {
      throw new ServeryError(
        'DATABASE_FAILED',
        `state.db has format ${done}, this Servery knows ${MIGRATIONS.length}`,
        {
          hint: 'Run the version of Servery that wrote it, or a newer one.',
        },
      );
    }
    for (const step of MIGRATIONS.slice(done)) db.exec(step);
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
