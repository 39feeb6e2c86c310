/** Predictions by the Open Inference Protocol: JSON, binary tensors after JSON, or one tensor raw. */
import { systemClock } from '../core/clock.ts';
import { bindInferRequest } from '../protocol/open-inference/bind-request.ts';
import { decodeInferRequest, parseHeaderLength } from '../protocol/open-inference/infer-request.ts';
import { encodeInferResponse } from '../protocol/open-inference/infer-response.ts';
import type { InferRequest } from '../protocol/open-inference/infer-types.ts';
import { decodeRawBinary, RAW_BINARY_FORM } from '../protocol/open-inference/raw-binary.ts';
import type { Prediction } from '../serving/predict.ts';
import type { HttpDeps } from './deps.ts';
import type { Exchange } from './exchange.ts';
import { predictFor } from './prediction.ts';
import type { Route } from './route.ts';

const OCTETS = 'application/octet-stream';
const BODY = { mediaTypes: ['application/json', OCTETS] };

export function inferRoutes({ predict, options }: HttpDeps): readonly Route[] {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };

  async function infer(exchange: Exchange): Promise<void> {
    const { body } = exchange;
    const { model: ref } = exchange.target!;
    const headerLength = parseHeaderLength(exchange.headers['inference-header-content-length'] as string | undefined);
    if (headerLength === 0) {
      const prediction = await predictFor(exchange, predict, ref, (signature) => decodeRawBinary(body, signature));
      sendPrediction(exchange, prediction, RAW_BINARY_FORM);
      return;
    }
    const request = decodeInferRequest(body, headerLength, limits);
    const { parameters, timeoutUs } = request;
    const prediction = await predictFor(
      exchange,
      predict,
      ref,
      (signature, { name }) => bindInferRequest(request, signature, name),
      {
        queueDeadline: timeoutUs === undefined ? undefined : systemClock.now() + timeoutUs / 1000,
        // Requests with equal parameters share a batch; none at all is what nearly every request has.
        parameters: hasKeys(parameters) ? parameters : undefined,
      },
    );
    sendPrediction(exchange, prediction, request);
  }

  const route = { method: 'POST', scope: 'predict', body: BODY, predicts: true, handle: infer } as const;
  return [
    {
      ...route,
      path: '/v2/models/:model/infer',
      docs: { tag: 'Open Inference Protocol', summary: 'Predict with the default version or an alias' },
    },
    {
      ...route,
      path: '/v2/models/:model/versions/:version/infer',
      docs: { tag: 'Open Inference Protocol', summary: 'Predict with a version' },
    },
  ];
}

function sendPrediction(
  exchange: Exchange,
  { model, signature, outputs: tensors }: Prediction,
  { id, outputs, binaryDefault }: Omit<InferRequest, 'inputs'>,
): void {
  const { body, headerLength } = encodeInferResponse({ model, signature, tensors, id, outputs, binaryDefault });
  if (headerLength === undefined) exchange.send(200, 'application/json', body);
  else exchange.send(200, OCTETS, body, ['inference-header-content-length', String(headerLength)]);
}

function hasKeys(object: object): boolean {
  for (const _ in object) return true;
  return false;
}
