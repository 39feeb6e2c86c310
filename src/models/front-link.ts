/**
 * What the control side asks of one front end, in this thread or another.
 *
 * A front end answers requests with the versions it was told to prepare and to apply; see snapshot.ts
 * for the order in which the calls come.
 */
import type { PredictRows } from '../runtime/runtime.ts';
import type { Prepare, Snapshot } from './snapshot.ts';

export interface FrontLink {
  /** Opens a runner for a version that is not live yet. */
  prepare(version: Prepare): Promise<void>;
  /** Resolves when requests that arrive from now on are answered by this snapshot. */
  apply(snapshot: Snapshot): Promise<void>;
  /** Resolves when the last request of the version is answered here and its runner is closed. */
  release(key: number): Promise<void>;
  /** Predicts as for a request; what is asked here is part of a warm-up. */
  readonly predictRows: PredictRows;
}
