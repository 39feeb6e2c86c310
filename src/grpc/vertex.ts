/** Vertex AI's PredictionService. */
import { chunkBody, chunkType } from '../core/chunk.ts';
import { bodyInput, readAnswers } from '../core/handler-envelope.ts';
import type { ModelRef, ModelVersion } from '../core/model.ts';
import type { Signature } from '../core/signature.ts';
import type { NamedTensor } from '../core/tensor.ts';
import { encodePredictions } from '../protocol/instances.ts';
import { DEFAULT_DECODE_LIMITS } from '../protocol/json.ts';
import { originOf } from '../protocol/vertex/endpoints.ts';
import { decodeExplainCall, encodeExplainAnswer } from '../protocol/vertex/explain.ts';
import {
  decodePredictCall,
  decodeRawPredictCall,
  encodeHttpBody,
  encodePredictAnswer,
} from '../protocol/vertex/messages.ts';
import {
  bindBodies,
  bindInstances,
  readPredictBody,
  type PredictParameters,
  type PredictRequest,
} from '../protocol/vertex/predict.ts';
import { encodeJson, encodeRows } from '../protocol/vertex/value.ts';
import type { Prediction } from '../serving/predict.ts';
import type { GrpcDeps } from './deps.ts';
import { withHeadroom } from './framing.ts';
import { explainFor, predictFor, streamFor } from './prediction.ts';
import type { CallContext, Method } from './method.ts';
import { directMethods } from './vertex-direct.ts';
import { endpointMethods } from './vertex-endpoints.ts';
import { ask, metadataOf, orCount, type Asked } from './vertex-call.ts';

type Services = Readonly<Record<string, Readonly<Record<string, Method>>>>;

/** @param methodAt every method of the port, by its path */
export function vertexServices(deps: GrpcDeps, methodAt: (path: string) => Method | undefined): Services {
  const methods: Readonly<Record<string, Method>> = {
    ...directMethods(deps, methodAt),
    Predict: { scope: 'predict', answer: { unary: (message, call) => predict(deps, message, call) } },
    Explain: { scope: 'predict', answer: { unary: (message, call) => explain(deps, message, call) } },
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
  const endpoints = endpointMethods(deps);
  return {
    'google.cloud.aiplatform.v1.EndpointService': endpoints,
    'google.cloud.aiplatform.v1beta1.EndpointService': endpoints,
    'google.cloud.aiplatform.v1.PredictionService': methods,
    'google.cloud.aiplatform.v1beta1.PredictionService': methods,
  };
}

async function predict(deps: GrpcDeps, message: Buffer, call: CallContext): Promise<Buffer> {
  const { request, ...asked } = orCount(() => {
    const { endpoint, ...request } = decodePredictCall(message);
    return { request, ...ask(deps, endpoint) };
  });
  const { name, deployed } = asked;
  return predictValues(deps, deployed.model, asked, request, call, (values, model) =>
    withHeadroom(encodePredictAnswer(values, originOf(name, deployed, model))),
  );
}

async function explain(deps: GrpcDeps, message: Buffer, call: CallContext): Promise<Buffer> {
  const { request, ...asked } = orCount(() => {
    const { endpoint, ...request } = decodeExplainCall(message);
    return { request, ...ask(deps, endpoint, request.deployedModelId) };
  });
  const { name, deployed } = asked;
  const decode = decoderOf(asked, request);
  const { model, explanations } = await explainFor(call, deps.explain, deployed.model, decode, request.parameters);
  // Of the version that has explained.
  const ref = { name: model.name, version: model.version };
  const { deployedModelId } = originOf(name, deployed, model);
  return predictValues(deps, ref, asked, request, call, (values) =>
    withHeadroom(encodeExplainAnswer(explanations, values, deployedModelId)),
  );
}

/** Instances for a handler with a route of its own are bodies. */
function decoderOf({ isRoute }: Asked, request: PredictRequest) {
  return (signature: Signature) =>
    isRoute ? bindBodies(request, signature) : bindInstances(request, signature, DEFAULT_DECODE_LIMITS);
}

function predictValues(
  deps: GrpcDeps,
  ref: ModelRef,
  asked: Asked,
  request: PredictRequest,
  call: CallContext,
  encode: (values: readonly Buffer[], model: ModelVersion) => Buffer,
): Promise<Buffer> {
  const toValues = ({ signature, outputs }: Prediction) =>
    asked.isRoute ? readAnswers(outputs).map((text) => encodeJson(JSON.parse(text))) : encodeRows(signature, outputs);
  return predictFor(
    call,
    deps.predict,
    () => ref,
    decoderOf(asked, request),
    (prediction) => encode(toValues(prediction), prediction.model),
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
