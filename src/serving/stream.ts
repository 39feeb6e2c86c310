/**
 * The online use case for answers that come bit by bit: a request for a model becomes chunks.
 *
 * The way is that of a prediction, through the same queue and with the same limits; the call takes its place until
 * the last chunk was taken or nobody waits any more.
 */
import type { Chunk } from '../core/chunk.ts';
import { systemClock } from '../core/clock.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { firstChunk } from '../core/events.ts';
import type { ModelRef, ModelVersion } from '../core/model.ts';
import { checkInputs, type Signature } from '../core/signature.ts';
import type { NamedTensor, Tensor } from '../core/tensor.ts';
import type { LiveVersion } from '../models/live-version.ts';
import { ChunkQueue } from './chunk-queue.ts';
import type { PredictOptions } from './predict.ts';

/**
 * Chunks of the answer to one row. The next one is made when there is room for it. At the end come the outputs of the
 * call: none, unless a handler with a route of its own has refused the body (see core/handler-envelope.ts).
 *
 * Nothing begins before the first `next()`. Whoever stops earlier calls `return()`.
 */
export type Chunks = AsyncGenerator<Chunk, readonly Tensor[], void>;

/**
 * @param decode as that of `Predict`; one row
 * @throws {ServeryError} by `next()`: as `Predict`; `INVALID_REQUEST` when the version gives its answers at once only
 */
export type Stream = (
  model: ModelRef,
  decode: (signature: Signature, version: ModelVersion) => readonly NamedTensor[],
  options: PredictOptions,
) => Chunks;

/** @param silenceMs without a deadline of the caller: how long the next chunk may take */
export function createStream(acquire: (model: ModelRef) => LiveVersion & Disposable, silenceMs: number): Stream {
  return async function* (ref, decode, { signal, ...options }) {
    using version = acquire(ref);
    const { model, signature, streams } = version.descriptor;
    if (streams !== true) {
      throw new ServeryError('INVALID_REQUEST', `Cannot stream: model ${quote(model.name)} gives its answers at once`, {
        hint: 'Ask for a prediction.',
      });
    }
    const checked = checkInputs(signature, decode(signature, model));
    if (checked.rows !== 1) {
      throw new ServeryError('INVALID_REQUEST', `Cannot stream the answers to ${checked.rows} rows: expected 1`);
    }
    if (signal?.aborted) throw new ServeryError('CANCELLED', 'The client closed the request');
    const askedAt = systemClock.now();
    const abandoned = new AbortController();
    signal?.addEventListener('abort', () => abandoned.abort(), { once: true });
    const queue = new ChunkQueue();
    version.submit(checked, { ...options, signal: abandoned.signal, sink: queue }).then(
      (outputs) => queue.end({ outputs }),
      (failure: unknown) => queue.end({ failure }),
    );
    try {
      for (let isFirst = true; ; isFirst = false) {
        const next = await nextWithin(queue, options.deadline === undefined ? silenceMs : undefined);
        if ('outputs' in next) return next.outputs;
        if (isFirst) firstChunk.publish({ model, afterMs: systemClock.now() - askedAt });
        yield next.chunk;
        next.taken();
      }
    } finally {
      abandoned.abort();
    }
  };
}

async function nextWithin(queue: ChunkQueue, limitMs: number | undefined): ReturnType<ChunkQueue['next']> {
  if (limitMs === undefined) return queue.next();
  using _silence = systemClock.after(limitMs, () => {
    const message = `Request timeout expired: no chunk came for ${limitMs / 1000} s`;
    queue.end({ failure: new ServeryError('DEADLINE_EXCEEDED', message) });
  });
  return await queue.next();
}
