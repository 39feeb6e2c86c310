/**
 * org.pytorch.serve.grpc.inference.InferenceAPIsService: TorchServe's predictions over gRPC.
 *
 * Failures have its texts, with the Java class in a second line, and its status: INTERNAL for what is refused before a
 * model is asked, and the one that goes with an HTTP status for what the model says.
 */
import { chunkBody } from '../core/chunk.ts';
import { ServeryError } from '../core/errors.ts';
import type { ModelVersion } from '../core/model.ts';
import type { Signature } from '../core/signature.ts';
import { failureOf, reasonOf } from '../protocol/torchserve/failure.ts';
import {
  decodePredictionsRequest,
  encodeHealthResponse,
  encodePredictionResponse,
  type PredictionsRequest,
  type StreamedAnswer,
} from '../protocol/torchserve/messages.ts';
import { readTorchServeRef } from '../protocol/torchserve/model-ref.ts';
import { decodeBody, decodeFields, type AnswerForm } from '../protocol/torchserve/request.ts';
import { answerOfHandler, encodeAnswer, healthJson } from '../protocol/torchserve/response.ts';
import { DEFAULT_DECODE_LIMITS } from '../protocol/json.ts';
import type { GrpcDeps } from './deps.ts';
import { STATUS, StatusError, statusOf, toKnownError, type Status } from './errors.ts';
import { withHeadroom } from './framing.ts';
import type { CallContext, Method } from './method.ts';
import { predictFor } from './prediction.ts';

export function torchserveMethods(deps: GrpcDeps, isDraining: () => boolean): Readonly<Record<string, Method>> {
  const { models } = deps;
  const inItsWords = (error: unknown, request?: PredictionsRequest) => translate(deps, error, request);
  const answer = async (request: PredictionsRequest, call: CallContext): Promise<string | Uint8Array> => {
    try {
      return await predict(deps, request, call);
    } catch (error) {
      throw inItsWords(error, request);
    }
  };
  const single = async (message: Buffer, call: CallContext): Promise<Buffer> => {
    const prediction = await answer(decodePredictionsRequest(message), call);
    return withHeadroom(encodePredictionResponse({ sequenceId: '', prediction }));
  };
  /** What a model answers at once is one part. */
  async function* parts(message: Buffer, call: CallContext): AsyncGenerator<Buffer> {
    const request = decodePredictionsRequest(message);
    try {
      for await (const prediction of predictInParts(deps, request, call)) {
        yield withHeadroom(encodePredictionResponse({ sequenceId: '', prediction }));
      }
    } catch (error) {
      throw inItsWords(error, request);
    }
  }
  return {
    Ping: {
      scope: 'none',
      whileDraining: true,
      answer: { unary: () => withHeadroom(encodeHealthResponse(healthJson(models.snapshot.ready && !isDraining()))) },
    },
    Predictions: { scope: 'predict', refusal: inItsWords, answer: { unary: single } },
    StreamPredictions: {
      scope: 'predict',
      refusal: inItsWords,
      answer: {
        async *streaming(requests, call) {
          for await (using request of requests) yield* parts(request.bytes, call);
        },
      },
    },
    StreamPredictions2: {
      scope: 'predict',
      refusal: inItsWords,
      answer: {
        async *streaming(requests, call) {
          for await (using request of requests) {
            const decoded = decodePredictionsRequest(request.bytes);
            yield withHeadroom(encodePredictionResponse(await answerOfSequence(decoded, call, answer)));
          }
        },
      },
    },
  };
}

/** One that fails is answered with its failure, and the stream goes on. */
async function answerOfSequence(
  request: PredictionsRequest,
  call: CallContext,
  answer: (request: PredictionsRequest, call: CallContext) => Promise<string | Uint8Array>,
): Promise<StreamedAnswer> {
  const { sequenceId } = request;
  try {
    if (sequenceId === '') throw parameterMissing('sequenceId');
    return { sequenceId, prediction: await answer(request, call) };
  } catch (cause) {
    const error = toKnownError(cause, 'of a stream');
    const [message = '', reason = 'org.pytorch.serve.http.InternalServerException'] = error.message.split('\n');
    return { sequenceId, failure: { code: statusOf(error), message, reason } };
  }
}

