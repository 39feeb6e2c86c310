/**
 * A piece of an answer that comes bit by bit, and the two ways to write one down.
 *
 * Whoever makes chunks may be faster than whoever takes them, so only a few are on the way at once: a sink says
 * of each when it has been used.
 */

/** Text, bytes, or a value as JSON text. */
export type Chunk = string | Uint8Array | { readonly json: string };

/** Takes the chunks of one call, in their order. */
export interface ChunkSink {
  /** @param taken to be called when the chunk has been used: there is room for another */
  push(chunk: Chunk, taken: () => void): void;
}

/** Text and bytes as they are, a value as a line of JSON: an answer is what its chunks are together. */
export function chunkBody(chunk: Chunk): string | Uint8Array {
  return typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : `${chunk.json}\n`;
}

/** As JSON, where every chunk has to be a value; bytes in base64. */
export function chunkJson(chunk: Chunk): string {
  if (typeof chunk === 'string') return JSON.stringify(chunk);
  return chunk instanceof Uint8Array ? JSON.stringify({ b64: Buffer.from(chunk).toString('base64') }) : chunk.json;
}
