/**
 * `google.api.HttpBody` as JSON: how Google's own clients send raw bytes over REST, `{"httpBody": {…}}`, and expect
 * them back. Whoever else posts to `rawPredict` sends the bytes themselves.
 */
import { ServeryError } from '../../core/errors.ts';
import { fromBase64 } from '../base64.ts';
import { decodeText, isJsonObject, parseJson } from '../json.ts';

export interface RawBody {
  readonly bytes: Uint8Array;
  /** The client wrapped it, and expects an answer in the same form. */
  readonly isWrapped: boolean;
}

/** JSON has two names for a member. */
const NAMES = ['httpBody', 'http_body'];

/** @throws {ServeryError} `INVALID_REQUEST` */
export function unwrapHttpBody(body: Uint8Array): RawBody {
  const asIs = { bytes: body, isWrapped: false };
  // A search costs nearly nothing beside reading the text twice.
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!NAMES.some((name) => text.includes(`"${name}"`))) return asIs;
  const document = parseJson(decodeText(body));
  if (!isJsonObject(document) || Object.keys(document).length !== 1) return asIs;
  const httpBody = NAMES.map((name) => document[name]).find((value) => value !== undefined);
  if (httpBody === undefined) return asIs;
  const data = isJsonObject(httpBody) ? (httpBody['data'] ?? '') : undefined;
  const bytes = typeof data === 'string' ? fromBase64(data) : undefined;
  if (bytes === undefined) {
    throw new ServeryError('INVALID_REQUEST', 'Invalid value at "http_body": expected "data" in base64');
  }
  return { bytes, isWrapped: true };
}

export function wrapHttpBody(contentType: string, body: string | Uint8Array): string {
  return JSON.stringify({ contentType, data: Buffer.from(body as string).toString('base64') });
}