async function predict(
  { predict, models }: GrpcDeps,
  { modelName, modelVersion, input }: PredictionsRequest,
  call: CallContext,
): Promise<string | Uint8Array> {
  if (modelName === '') throw parameterMissing('model_name');
  const version = modelVersion === '' ? undefined : modelVersion;
  let form: AnswerForm = 'one';
  let isOwnRoute = false;
  const refTo = () => {
    const ref = readTorchServeRef(modelName, version);
    isOwnRoute = models.describe(ref).route !== undefined;
    return ref;
  };
  return predictFor(
    call,
    predict,
    refTo,
    (signature) => {
      const request = isOwnRoute
        ? decodeBody(input[0]?.bytes ?? new Uint8Array(0), '', signature, DEFAULT_DECODE_LIMITS)
        : decodeFields(input, signature, DEFAULT_DECODE_LIMITS);
      form = request.form;
      return request.tensors;
    },
    ({ signature, outputs, rows }) =>
      (isOwnRoute ? answerOfHandler(outputs) : encodeAnswer(signature, outputs, rows, form)).body,
  );
}

async function* predictInParts(
  deps: GrpcDeps,
  request: PredictionsRequest,
  call: CallContext,
): AsyncGenerator<string | Uint8Array> {
  const { modelName, modelVersion, input } = request;
  const ref = modelName === '' ? undefined : readTorchServeRef(modelName, modelVersion || undefined);
  const { streams, route } = ref === undefined ? {} : deps.models.describe(ref);
  if (ref === undefined || streams !== true) {
    yield await predict(deps, request, call);
    return;
  }
  const decode = (signature: Signature, model: ModelVersion) => {
    call.model = model;
    const body = input[0]?.bytes ?? new Uint8Array(0);
    if (route !== undefined) return decodeBody(body, '', signature, DEFAULT_DECODE_LIMITS).tensors;
    return decodeFields(input, signature, DEFAULT_DECODE_LIMITS).tensors;
  };
  const chunks = deps.stream(ref, decode, { deadline: call.deadline, signal: call.signal });
  try {
    let next = await chunks.next();
    for (; next.done !== true; next = await chunks.next()) yield chunkBody(next.value);
    // A handler has refused the body that it was sent.
    if (next.value.length > 0) yield answerOfHandler(next.value).body;
  } finally {
    await chunks.return([]);
  }
}

function translate({ models }: GrpcDeps, error: unknown, request: PredictionsRequest | undefined): unknown {
  if (!(error instanceof ServeryError) || error instanceof StatusError || error.code === 'INTERNAL') return error;
  const { modelName: name = '', modelVersion } = request ?? {};
  const version = modelVersion === '' ? undefined : modelVersion;
  const isKnown = models.snapshot.models.some((model) => model.name === name);
  const failure = failureOf(error, name === '' ? undefined : { name, version, isKnown });
  const { code } = error;
  // Its interceptor says that a caller without a good token may not.
  if (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN') {
    return new StatusError(STATUS.PERMISSION_DENIED, failure.message, error);
  }
  return new StatusError(itsStatus(error), `${failure.message}\n${reasonOf(code, failure.type)}`, error);
}

function itsStatus(error: ServeryError): Status {
  switch (error.code) {
    case 'MODEL_NOT_FOUND':
    case 'MODEL_NOT_READY':
    case 'QUEUE_FULL':
      return STATUS.INTERNAL;
    // Its 503.
    case 'MODEL_FAILED':
    case 'HANDLER_FAILED':
      return STATUS.UNAVAILABLE;
    default:
      return statusOf(error);
  }
}

function parameterMissing(name: string): StatusError {
  const cause = new ServeryError('INVALID_REQUEST', `Parameter ${name} is required.`);
  return new StatusError(STATUS.INTERNAL, `${cause.message}\nBadRequestException.()`, cause);
}
