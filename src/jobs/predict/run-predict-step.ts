/**
 * The batch use case: the rows of an input become rows of an output, predicted by one pinned version.
 *
 * Plan → for each chunk: read, predict, stage, commit → finalise. Whatever crashes when, the next attempt goes on
 * with the same plan: the same version, files and chunk borders, without the chunks that are committed.
 */
import type { DataInterval } from '../../core/data-interval.ts';
import type { ModelVersion } from '../../core/model.ts';
import type { BatchModels } from './batch-models.ts';
import type { ChunkLedger, ChunkRows } from './ledger.ts';
import type { PredictOptions } from './options.ts';

/** What a predict step needs to know of the run that it belongs to. A step's context has all of it. */
export interface PredictContext {
  readonly runId: string;
  readonly attempt: number;
  /** Rows outside of it are not read; undefined for all. */
  readonly interval: DataInterval | undefined;
  readonly timezone: string;
  /** Absolute; relative paths of the options begin here. */
  readonly workspace: string;
  /** Looked at between batches and chunks. */
  readonly signal: AbortSignal;
  progress(progress: PredictProgress): void;
}

export interface PredictProgress {
  readonly rows: number;
  readonly badRows: number;
  /** Undefined as long as nobody has counted them. */
  readonly totalRows: number | undefined;
}

export interface PredictOutcome {
  readonly rows: ChunkRows;
  readonly model: ModelVersion;
  /** Files (or tables) with the output. */
  readonly outputs: readonly string[];
  /** Files with the bad rows. */
  readonly badRows: readonly string[];
}

/**
 * @param models borrowed; several steps of a process may share it
 * @throws {ServeryError} `DATA_INVALID`, `DATA_NOT_FOUND`, `TOO_MANY_BAD_ROWS`, `OUTPUT_INVALID`, `MODEL_NOT_FOUND`,
 *   `MODEL_INVALID`, `DEADLINE_EXCEEDED` (a batch hangs), `CANCELLED` (the signal), `LEASE_LOST`
 */
export type RunPredictStep = (
  options: PredictOptions,
  context: PredictContext,
  ledger: ChunkLedger,
  models: BatchModels,
) => Promise<PredictOutcome>;
