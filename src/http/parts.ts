/**
 * How much a text makes when it is read.
 *
 * An empty object is two characters and 56 bytes of memory, and while millions of them are made a front end answers
 * nobody. So lists, objects, keys and lines are counted before a body is read, and the cells of CSV; numbers and texts in JSON
 * cost little.
 */
import { ServeryError } from '../core/errors.ts';

const IN_JSON = tableOf('[{:\n');
const IN_CSV = tableOf(',\n');

/** Bodies in which any byte may be any value. */
const BINARY = /^(application\/octet-stream|image\/|audio\/|video\/|multipart\/)/;

/**
 * @param jsonBytes where the body begins with JSON and goes on with tensors: the bytes of JSON
 * @throws {ServeryError} `PAYLOAD_TOO_LARGE`
 */
export function checkParts(body: Uint8Array, mediaType: string, jsonBytes: number | undefined, maxParts: number): void {
  const end = Math.min(body.length, jsonBytes ?? (BINARY.test(mediaType) ? 0 : Infinity));
  if (end <= maxParts) return; // nearly always: each of them is at least one byte
  const isPart = mediaType === 'text/csv' ? IN_CSV : IN_JSON;
  let parts = 0;
  for (let at = 0; at < end; at += 1) parts += isPart[body[at]!]!;
  if (parts <= maxParts) return;
  const problem = `it has ${parts} lists, objects, keys, lines and cells, the limit \`http.maxParts\` is ${maxParts}`;
  throw new ServeryError('PAYLOAD_TOO_LARGE', `Cannot take the body: ${problem}`, {
    hint: 'Send fewer rows, or tensors as flat lists or in binary, or raise the limit.',
  });
}

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}
