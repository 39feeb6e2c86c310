/** Queueing a run again that is over, by hand. */
import { ServeryError } from '../../core/errors.ts';
import { canBecome, type Run } from '../run.ts';
import { sum } from './add-run.ts';
import { reopenBackfill } from './backfill-feed.ts';
import { runRow, toRun } from './run-rows.ts';
import type { Store } from './store.ts';

export function retryRun(store: Store, id: string): Run {
  const row = runRow(store, id);
  if (!canBecome(row.state, 'queued')) {
    throw new ServeryError('CONFLICT', `Cannot retry the run: it is ${row.state}, expected failed or cancelled`);
  }
  const { queueTimeoutMs } = store.policy(row.definition_hash);
  const queueBy = sum(store.nowMs, queueTimeoutMs);
  store.sql.run(
    `UPDATE runs SET state = 'queued', own_failures = 0, losses = 0, not_before_ms = ?, started_ms = NULL,
       finished_ms = NULL, cancel_ms = NULL, cancel_reason = NULL, cancel_force = NULL, is_timed_out = 0,
       error_code = NULL, error_message = NULL, result = NULL, progress = NULL, queue_by_ms = ?, start_by_ms = NULL,
       finish_by_ms = NULL, end_by_ms = NULL, timer_ms = ? WHERE seq = ?`,
    store.nowMs,
    queueBy,
    queueBy,
    row.seq,
  );
  store.event('run.queued', { job: row.job, run: id }, { cause: row.cause, retry: true });
  if (row.backfill !== null) reopenBackfill(store, row.backfill, row);
  return toRun(runRow(store, id));
}
