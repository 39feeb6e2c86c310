/** Cancelling: at once where nothing runs, else as a request that the worker must confirm. */
import { ServeryError } from '../../core/errors.ts';
import { canBecome, type Run } from '../run.ts';
import { endRun } from './end-attempt.ts';
import { runRow, runRowBySeq, toRun, type RunRow } from './run-rows.ts';
import type { Store } from './store.ts';

interface CancelOptions {
  readonly reason: string;
  readonly force?: boolean;
}

export function requestCancel(store: Store, runId: string, options: CancelOptions): Run {
  const row = runRow(store, runId);
  if (!canBecome(row.state, 'cancelled')) {
    throw new ServeryError('CONFLICT', `Cannot cancel the run: it is ${row.state}`);
  }
  cancelRow(store, row, options);
  return toRun(runRowBySeq(store, row.seq));
}

/** @param row of a run that is not over */
export function cancelRow(store: Store, row: RunRow, { reason, force = false }: CancelOptions): void {
  // A second request may only add force to the first.
  if (row.cancel_ms !== null && (row.cancel_force === 1 || !force)) return;
  store.sql.run(
    'UPDATE runs SET cancel_ms = ?, cancel_reason = ?, cancel_force = ? WHERE seq = ?',
    row.cancel_ms ?? store.nowMs,
    reason,
    force,
    row.seq,
  );
  if (row.state === 'running') {
    store.event('run.cancelRequested', { job: row.job, run: row.id }, { reason, force });
  } else {
    endRun(store, row, { state: 'cancelled', error: { code: 'CANCELLED', message: reason }, reason });
  }
}
