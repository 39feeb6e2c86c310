/** Predictions by `{"instances": …, "parameters": …}` or by the bytes that a model takes, whoever says which model. */
import { chunkBody, chunkType, type Chunk } from '../../core/chunk.ts';
import { readAnswers, bodyInput } from '../../core/handler-envelope.ts';
import type { ModelRef, ModelVersion } from '../../core/model.ts';
import type { Signature } from '../../core/signature.ts';
import { encodePredictions } from '../../protocol/instances.ts';
import { unwrapHttpBody, wrapHttpBody } from '../../protocol/vertex/http-body.ts';
import {
  bindBodies,
  bindInstances,
  encodeAnswers,
  readPredictBody,
  type PredictRequest,
} from '../../protocol/vertex/predict.ts';
import { chunkForm, sendChunks, type ChunkForm } from '../chunks.ts';
import type { HttpDeps } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { explainFor, predictFor, streamFor } from '../prediction.ts';

const JSON_TYPE = 'application/json';

export interface Predictions {
  /** `{"predictions": […]}`, or what a handler with a route of its own answers. */
  readonly text: string;
  readonly model: ModelVersion;
}

export interface Explained extends Predictions {
  /** JSON texts, one for each instance. */
  readonly explanations: readonly string[];
}

/** Names and values in turn, of an answer of the model that is given. */
export type HeadersOf = (model: ModelVersion) => readonly string[];

export interface VertexPredictor {
  readonly predict: (exchange: Exchange, ref: ModelRef, body: Uint8Array) => Promise<Predictions>;
  readonly explain: (exchange: Exchange, ref: ModelRef, request: PredictRequest) => Promise<Explained>;
  readonly sendRaw: (exchange: Exchange, ref: ModelRef, headersOf: HeadersOf) => Promise<void>;
  /** As `sendRaw`; chunk by chunk, where the model answers so. */
  readonly sendStream: (exchange: Exchange, ref: ModelRef, headersOf: HeadersOf) => Promise<void>;
}

export function vertexPredictor({ predict, explain, stream, models, options }: HttpDeps): VertexPredictor {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };

  async function predictInstances(exchange: Exchange, ref: ModelRef, body: Uint8Array): Promise<Predictions> {
    refuseEarly(exchange, ref);
    return predictRequest(exchange, ref, readPredictBody(body));
  }

  /** Instances for a handler with a route of its own are bodies. */
  const bind = (ref: ModelRef, request: PredictRequest) => {
    const isRoute = models.describe(ref).route !== undefined;
    const decode = (known: Signature) => (isRoute ? bindBodies(request, known) : bindInstances(request, known, limits));
    return { isRoute, decode };
  };

  async function predictRequest(exchange: Exchange, ref: ModelRef, request: PredictRequest): Promise<Predictions> {
    const { isRoute, decode } = bind(ref, request);
    const { parameters } = request;
    const { signature, outputs, model } = await predictFor(exchange, predict, ref, decode, { parameters });
    return { text: isRoute ? encodeAnswers(outputs) : encodePredictions(signature, outputs, 'row'), model };
  }

  async function explainRequest(exchange: Exchange, ref: ModelRef, request: PredictRequest): Promise<Explained> {
    refuseEarly(exchange, ref);
    const { decode } = bind(ref, request);
    const { parameters } = request;
    const { model, explanations } = await explainFor(exchange, explain, ref, decode, { parameters });
    // Of the version that has explained.
    const asked = { name: model.name, version: model.version };
    return { ...(await predictRequest(exchange, asked, request)), explanations };
  }

  async function predictRaw(exchange: Exchange, ref: ModelRef, body: Uint8Array): Promise<Predictions> {
    refuseEarly(exchange, ref);
    if (models.describe(ref).route === undefined) return predictInstances(exchange, ref, body);
    const { outputs, model } = await predictFor(exchange, predict, ref, (signature) => bodyInput(signature, [body]));
    return { text: readAnswers(outputs).join(), model };
  }

  /** Before it is read: there may be no room. */
  function refuseEarly(exchange: Exchange, ref: ModelRef): void {
    const refusal = models.refusalNow(ref);
    if (refusal === undefined) return;
    exchange.model = refusal.model;
    throw refusal.error;
  }

  async function sendRaw(exchange: Exchange, ref: ModelRef, headersOf: HeadersOf): Promise<void> {
    const { bytes, isWrapped } = unwrapHttpBody(exchange.body);
    const { text, model } = await predictRaw(exchange, ref, bytes);
    exchange.send(200, JSON_TYPE, isWrapped ? wrapHttpBody(JSON_TYPE, text) : text, headersOf(model));
  }

  async function sendStream(exchange: Exchange, ref: ModelRef, headersOf: HeadersOf): Promise<void> {
    const { bytes, isWrapped } = unwrapHttpBody(exchange.body);
    const { streams, route } = models.describe(ref);
    if (streams !== true) {
      const { text, model } = await predictRaw(exchange, ref, bytes);
      exchange.send(200, JSON_TYPE, isWrapped ? `[${wrapHttpBody(JSON_TYPE, text)}]` : text, headersOf(model));
      return;
    }
    refuseEarly(exchange, ref);
    const request = route === undefined ? readPredictBody(bytes) : undefined;
    const chunks = streamFor(
      exchange,
      stream,
      ref,
      (known) => (request === undefined ? bodyInput(known, [bytes]) : bindInstances(request, known, limits)),
      { parameters: request?.parameters },
    );
    const form = isWrapped ? wrappedChunks() : chunkForm(exchange.headers.accept);
    const headers = () => headersOf(exchange.model!);
    await sendChunks(exchange, chunks, { ...form, headers }, (outputs) => void readAnswers(outputs));
  }

  return { predict: predictInstances, explain: explainRequest, sendRaw, sendStream };
}

/** A list of `google.api.HttpBody`, which Google's clients read item by item. */
function wrappedChunks(): ChunkForm {
  return listOfMessages((chunk) => wrapHttpBody(chunkType(chunk), chunkBody(chunk)), 'contentType');
}

/** @param member one of a message, that is neither a list of texts nor a message itself */
export function listOfMessages(toMessage: (chunk: Chunk) => string, member: string): ChunkForm {
  let before = '[';
  return {
    contentType: () => JSON_TYPE,
    encode(chunk) {
      const item = before + toMessage(chunk);
      before = ',';
      return item;
    },
    end: () => (before === '[' ? '[]' : ']'),
    // As Google says it, and with a member that no client takes for one of a message: that for Node.js would read an
    // unknown member, and the end of the connection, as the end of the stream.
    lastWords(text) {
      const { error } = JSON.parse(text) as { readonly error: { readonly message: string } };
      return `${before}${JSON.stringify({ error, [member]: [error.message] })}]`;
    },
  };
}
