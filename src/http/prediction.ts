/** Predictions that an exchange waits for, at once or bit by bit, with its deadline and its client's patience. */
import type { ModelRef, ModelVersion } from '../core/model.ts';
import type { Signature } from '../core/signature.ts';
import type { NamedTensor } from '../core/tensor.ts';
import type { ParameterValue } from '../runtime/runtime.ts';
import type { Explain, Explained } from '../serving/explain.ts';
import type { Predict, Prediction } from '../serving/predict.ts';
import type { Chunks, Stream } from '../serving/stream.ts';
import type { Exchange } from './exchange.ts';

export interface CallOptions {
  /** Instant until which it may wait in the queue. */
  readonly queueDeadline?: number | undefined;
  readonly parameters?: Readonly<Record<string, ParameterValue>> | undefined;
}

/** @throws {ServeryError} as `Predict` */
export async function predictFor(
  exchange: Exchange,
  predict: Predict,
  ref: ModelRef,
  decode: (signature: Signature, model: ModelVersion) => readonly NamedTensor[],
  { queueDeadline, parameters }: CallOptions = {},
): Promise<Prediction> {
  const { deadline } = exchange;
  const decodeFor = (signature: Signature, model: ModelVersion) => {
    exchange.model = model;
    return decode(signature, model);
  };
  const prediction = await predict(ref, decodeFor, { deadline, queueDeadline, signal: exchange, parameters });
  exchange.rows = prediction.rows;
  return prediction;
}

/** @throws {ServeryError} as `Explain` */
export async function explainFor(
  exchange: Exchange,
  explain: Explain,
  ref: ModelRef,
  decode: (signature: Signature, model: ModelVersion) => readonly NamedTensor[],
): Promise<Explained> {
  const { deadline } = exchange;
  const decodeFor = (signature: Signature, model: ModelVersion) => {
    exchange.model = model;
    return decode(signature, model);
  };
  const explained = await explain(ref, decodeFor, { deadline, signal: exchange });
  exchange.rows = explained.rows;
  return explained;
}

/** The answer to one row, bit by bit; see `sendChunks`. */
export function streamFor(
  exchange: Exchange,
  stream: Stream,
  ref: ModelRef,
  decode: (signature: Signature, model: ModelVersion) => readonly NamedTensor[],
  { queueDeadline, parameters }: CallOptions = {},
): Chunks {
  const { deadline } = exchange;
  const decodeFor = (signature: Signature, model: ModelVersion) => {
    exchange.model = model;
    exchange.rows = 1;
    return decode(signature, model);
  };
  return stream(ref, decodeFor, { deadline, queueDeadline, signal: exchange, parameters });
}
