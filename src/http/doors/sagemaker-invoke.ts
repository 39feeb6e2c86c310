/** One invocation of a model: the body in its type, the answer in the type that is asked for. */
import { chunkBody } from '../../core/chunk.ts';
import { bodyInput, readAnswers } from '../../core/handler-envelope.ts';
import type { ModelRef } from '../../core/model.ts';
import { decodeText } from '../../protocol/json.ts';
import { payloadParts, streamFailure } from '../../protocol/sagemaker/event-frames.ts';
import {
  chooseAnswer,
  chooseBodyType,
  decodeBodies,
  decodeInvocation,
  encodeAnswers,
  encodeInvocation,
  INVOCATION_TYPES,
  type Invocation,
} from '../../protocol/sagemaker/invocation.ts';
import { sendChunks, type ChunkForm } from '../chunks.ts';
import type { HttpDeps } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { predictFor, streamFor } from '../prediction.ts';

export const EVENT_STREAM = 'application/vnd.amazon.eventstream';

/** Any type, as it is the model that refuses one, with its own failure. */
export const INVOCATION_BODY = { mediaTypes: INVOCATION_TYPES, anyType: true };

export interface Answer {
  readonly type: string;
  readonly body: string | Uint8Array;
}

export function invoker({ predict, models, options, protocols }: HttpDeps) {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  const { defaultAccept } = protocols.sagemaker;
  const acceptOf = ({ headers: { accept } }: Exchange) => {
    const isOpen = accept === undefined || accept.trim() === '' || accept.trim() === '*/*';
    return isOpen ? defaultAccept : accept;
  };

  /** A handler with a route of its own says for itself what a body is. */
  async function invokeBodies(exchange: Exchange, ref: ModelRef): Promise<Answer> {
    const bodies = decodeBodies(exchange.body, exchange.mediaType);
    const type = chooseBodyType(acceptOf(exchange), bodies);
    const { outputs } = await predictFor(exchange, predict, ref, (signature) => bodyInput(signature, bodies.texts));
    return { type, body: encodeAnswers(readAnswers(outputs), type) };
  }

  return async (exchange: Exchange, ref: ModelRef): Promise<Answer> => {
    if (models.describe(ref).route !== undefined) return invokeBodies(exchange, ref);
    let invocation: Invocation | undefined;
    let type: Invocation['type'] = 'application/json';
    const answer = await predictFor(exchange, predict, ref, (signature) => {
      invocation = decodeInvocation(exchange.body, exchange.mediaType, signature, limits);
      type = chooseAnswer(acceptOf(exchange), invocation.type, signature);
      return invocation.tensors;
    });
    return { type, body: encodeInvocation(answer, type, invocation!.form) };
  };
}

/** A member of a call that travels as a header. */
export function textHeader({ headers }: Exchange, name: string): string | undefined {
  return headers[`x-amzn-sagemaker-${name}`] as string | undefined;
}

/** The chunks of a handler that streams, a frame for each. */
export function streamer({ stream, models, options }: HttpDeps) {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  return async (exchange: Exchange, ref: ModelRef): Promise<void> => {
    const { route } = models.describe(ref);
    const chunks = streamFor(exchange, stream, ref, (signature) => {
      if (route === undefined) return decodeInvocation(exchange.body, exchange.mediaType, signature, limits).tensors;
      return bodyInput(signature, [decodeText(exchange.body)]);
    });
    await sendChunks(exchange, chunks, FRAMES, (outputs) => void readAnswers(outputs));
  };
}

const FRAMES: ChunkForm = {
  contentType: () => EVENT_STREAM,
  encode(chunk) {
    const body = chunkBody(chunk);
    return payloadParts(typeof body === 'string' ? Buffer.from(body) : body);
  },
  lastWords: streamFailure,
  saysFailures: true,
};
