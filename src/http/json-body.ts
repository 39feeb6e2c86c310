/** Reads the small JSON bodies of admin routes. Members that a route does not know are left alone, as Triton does. */
import { ServeryError } from '../core/errors.ts';
import { decodeText, isJsonObject, parseJson } from '../protocol/json.ts';

/** @throws {ServeryError} `INVALID_REQUEST` unless the body is empty or a JSON object */
export function readObject(body: Uint8Array): Readonly<Record<string, unknown>> {
  const text = decodeText(body);
  if (text.trim() === '') return {};
  const value = parseJson(text);
  if (isJsonObject(value)) return value;
  throw new ServeryError('INVALID_REQUEST', 'Cannot use the body: expected a JSON object');
}

/** @throws {ServeryError} `INVALID_REQUEST` naming the member */
export function unfitMember(name: string, expected: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Cannot use "${name}" of the body: expected ${expected}`);
}

const MAX_NOTE_LENGTH = 1000;

/** Why somebody does this: a member of the body, for whoever looks at it later. @throws {ServeryError} `INVALID_REQUEST` */
export function readNote(body: Uint8Array): string {
  const { note = '' } = readObject(body);
  if (isText(note) && note.length <= MAX_NOTE_LENGTH) return note;
  throw unfitMember('note', `text of at most ${MAX_NOTE_LENGTH} characters`);
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/**
 * A data interval: `{ "start", "end" }`, or both in one text with a slash between, as ISO 8601 has it.
 * Whether the instants are ones is for the job to say, in whose zone they are read.
 *
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function readInterval(value: unknown): { readonly start: string; readonly end: string } | undefined {
  if (value === undefined || value === null) return undefined;
  const [start, end, ...more] = isText(value) ? value.split('/') : isJsonObject(value) ? [value.start, value.end] : [];
  if (isText(start) && isText(end) && more.length === 0) return { start, end };
  throw unfitMember('interval', '{ "start": INSTANT, "end": INSTANT } or "START/END"');
}

/** Parameters of a run: an object. @throws {ServeryError} `INVALID_REQUEST` */
export function readParams(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (isJsonObject(value)) return value;
  throw unfitMember('params', 'an object');
}
