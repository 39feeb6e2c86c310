/** Answers that come bit by bit, and the forms in which a client may want them. */
import { chunkBody, chunkJson, chunkType, type Chunk } from '../core/chunk.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Chunks } from '../serving/stream.ts';
import { encodeEvent } from './event-stream.ts';
import type { Exchange } from './exchange.ts';

export interface ChunkForm {
  /** @param first undefined when there is no chunk at all */
  readonly contentType: (first: Chunk | undefined) => string;
  readonly encode: (chunk: Chunk) => string | Uint8Array;
  /** What follows the last chunk, when nothing has failed. */
  readonly end?: () => string;
  /** Of the answer, names and values in turn; asked when it begins. */
  readonly headers?: () => readonly string[];
  /** What is said when it fails after it has begun, before the connection is cut. */
  readonly lastWords?: (error: string) => string | Uint8Array;
  /** Its clients know last words as such: the connection need not be cut. */
  readonly saysFailures?: boolean;
}

/** The bytes of the chunks, one after the other. */
export const BODY_CHUNKS: ChunkForm = {
  contentType: (first = '') => chunkType(first),
  encode: chunkBody,
};

const LINES: ChunkForm = {
  contentType: () => 'application/x-ndjson',
  encode: (chunk) => `${chunkJson(chunk)}\n`,
  lastWords: (error) => `${error}\n`,
};

const EVENTS: ChunkForm = {
  contentType: () => 'text/event-stream; charset=utf-8',
  encode: (chunk) => encodeEvent({ data: typeof chunk === 'string' ? chunk : chunkJson(chunk) }),
  lastWords: (error) => encodeEvent({ event: 'error', data: error }),
};

/** The form that an `Accept` header names. */
export function chunkForm(accept = ''): ChunkForm {
  if (accept.includes('text/event-stream')) return EVENTS;
  return accept.includes('application/x-ndjson') ? LINES : BODY_CHUNKS;
}

/**
 * Sends chunks as they come. A failure before the first is an answer like any other; one after it ends the
 * connection, as the status is already said.
 *
 * @param refuse answers when the call has outputs: see `Chunks`
 */
export async function sendChunks(
  exchange: Exchange,
  chunks: Chunks,
  form: ChunkForm,
  refuse: (outputs: readonly Tensor[]) => void,
): Promise<void> {
  try {
    let next = await chunks.next();
    if (next.done === true && next.value.length > 0) return refuse(next.value);
    const answer = exchange.openChunks(form.contentType(next.done === true ? undefined : next.value), form);
    while (answer?.isOpen === true && next.done !== true) {
      await answer.write(form.encode(next.value));
      if (answer.isOpen) next = await chunks.next();
    }
    if (next.done === true) {
      await answer?.write(form.end?.() ?? '');
      answer?.end();
    }
  } finally {
    await chunks.return([]);
  }
}
