/**
 * Models for batch work: any version of the repository, loaded as the online half loads it, and kept for a while.
 */
import type { ModelRef, ModelVersion } from '../../core/model.ts';
import type { Signature } from '../../core/signature.ts';
import type { Tensor } from '../../core/tensor.ts';

export interface BatchModels extends AsyncDisposable {
  /**
   * The version that a reference means now.
   *
   * @throws {ServeryError} `MODEL_NOT_FOUND`
   */
  pin(ref: ModelRef): Promise<ModelVersion>;
  /**
   * Loads a version, or borrows one that is loaded. Disposing gives it back.
   *
   * @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_INVALID`, `RUNTIME_MISSING`
   */
  load(version: ModelVersion): Promise<BatchModel>;
}

/** A loaded version, as batch work runs it. */
export interface BatchModel extends AsyncDisposable {
  readonly model: ModelVersion;
  readonly signature: Signature;
  /** Rows of a run: from here up it takes any number, and answers each row as the online half does. */
  readonly batchRows: number;
  /** Runs that may be under way at once, so that the model never waits. */
  readonly concurrency: number;
  /** Computes the outputs of at most `batchRows` rows, padding as the online half does. */
  run(inputs: readonly Tensor[], rows: number): Promise<readonly Tensor[]>;
}
