/** gzip and deflate, both ways. Nothing of it runs unless a client asks. */
import { deflate, gunzip, gzip, inflate, inflateRaw, constants, type InputType } from 'node:zlib';
import { promisify } from 'node:util';
import { ServeryError, quote } from '../core/errors.ts';

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);
const inflateRawAsync = promisify(inflateRaw);
const gzipAsync = promisify(gzip) as (data: InputType, options: object) => Promise<Buffer>;
const deflateAsync = promisify(deflate) as (data: InputType, options: object) => Promise<Buffer>;

/** Smaller answers fit one packet either way. */
export const COMPRESS_FROM_BYTES = 1024;

/** Undoes the `Content-Encoding` of a request body.
 *
 * @throws {ServeryError} `UNSUPPORTED_ENCODING`; `PAYLOAD_TOO_LARGE` as soon as it grows beyond the limit;
 *   `INVALID_REQUEST` when it is damaged or cut off
 */
export async function decompress(body: Uint8Array, encoding: string, maxBytes: number): Promise<Uint8Array> {
  const codings = encoding.toLowerCase().split(',');
  const [coding = '', ...others] = codings
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  if (coding === '') return body;
  const undo = others.length === 0 ? DECODERS[coding] : undefined;
  if (undo === undefined) {
    throw new ServeryError('UNSUPPORTED_ENCODING', `Cannot read the body: its Content-Encoding is ${quote(encoding)}`);
  }
  try {
    return await undo(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      const message = `Cannot take the body: decompressed it exceeds the limit \`http.maxDecompressedBytes\` of ${maxBytes} bytes`;
      throw new ServeryError('PAYLOAD_TOO_LARGE', message);
    }
    throw new ServeryError('INVALID_REQUEST', `Cannot read the body: it is not complete ${coding} data`);
  }
}

type Undo = (body: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Uint8Array>;

const DECODERS: Readonly<Record<string, Undo>> = Object.assign(Object.create(null), {
  gzip: gunzipAsync,
  'x-gzip': gunzipAsync,
  // The standard says zlib's framing, some clients send none.
  deflate: (body, options) => (hasZlibHeader(body) ? inflateAsync : inflateRawAsync)(body, options),
} satisfies Record<string, Undo>);

function hasZlibHeader(body: Uint8Array): boolean {
  return body.length >= 2 && (body[0]! & 0x0f) === 8 && ((body[0]! << 8) | body[1]!) % 31 === 0;
}

export type Coding = 'gzip' | 'deflate';

/** The coding that a client's `Accept-Encoding` prefers; undefined to send the answer as it is. */
export function chooseCoding(accepted: string): Coding | undefined {
  let best: Coding | undefined;
  let bestWeight = 0;
  for (const item of accepted.toLowerCase().split(',')) {
    const [name = '', ...parameters] = item.split(';').map((text) => text.trim());
    const coding = name === '*' || name === 'x-gzip' ? 'gzip' : name;
    if (coding !== 'gzip' && coding !== 'deflate') continue;
    const q = parameters.find((text) => text.startsWith('q='));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    if (weight > bestWeight) [best, bestWeight] = [coding, weight];
  }
  return best;
}

/** Whether the client wants this coding and nothing else: then also for bytes that hardly shrink. */
export function isOnlyCoding(accepted: string): boolean {
  return !accepted.includes(',') && !accepted.includes('*');
}

export function compress(body: string | Uint8Array, coding: Coding): Promise<Buffer> {
  // Answers are compressed once and sent once: more effort costs more than the bytes it saves.
  const options = { level: constants.Z_BEST_SPEED };
  return coding === 'gzip' ? gzipAsync(body, options) : deflateAsync(body, options);
}
