/**
 * The end of an attempt, however it came: said by its worker, or found out because the worker is gone or time is
 * over. Whether the run ends with it is decided here and nowhere else.
 */
import { retryDelayMs } from '../retry-policy.ts';
import type { AttemptOutcome, Lease, Run, RunError, RunState } from '../run.ts';
import { backfillRunEnded } from './backfill-feed.ts';
import { leasedRow, runRowBySeq, toRun, type RunRow } from './run-rows.ts';
import { jsonText, type Store } from './store.ts';

export function finishAttempt(store: Store, lease: Lease, outcome: AttemptOutcome): Run {
  const row = leasedRow(store, lease);
  endAttempt(store, row, outcome);
  return toRun(runRowBySeq(store, row.seq));
}

/** The worker is gone, or as good as gone. */
export function loseAttempt(store: Store, row: RunRow, why: string): void {
  store.event('worker.lost', { job: row.job, run: row.id }, { worker: row.worker, why });
  endAttempt(store, row, { state: 'failed', error: { code: 'WORKER_LOST', message: why } });
}

function endAttempt(store: Store, row: RunRow, said: AttemptOutcome): void {
  const outcome = asAsked(row, said);
  const error = outcome.state === 'failed' ? outcome.error : undefined;
  store.sql.run(
    `UPDATE attempts SET state = ?, finished_ms = ?, error_code = ?, error_message = ?
     WHERE run_seq = ? AND attempt = ?`,
    outcome.state,
    store.nowMs,
    error?.code,
    error?.message,
    row.seq,
    row.attempt,
  );
  if (outcome.state === 'interrupted') {
    requeue(store, row, store.nowMs, { code: 'SHUTTING_DOWN', message: outcome.reason });
  } else if (outcome.state === 'failed') {
    failOrRetry(store, row, outcome);
  } else {
    const { state, result } = outcome;
    const reason = outcome.state === 'succeeded' ? undefined : outcome.reason;
    const message = reason === undefined ? undefined : { code: reasonCode(state), message: reason };
    endRun(store, row, { state, result, error: state === 'skipped' ? undefined : message, reason });
  }
}

/** What a worker says after it was asked to stop is read in that light. */
function asAsked(row: RunRow, said: AttemptOutcome): AttemptOutcome {
  if (said.state === 'succeeded' || said.state === 'skipped') return said;
  const result = 'result' in said && said.result !== undefined ? { result: said.result } : {};
  if (row.is_timed_out === 1) {
    return {
      state: 'failed',
      error: { code: 'TIMED_OUT', message: 'The run took longer than its `timeout.run`' },
      ...result,
    };
  }
  if (row.cancel_ms !== null) return { state: 'cancelled', reason: row.cancel_reason ?? '', ...result };
  return said;
}

function reasonCode(state: 'succeeded' | 'skipped' | 'cancelled'): string {
  return state === 'cancelled' ? 'CANCELLED' : 'SKIPPED';
}

function failOrRetry(store: Store, row: RunRow, outcome: Extract<AttemptOutcome, { state: 'failed' }>): void {
  const isLoss = outcome.error.code === 'WORKER_LOST';
  const failures = { own: row.own_failures + (isLoss ? 0 : 1), losses: row.losses + (isLoss ? 1 : 0) };
  store.sql.run('UPDATE runs SET own_failures = ?, losses = ? WHERE seq = ?', failures.own, failures.losses, row.seq);
  const { retry } = store.policy(row.definition_hash);
  const seed = `${row.id} ${row.attempt}`;
  // A run whose time is over has no time for another attempt.
  const delayMs = row.is_timed_out === 1 ? undefined : retryDelayMs(retry, failures, outcome.error.code, seed);
  if (delayMs === undefined) endRun(store, row, { state: 'failed', result: outcome.result, error: outcome.error });
  else requeue(store, row, store.nowMs + delayMs, outcome.error);
}

function requeue(store: Store, row: RunRow, notBeforeMs: number, error: RunError): void {
  store.sql.run(
    `UPDATE runs SET state = 'retrying', not_before_ms = ?, worker = NULL, expires_ms = NULL, lease_ms = NULL,
       progress = NULL, error_code = ?, error_message = ? WHERE seq = ?`,
    notBeforeMs,
    error.code,
    error.message,
    row.seq,
  );
  const data = { attempt: row.attempt, notBeforeMs, code: error.code, message: error.message };
  store.event('run.retrying', { job: row.job, run: row.id }, data);
}

interface End {
  readonly state: Extract<RunState, 'succeeded' | 'failed' | 'cancelled' | 'skipped'>;
  readonly result?: Run['result'];
  readonly error?: RunError | undefined;
  readonly reason?: string | undefined;
}

/** Ends the run, whether an attempt was running or not. */
export function endRun(store: Store, row: RunRow, { state, result, error, reason }: End): void {
  store.sql.run(
    `UPDATE runs SET state = ?, finished_ms = ?, worker = NULL, expires_ms = NULL, lease_ms = NULL, progress = NULL,
       result = ?, error_code = ?, error_message = ?, queue_by_ms = NULL, start_by_ms = NULL, finish_by_ms = NULL,
       end_by_ms = NULL, timer_ms = NULL WHERE seq = ?`,
    state,
    store.nowMs,
    result === undefined ? undefined : jsonText(result, 'result'),
    error?.code,
    error?.message,
    row.seq,
  );
  const recovered = row.backfill === null && noteEnd(store, row, state);
  store.event(
    `run.${state}`,
    { job: row.job, run: row.id },
    {
      attempt: row.attempt,
      ...(error && { code: error.code, message: error.message }),
      ...(reason !== undefined && { reason }),
      ...(recovered && { recovered }),
    },
  );
  backfillRunEnded(store, row, state);
}

/** @returns whether the job works again, after its run before had failed */
function noteEnd({ sql, nowMs }: Store, row: RunRow, state: End['state']): boolean {
  if (state === 'cancelled') return false;
  const before = sql.get<{ last_end: string | null }>('SELECT last_end FROM jobs WHERE name = ?', row.job);
  if (state === 'failed') {
    sql.run("UPDATE jobs SET last_end = 'failed' WHERE name = ?", row.job);
    return false;
  }
  sql.run(
    `UPDATE jobs SET last_end = 'succeeded', is_stale = 0, last_success_ms = ?,
       last_success_end_ms = max(coalesce(last_success_end_ms, ?2), coalesce(?2, last_success_end_ms)) WHERE name = ?3`,
    nowMs,
    row.end_ms,
    row.job,
  );
  return before?.last_end === 'failed';
}
