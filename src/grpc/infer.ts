/** ModelInfer: bytes in, a prediction, bytes out. */
import { systemClock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { predictionDone } from '../core/events.ts';
import type { ModelVersion } from '../core/model.ts';
import { bindInferRequest } from '../protocol/open-inference/bind-request.ts';
import { NO_PARAMETERS } from '../protocol/open-inference/parameters.ts';
import { decodeModelInferRequest, type ModelInferRequest } from '../protocol/open-inference-grpc/infer-request.ts';
import { encodeModelInferResponse } from '../protocol/open-inference-grpc/infer-response.ts';
import type { Predict } from '../serving/predict.ts';
import { PREFIX_BYTES } from './framing.ts';
import type { CallContext, Unary } from './method.ts';
import { readModelRef } from './model-ref.ts';

export function inferMethod(predict: Predict): Unary {
  return { unary: (message, call) => infer(predict, call, message, PREFIX_BYTES) };
}

/** What is known of a request, also after it failed. */
export interface InferAttempt {
  id: string | undefined;
}

/** @param headroom bytes to leave free before the answer */
export async function infer(
  predict: Predict,
  call: CallContext,
  message: Buffer,
  headroom: number,
  attempt?: InferAttempt,
): Promise<Buffer> {
  const startedAt = systemClock.now();
  let model: ModelVersion | undefined;
  try {
    const decoded = decodeModelInferRequest(message);
    if (attempt !== undefined) attempt.id = decoded.request.id;
    const prediction = await predict(
      readModelRef(decoded.modelName, decoded.modelVersion),
      (signature, version) => {
        model = version;
        call.model = version;
        return bindInferRequest(decoded.request, signature, version.name, 'raw');
      },
      optionsOf(decoded, call, startedAt),
    );
    const { id, outputs, binaryDefault } = decoded.request;
    const { signature, outputs: tensors, rows } = prediction;
    const answer = { model: prediction.model, signature, tensors, id, outputs, binaryDefault };
    const encoded = encodeModelInferResponse(answer, headroom);
    announce(model, rows, startedAt, 'OK');
    return encoded;
  } catch (error) {
    announce(model, 0, startedAt, error instanceof ServeryError ? error.code : 'INTERNAL');
    throw error;
  }
}

function optionsOf({ request }: ModelInferRequest, call: CallContext, startedAt: number) {
  const { timeoutUs, parameters } = request;
  return {
    deadline: call.deadline,
    queueDeadline: timeoutUs === undefined ? undefined : startedAt + timeoutUs / 1000,
    signal: call.signal,
    // Requests with equal parameters share a batch; none at all is what nearly every request has.
    parameters: parameters === NO_PARAMETERS ? undefined : parameters,
  };
}

export function announce(
  model: ModelVersion | undefined,
  rows: number,
  startedAt: number,
  code: Parameters<typeof predictionDone.publish>[0]['code'],
): void {
  if (!predictionDone.hasSubscribers) return;
  predictionDone.publish({ model, door: 'grpc', rows, totalMs: systemClock.now() - startedAt, code });
}
