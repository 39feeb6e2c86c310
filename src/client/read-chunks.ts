/**
 * The chunks of an answer, as lines of JSON.
 *
 * A failure in the middle is a last line that holds the error, and then the connection is cut. A chunk may look the
 * same; so what looks like a failure is kept until the next line, or the end, tells which it was.
 */
import type { ChunkValue } from '../core/chunk.ts';
import { failureIn, isTimeout, tooLate, type CallOptions, type Connection } from './connection.ts';
import { linesOf } from './read-text.ts';

/**
 * Chunks until the answer ends or its reader stops reading.
 *
 * @throws {ServeryError} what the server refused, or how its answer failed after it had begun
 * @throws the signal's reason, when it aborts; what `fetch` says, when the connection is lost
 */
export async function* readChunks(
  connection: Connection,
  path: string,
  body: unknown,
  { signal, ...call }: CallOptions,
): AsyncGenerator<ChunkValue, void, void> {
  const ended = new AbortController();
  const both = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
  const headers = { 'content-type': 'application/json', accept: 'application/x-ndjson' };
  const request = { ...call, method: 'POST', headers, body: JSON.stringify(body), signal: both };
  let held: { readonly chunk: ChunkValue } | undefined;
  try {
    const response = await connection.openAnswer(path, request);
    const lines = linesOf(response.body!);
    for (;;) {
      const { done, value: line } = await lines.next().catch((error: unknown) => {
        throw signal?.aborted === true ? signal.reason : isTimeout(error) ? tooLate(error) : (lastWords(held) ?? error);
      });
      if (held !== undefined) yield held.chunk;
      held = undefined;
      if (done === true) return;
      const chunk = chunkIn(JSON.parse(line as string));
      if (failureIn(chunk) === undefined) yield chunk;
      else held = { chunk };
    }
  } finally {
    // Also when the reader has stopped reading: the server stops its handler.
    ended.abort();
  }
}

function lastWords(held: { readonly chunk: ChunkValue } | undefined): Error | undefined {
  return held === undefined ? undefined : failureIn(held.chunk);
}

/** Bytes come as `{"b64": TEXT}`. */
function chunkIn(value: unknown): ChunkValue {
  const { b64, ...others } = Object(value) as { readonly b64?: unknown };
  if (typeof b64 !== 'string' || Object.keys(others).length > 0) return value as ChunkValue;
  return Uint8Array.from(atob(b64), (character) => character.charCodeAt(0));
}
