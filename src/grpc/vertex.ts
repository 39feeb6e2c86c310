/** Vertex AI's PredictionService. */
import { chunkBody, chunkType } from '../core/chunk.ts';
import { systemClock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { bodyInput, readAnswers } from '../core/handler-envelope.ts';
import type { ModelVersion } from '../core/model.ts';
import type { Signature } from '../core/signature.ts';
import type { NamedTensor } from '../core/tensor.ts';
import { encodePredictions } from '../protocol/instances.ts';
import { DEFAULT_DECODE_LIMITS } from '../protocol/json.ts';
import {
  chooseDeployed,
  endpointNotFound,
  originHeaders,
  originOf,
  parseEndpointName,
  type Deployed,
  type EndpointName,
} from '../protocol/vertex/endpoints.ts';
import {
  decodePredictCall,
  decodeRawPredictCall,
  encodeHttpBody,
  encodePredictAnswer,
} from '../protocol/vertex/messages.ts';
import { bindBodies, bindInstances, readPredictBody, type PredictParameters } from '../protocol/vertex/predict.ts';
import { encodeJson, encodeRows } from '../protocol/vertex/value.ts';
import type { GrpcDeps } from './deps.ts';
import { withHeadroom } from './framing.ts';
import { announcePrediction, predictFor, streamFor } from './prediction.ts';
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
          for await (using request of requests) yield* streamRawPredict(deps, request.bytes, call);
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
  const { request, name, deployed, isRoute } = orCount(() => {
    const { endpoint, ...request } = decodePredictCall(message);
    return { request, ...ask(deps, endpoint) };
  });
  return predictFor(
    call,
    deps.predict,
    () => deployed.model,
    (signature) =>
      isRoute ? bindBodies(request, signature) : bindInstances(request, signature, DEFAULT_DECODE_LIMITS),
    ({ signature, outputs, model }) => {
      const values = isRoute
        ? readAnswers(outputs).map((text) => encodeJson(JSON.parse(text)))
        : encodeRows(signature, outputs);
      return withHeadroom(encodePredictAnswer(values, originOf(name, deployed, model)));
    },
    request.parameters,
  );
}

async function rawPredict(deps: GrpcDeps, message: Buffer, call: CallContext): Promise<Buffer> {
  return predictRaw(deps, readRaw(deps, message), call);
}

async function predictRaw(deps: GrpcDeps, asked: RawCall, call: CallContext): Promise<Buffer> {
  return predictFor(
    call,
    deps.predict,
    () => asked.deployed.model,
    asked.decode,
    ({ signature, outputs, model }) => {
      call.metadata = metadataOf(asked, model);
      const text = asked.isRoute ? readAnswers(outputs).join() : encodePredictions(signature, outputs, 'row');
      return withHeadroom(encodeHttpBody('application/json', text));
    },
    asked.parameters,
  );
}

/** What a model answers at once is one part. */
async function* streamRawPredict(deps: GrpcDeps, message: Buffer, call: CallContext): AsyncGenerator<Buffer> {
  const asked = readRaw(deps, message);
  if (!asked.streams) {
    yield await predictRaw(deps, asked, call);
    return;
  }
  const chunks = streamFor(call, deps.stream, asked.deployed.model, asked.decode, asked.parameters);
  try {
    let next = await chunks.next();
    if (call.model !== undefined) call.metadata = metadataOf(asked, call.model);
    for (; next.done !== true; next = await chunks.next()) {
      yield withHeadroom(encodeHttpBody(chunkType(next.value), chunkBody(next.value)));
    }
    readAnswers(next.value);
  } finally {
    await chunks.return([]);
  }
}

interface RawCall extends Asked {
  readonly decode: (signature: Signature) => readonly NamedTensor[];
  readonly parameters: PredictParameters | undefined;
}

/** A handler with a route of its own takes bodies as they are; any other model takes instances. */
function readRaw(deps: GrpcDeps, message: Buffer): RawCall {
  return orCount(() => {
    const { endpoint, data } = decodeRawPredictCall(message);
    const asked = ask(deps, endpoint);
    if (asked.isRoute) {
      return { ...asked, decode: (signature) => bodyInput(signature, [data]), parameters: undefined };
    }
    const request = readPredictBody(data);
    const decode = (signature: Signature) => bindInstances(request, signature, DEFAULT_DECODE_LIMITS);
    return { ...asked, decode, parameters: request.parameters };
  });
}

/** What is refused before a model is asked counts as a prediction that has failed. */
function orCount<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    announcePrediction(undefined, 0, systemClock.now(), error instanceof ServeryError ? error.code : 'INTERNAL');
    throw error;
  }
}

interface Asked {
  readonly name: EndpointName;
  readonly deployed: Deployed;
  /** Its handler has a route of its own. */
  readonly isRoute: boolean;
  readonly streams: boolean;
}

/** @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_NOT_READY`, `INVALID_REQUEST` */
function ask({ models, protocols }: GrpcDeps, endpoint: string): Asked {
  const name = parseEndpointName(endpoint);
  try {
    const deployed = chooseDeployed(protocols.vertex, name, Math.random());
    const { route, streams = false } = models.describe(deployed.model);
    return { name, deployed, isRoute: route !== undefined, streams };
  } catch (error) {
    const isUnknown = error instanceof ServeryError && error.code === 'MODEL_NOT_FOUND';
    throw isUnknown ? endpointNotFound(name) : error;
  }
}

function metadataOf({ name, deployed }: Asked, model: ModelVersion): Readonly<Record<string, string>> {
  return originHeaders(name, originOf(name, deployed, model));
}
