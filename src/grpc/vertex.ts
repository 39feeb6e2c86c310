/** Vertex AI's PredictionService. What it has beside Predict and the raw calls is not implemented. */
import { systemClock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { encodePredictions } from '../protocol/instances.ts';
import { DEFAULT_DECODE_LIMITS } from '../protocol/json.ts';
import {
  chooseDeployed,
  endpointNotFound,
  originOf,
  parseEndpointName,
  type Origin,
} from '../protocol/vertex/endpoints.ts';
import {
  decodePredictCall,
  decodeRawPredictCall,
  encodeHttpBody,
  encodePredictAnswer,
} from '../protocol/vertex/messages.ts';
import { bindInstances, readPredictBody, type PredictRequest } from '../protocol/vertex/predict.ts';
import { encodeRows } from '../protocol/vertex/value.ts';
import type { Prediction } from '../serving/predict.ts';
import type { GrpcDeps } from './deps.ts';
import { withHeadroom } from './framing.ts';
import { announcePrediction } from './prediction.ts';
import type { CallContext, Method } from './method.ts';

type Services = Readonly<Record<string, Readonly<Record<string, Method>>>>;

export function vertexServices(deps: GrpcDeps): Services {
  const methods: Readonly<Record<string, Method>> = {
    Predict: { scope: 'predict', answer: { unary: (message, call) => predict(deps, message, call) } },
    RawPredict: { scope: 'predict', answer: { unary: (message, call) => rawPredict(deps, message, call) } },
    StreamRawPredict: {
      scope: 'predict',
      answer: {
        async *streaming(requests, call) {
          for await (const request of requests) {
            using held = request;
            yield await rawPredict(deps, held.bytes, call);
          }
        },
      },
    },
  };
  return {
    'google.cloud.aiplatform.v1.PredictionService': methods,
    'google.cloud.aiplatform.v1beta1.PredictionService': methods,
  };
}

async function predict(deps: GrpcDeps, message: Buffer, call: CallContext): Promise<Buffer> {
  const { endpoint, ...request } = decodePredictCall(message);
  const { signature, outputs, origin } = await answer(deps, endpoint, request, call);
  return withHeadroom(encodePredictAnswer(encodeRows(signature, outputs), origin));
}

async function rawPredict(deps: GrpcDeps, message: Buffer, call: CallContext): Promise<Buffer> {
  const { endpoint, data } = decodeRawPredictCall(message);
  const { signature, outputs } = await answer(deps, endpoint, readPredictBody(data), call);
  return withHeadroom(encodeHttpBody('application/json', encodePredictions(signature, outputs, 'row')));
}

interface Answer extends Prediction {
  readonly origin: Origin;
}

async function answer(deps: GrpcDeps, endpoint: string, request: PredictRequest, call: CallContext): Promise<Answer> {
  const startedAt = systemClock.now();
  try {
    const name = parseEndpointName(endpoint);
    const deployed = chooseDeployed(deps.protocols.vertex, name, Math.random());
    const { deadline, signal } = call;
    const { parameters } = request;
    const prediction = await deps
      .predict(
        deployed.model,
        (signature, version) => {
          call.model = version;
          return bindInstances(request, signature, DEFAULT_DECODE_LIMITS);
        },
        { deadline, signal, parameters },
      )
      .catch((error: unknown) => {
        const isUnknown = error instanceof ServeryError && error.code === 'MODEL_NOT_FOUND';
        throw isUnknown ? endpointNotFound(name) : error;
      });
    announcePrediction(call.model, prediction.rows, startedAt, 'OK');
    return { ...prediction, origin: originOf(name, deployed, prediction.model) };
  } catch (error) {
    announcePrediction(call.model, 0, startedAt, error instanceof ServeryError ? error.code : 'INTERNAL');
    throw error;
  }
}
