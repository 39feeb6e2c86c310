/** Predictions that a call waits for, at once or bit by bit, counted whether they are answered or fail. */
import { systemClock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { predictionDone, type PredictionDone } from '../core/events.ts';
import type { ModelRef, ModelVersion } from '../core/model.ts';
import type { Signature } from '../core/signature.ts';
import type { NamedTensor } from '../core/tensor.ts';
import type { ParameterValue } from '../runtime/runtime.ts';
import type { Explain, Explained } from '../serving/explain.ts';
import type { Predict, Prediction } from '../serving/predict.ts';
import type { Chunks, Stream } from '../serving/stream.ts';
import type { CallContext } from './method.ts';

type Parameters = Readonly<Record<string, ParameterValue>> | undefined;

/**
 * @param encode its failures count as those of the prediction
 * @throws {ServeryError} as `Predict`, and what `encode` throws
 */
export async function predictFor<Answer>(
  call: CallContext,
  predict: Predict,
  ref: () => ModelRef,
  decode: (signature: Signature) => readonly NamedTensor[],
  encode: (prediction: Prediction) => Answer,
  parameters?: Parameters,
): Promise<Answer> {
  const startedAt = systemClock.now();
  let model: ModelVersion | undefined;
  try {
    const decodeFor = (signature: Signature, version: ModelVersion) => {
      model = call.model = version;
      return decode(signature);
    };
    const { deadline, signal } = call;
    const prediction = await predict(ref(), decodeFor, { deadline, signal, parameters });
    const answer = encode(prediction);
    announcePrediction(model, prediction.rows, startedAt, 'OK');
    return answer;
  } catch (error) {
    announcePrediction(model, 0, startedAt, error instanceof ServeryError ? error.code : 'INTERNAL');
    throw error;
  }
}

export function announcePrediction(
  model: ModelVersion | undefined,
  rows: number,
  startedAt: number,
  code: PredictionDone['code'],
): void {
  if (!predictionDone.hasSubscribers) return;
  predictionDone.publish({ model, door: 'grpc', rows, totalMs: systemClock.now() - startedAt, code });
}

/** @throws {ServeryError} as `Explain` */
export async function explainFor(
  call: CallContext,
  explain: Explain,
  ref: ModelRef,
  decode: (signature: Signature) => readonly NamedTensor[],
  parameters?: Parameters,
): Promise<Explained> {
  const decodeFor = (signature: Signature, version: ModelVersion) => {
    call.model = version;
    return decode(signature);
  };
  return explain(ref, decodeFor, { deadline: call.deadline, signal: call.signal, parameters });
}

/** The answer to one row, bit by bit; it fails as `Stream` does. */
export async function* streamFor(
  call: CallContext,
  stream: Stream,
  ref: ModelRef,
  decode: (signature: Signature) => readonly NamedTensor[],
  parameters?: Parameters,
): Chunks {
  const startedAt = systemClock.now();
  let model: ModelVersion | undefined;
  let code: PredictionDone['code'] = 'CANCELLED';
  const decodeFor = (signature: Signature, version: ModelVersion) => {
    model = call.model = version;
    return decode(signature);
  };
  try {
    const outputs = yield* stream(ref, decodeFor, { deadline: call.deadline, signal: call.signal, parameters });
    code = 'OK';
    return outputs;
  } catch (error) {
    code = error instanceof ServeryError ? error.code : 'INTERNAL';
    throw error;
  } finally {
    announcePrediction(model, code === 'OK' ? 1 : 0, startedAt, code);
  }
}
