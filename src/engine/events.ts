/**
 * What happened, in the order in which it was committed: the feed of notifications, server-sent events and of jobs
 * that follow other jobs. Appended in the transaction that made it true, so nothing is told that was rolled back.
 */
import type { Json } from '../core/json.ts';

export type EventKind =
  | 'jobs.configured'
  | 'job.paused'
  | 'job.resumed'
  | 'run.queued'
  | 'run.started'
  | 'run.retrying'
  | 'run.succeeded'
  | 'run.failed'
  | 'run.cancelled'
  | 'run.skipped'
  | 'run.cancelRequested'
  | 'occurrence.suppressed'
  | 'deadline.start'
  | 'deadline.finish'
  | 'deadline.fresh'
  | 'backfill.created'
  | 'backfill.paused'
  | 'backfill.resumed'
  | 'backfill.finished'
  | 'worker.lost';

export interface EngineEvent {
  /** Grows by commit order; a reader asks for what comes after the last one it has seen. */
  readonly id: number;
  readonly atMs: number;
  readonly kind: EventKind;
  readonly job: string | undefined;
  readonly runId: string | undefined;
  /** `run.succeeded` has `recovered: true` when the job's run before it had failed. */
  readonly data: Readonly<Record<string, Json>>;
}
