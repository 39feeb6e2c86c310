/**
 * Forms as HTTP clients send them: `multipart/form-data` (RFC 7578) and `application/x-www-form-urlencoded`.
 *
 * Fields are views of the body, in its order. What is not a form by the letter is refused, as two readers of it may
 * see different fields.
 */
import { ServeryError } from '../core/errors.ts';
import { decodeText } from './json.ts';

export interface FormField {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Lower case, without parameters; empty when none was declared. */
  readonly mediaType: string;
}

/** Nobody sends more; each costs a header to be read. */
const MAX_FIELDS = 1000;
const MAX_PART_HEADER_BYTES = 8192;
const END_OF_HEADER = '\r\n\r\n';

/**
 * @param contentType as it was declared
 * @returns undefined when it is no form
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function readForm(body: Uint8Array, contentType: string): readonly FormField[] | undefined {
  const [type = ''] = contentType.split(';', 1);
  switch (type.trim().toLowerCase()) {
    case 'multipart/form-data':
      return readMultipart(body, boundaryOf(contentType));
    case 'application/x-www-form-urlencoded':
      return readUrlEncoded(body);
    default:
      return undefined;
  }
}

function boundaryOf(contentType: string): string {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw malformed('its Content-Type names no boundary');
  return boundary;
}

function readMultipart(body: Uint8Array, boundary: string): readonly FormField[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = `\r\n--${boundary}`;
  const fields: FormField[] = [];
  // The first delimiter may stand at the very beginning, without its line break.
  let at = bytes.indexOf(delimiter.slice(2));
  if (at === -1 || (at > 0 && bytes.toString('latin1', at - 2, at) !== '\r\n')) {
    throw malformed('it does not begin with its boundary');
  }
  at += delimiter.length - 2;
  for (;;) {
    const next = bytes.toString('latin1', at, at + 2);
    if (next === '--') return fields;
    if (next !== '\r\n') throw malformed('a boundary is not followed by a line break');
    if (fields.length >= MAX_FIELDS) throw malformed(`it has more than ${MAX_FIELDS} fields`);
    const headerEnd = bytes.indexOf(END_OF_HEADER, at);
    const isHeader = headerEnd !== -1 && headerEnd - at <= MAX_PART_HEADER_BYTES;
    if (!isHeader) throw malformed('the header of a part does not end');
    const start = headerEnd + END_OF_HEADER.length;
    // An empty part may share its line break with the delimiter after it.
    const end = bytes.indexOf(delimiter, start - 2);
    if (end === -1) throw malformed('its last boundary is missing');
    fields.push(readPart(decodeText(bytes.subarray(at + 2, headerEnd)), bytes.subarray(Math.min(start, end), end)));
    at = end + delimiter.length;
  }
}

function readPart(header: string, bytes: Uint8Array): FormField {
  let name: string | undefined;
  let mediaType = '';
  for (const line of header.split('\r\n')) {
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).trim();
    const key = colon === -1 ? '' : line.slice(0, colon).toLowerCase();
    if (key === 'content-disposition') name = nameIn(value);
    else if (key === 'content-type') mediaType = value.split(';', 1)[0]!.trim().toLowerCase();
    else if (key === 'content-transfer-encoding' && !/^(binary|7bit|8bit)$/i.test(value)) {
      throw malformed('a part has a transfer encoding');
    }
  }
  if (name === undefined) throw malformed('a part has no name');
  return { name, bytes, mediaType };
}

function nameIn(disposition: string): string | undefined {
  if (!/^form-data\s*;/i.test(disposition)) return undefined;
  const [, quoted, plain] = /;\s*name=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(disposition) ?? [];
  return quoted?.replace(/\\(.)/g, '$1').replace(/%22/g, '"') ?? plain;
}

function readUrlEncoded(body: Uint8Array): readonly FormField[] {
  const text = decodeText(body);
  if (text === '') return [];
  const pairs = text.split('&');
  if (pairs.length > MAX_FIELDS) throw malformed(`it has more than ${MAX_FIELDS} fields`);
  return pairs.map((pair) => {
    const equals = pair.indexOf('=');
    const [name, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    return { name: unescape(name), bytes: Buffer.from(unescape(value)), mediaType: '' };
  });
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw malformed('an escape in it is broken');
  }
}

function malformed(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Cannot read the form: ${problem}`);
}
