/** What a handler's `stream` gives, as chunks: each is checked when it comes, and the next is asked for after it. */
import type * as z from 'zod';
import { chunkBody, type Chunk } from '../../core/chunk.ts';
import { ServeryError } from '../../core/errors.ts';
import type { BytesElement } from '../../core/tensor.ts';
import { jsonText } from './json-text.ts';
import { kindOf } from './rows.ts';

/**
 * @param given what `stream` returned: an iterable, or the promise of one
 * @param schema of a chunk that is not bytes
 * @throws {ServeryError} `HANDLER_FAILED`, naming the chunk
 */
export async function* readChunks(given: unknown, schema?: z.ZodType): AsyncGenerator<Chunk, void> {
  const iterable = await given;
  if (!isIterable(iterable)) {
    throw failure(`\`stream\` gave ${kindOf(iterable)}, expected an iterable of chunks`);
  }
  let i = 0;
  for await (const value of iterable) {
    yield await readChunk(value, schema, i);
    i += 1;
  }
}

/** All chunks as one: text, unless there are bytes among them. */
export async function together(chunks: AsyncIterable<Chunk>): Promise<BytesElement> {
  const bodies: (string | Uint8Array)[] = [];
  for await (const chunk of chunks) bodies.push(chunkBody(chunk));
  if (bodies.every((body) => typeof body === 'string')) return bodies.join('');
  return new Uint8Array(Buffer.concat(bodies.map((body) => Buffer.from(body as string))));
}

async function readChunk(given: unknown, schema: z.ZodType | undefined, i: number): Promise<Chunk> {
  // Copied: it crosses to another thread, and the handler may go on using its own.
  if (given instanceof Uint8Array) return new Uint8Array(given);
  const result = await schema?.safeParseAsync(given);
  if (result?.success === false) throw failure(`chunk ${i}: it does not fit the response schema`, result.error);
  const value = result === undefined ? given : result.data;
  if (typeof value === 'string') return value;
  const json = jsonText(value);
  if (json !== undefined) return { json };
  throw failure(`chunk ${i}: expected text, bytes or a JSON value, got ${kindOf(value)}`);
}

function isIterable(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  // Text could be iterated too, and that is never meant.
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

function failure(problem: string, cause?: Error): ServeryError {
  return new ServeryError('HANDLER_FAILED', `The handler gave a wrong result: ${problem}`, {
    cause,
    hint: 'Write `async *stream(row) { yield … }`; with a `response` schema, each chunk has to fit it.',
  });
}
