/** A prediction that a call waits for, counted whether it is answered or fails. */
import { systemClock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { predictionDone } from '../core/events.ts';
import type { ModelRef, ModelVersion } from '../core/model.ts';
import type { Signature } from '../core/signature.ts';
import type { NamedTensor } from '../core/tensor.ts';
import type { Predict, Prediction } from '../serving/predict.ts';
import type { CallContext } from './method.ts';

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
): Promise<Answer> {
  const startedAt = systemClock.now();
  let model: ModelVersion | undefined;
  try {
    const decodeFor = (signature: Signature, version: ModelVersion) => {
      model = call.model = version;
      return decode(signature);
    };
    const prediction = await predict(ref(), decodeFor, { deadline: call.deadline, signal: call.signal });
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
  code: Parameters<typeof predictionDone.publish>[0]['code'],
): void {
  if (!predictionDone.hasSubscribers) return;
  predictionDone.publish({ model, door: 'grpc', rows, totalMs: systemClock.now() - startedAt, code });
}
