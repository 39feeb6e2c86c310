/**
 * ModelStreamInfer: any number of predictions in one call.
 *
 * They run side by side and are answered in the order of the requests. One that fails is answered with its
 * error and its id, and the stream goes on.
 */
import { encodeStreamError, encodeStreamResponse } from '../protocol/open-inference-grpc/infer-response.ts';
import type { Predict } from '../serving/predict.ts';
import { toKnownError } from './errors.ts';
import { PREFIX_BYTES } from './framing.ts';
import { infer, type InferAttempt } from './infer.ts';
import type { CallContext, StreamedRequest, Streaming } from './method.ts';

type Event =
  | { readonly kind: 'request'; readonly request: StreamedRequest }
  | { readonly kind: 'end'; readonly error: Error | undefined }
  | { readonly kind: 'answer'; readonly message: Buffer };

/** @param maxConcurrent requests of one stream that run at once; further ones wait in the network */
export function streamInferMethod(predict: Predict, maxConcurrent: number): Streaming {
  return {
    async *streaming(requests, call) {
      const incoming = requests[Symbol.asyncIterator]();
      /** Oldest first. */
      const running: Promise<Event>[] = [];
      let next = nextRequest(incoming);
      let end: Extract<Event, { kind: 'end' }> | undefined;
      while (end === undefined || running.length > 0) {
        const oldest = running.slice(0, 1);
        const canRead = end === undefined && running.length < maxConcurrent;
        const event = await Promise.race(canRead ? [next, ...oldest] : oldest);
        if (event.kind === 'end') end = event;
        else if (event.kind === 'request') {
          running.push(inferOne(predict, call, event.request));
          next = nextRequest(incoming);
        } else {
          void running.shift();
          yield event.message;
        }
      }
      // The server stops, or the client is gone: what was begun has been answered.
      if (end.error !== undefined) throw end.error;
    },
  };
}

async function nextRequest(incoming: AsyncIterator<StreamedRequest>): Promise<Event> {
  try {
    const next = await incoming.next();
    return next.done === true ? { kind: 'end', error: undefined } : { kind: 'request', request: next.value };
  } catch (error) {
    return { kind: 'end', error: error as Error };
  }
}

async function inferOne(predict: Predict, call: CallContext, request: StreamedRequest): Promise<Event> {
  using held = request;
  const attempt: InferAttempt = { id: undefined };
  try {
    const answer = await infer(predict, call, held.bytes, 0, attempt);
    return { kind: 'answer', message: encodeStreamResponse(answer, PREFIX_BYTES) };
  } catch (error) {
    const { message } = toKnownError(error, attempt.id ?? 'of a stream');
    return { kind: 'answer', message: encodeStreamError(message, attempt.id, PREFIX_BYTES) };
  }
}
