/**
 * A piece of an answer that comes bit by bit, and the two ways to write one down.
 *
 * Whoever makes chunks may be faster than whoever takes them, so only a few are on the way at once: a sink says
 * of each when it has been used.
 */

/** Text, bytes, or a value as JSON text. */
export type Chunk = string | Uint8Array | { readonly json: string };

/** A chunk as whoever asked for it sees it. */
export type ChunkValue = string | Uint8Array | JsonValue;
type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export function chunkValue(chunk: Chunk): ChunkValue {
  return typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : (JSON.parse(chunk.json) as JsonValue);
}

/** Takes the chunks of one call, in their order. */
export interface ChunkSink {
  /** @param taken to be called when the chunk has been used: there is room for another */
  push(chunk: Chunk, taken: () => void): void;
}

/** Text and bytes as they are, a value as a line of JSON: an answer is what its chunks are together. */
export function chunkBody(chunk: Chunk): string | Uint8Array {
  return typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : `${chunk.json}\n`;
}

/** The media type of `chunkBody`. */
export function chunkType(chunk: Chunk): string {
  if (typeof chunk === 'string') return 'text/plain; charset=utf-8';
  return chunk instanceof Uint8Array ? 'application/octet-stream' : 'application/x-ndjson';
}

/** As JSON, where every chunk has to be a value; bytes in base64. */
export function chunkJson(chunk: Chunk): string {
  if (typeof chunk === 'string') return JSON.stringify(chunk);
  return chunk instanceof Uint8Array ? JSON.stringify({ b64: Buffer.from(chunk).toString('base64') }) : chunk.json;
}
