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
