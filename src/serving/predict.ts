/**
 * The online use case: a request for a model becomes a prediction.
 *
 * Every door calls this, and it knows none of them. Read top to bottom, it is the whole path.
 */
import type { CancelSignal } from '../core/cancel-signal.ts';
import { ServeryError } from '../core/errors.ts';
import type { ModelRef, ModelVersion } from '../core/model.ts';
import { checkInputs, type Signature } from '../core/signature.ts';
import type { NamedTensor, Tensor } from '../core/tensor.ts';
import type { LiveVersion } from '../models/live-version.ts';
import type { ParameterValue } from '../runtime/runtime.ts';

export interface PredictOptions {
  /** Instant of `systemClock` at which the client has its answer or a 504. */
  readonly deadline?: number | undefined;
  /** Like `deadline`, for the wait in the queue only. */
  readonly queueDeadline?: number | undefined;
  /** Aborts when the client is gone. */
  readonly signal?: CancelSignal | undefined;
  readonly parameters?: Readonly<Record<string, ParameterValue>> | undefined;
}

export interface Prediction {
  /** The version that answered, also when the request named none. */
  readonly model: ModelVersion;
  readonly signature: Signature;
  readonly rows: number;
  /** In the order of `signature.outputs`. */
  readonly outputs: readonly Tensor[];
}

/**
 * @param decode reads the request, given the signature of the version that will answer; called once, at once
 * @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_NOT_READY`, `INVALID_INPUT`, `QUEUE_FULL`,
 *   `DEADLINE_EXCEEDED`, `CANCELLED`, `MODEL_FAILED` …, and whatever `decode` throws
 */
export type Predict = (
  model: ModelRef,
  decode: (signature: Signature, version: ModelVersion) => readonly NamedTensor[],
  options: PredictOptions,
) => Promise<Prediction>;

export function createPredict(acquire: (model: ModelRef) => LiveVersion & Disposable): Predict {
  return async (ref, decode, options) => {
    using version = acquire(ref);
    const { model, signature } = version.descriptor;
    const checked = checkInputs(signature, decode(signature, model));
    if (options.signal?.aborted) throw new ServeryError('CANCELLED', 'The client closed the request');
    const outputs = await version.submit(checked, options);
    return { model, signature, rows: checked.rows, outputs };
  };
}
