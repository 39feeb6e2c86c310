/**
 * Compression of messages: identity, gzip, deflate.
 *
 * A call is answered in the encoding of its request. Compression runs in Node's thread pool, and never
 * gives more than the largest message: a small bomb stays small.
 */
import { promisify } from 'node:util';
import { deflate, gunzip, gzip, inflate } from 'node:zlib';
import { ServeryError, quote } from '../core/errors.ts';
import { PREFIX_BYTES, frame, frameCopy } from './framing.ts';

/** For `grpc-accept-encoding`. */
export const ACCEPTED_ENCODINGS = 'identity,gzip,deflate';

export interface Encoding {
  readonly name: 'gzip' | 'deflate';
  readonly compress: (bytes: Uint8Array) => Promise<Buffer>;
  readonly decompress: (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;
}

const ENCODINGS: Readonly<Record<string, Encoding>> = {
  gzip: { name: 'gzip', compress: promisify<Uint8Array, Buffer>(gzip), decompress: promisify(gunzip) },
  deflate: { name: 'deflate', compress: promisify<Uint8Array, Buffer>(deflate), decompress: promisify(inflate) },
};

/** @param header `grpc-encoding`; undefined stands for identity */
export function encodingOf(header: string | undefined): Encoding | undefined {
  if (header === undefined || header === 'identity') return undefined;
  if (Object.hasOwn(ENCODINGS, header)) return ENCODINGS[header];
  throw new ServeryError('UNSUPPORTED_ENCODING', `Cannot read messages in the encoding ${quote(header)}`, {
    hint: `Use one of ${ACCEPTED_ENCODINGS}.`,
  });
}

export async function decompress(encoding: Encoding, bytes: Buffer, maxOutputLength: number): Promise<Buffer> {
  try {
    return await encoding.decompress(bytes, { maxOutputLength });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      const limit = `${maxOutputLength} bytes (grpc.maxMessageBytes)`;
      throw new ServeryError('PAYLOAD_TOO_LARGE', `Cannot take the message: decompressed it is larger than ${limit}`);
    }
    throw new ServeryError('INVALID_REQUEST', `Cannot read the message: it is not ${encoding.name}`);
  }
}

/** Under this size compression makes most messages larger. */
const WORTH_COMPRESSING_BYTES = 256;

/**
 * Frames a message, compressed if that is worth it.
 *
 * @param message with room for its prefix
 */
export async function compress(encoding: Encoding, message: Buffer): Promise<Buffer> {
  if (message.length < WORTH_COMPRESSING_BYTES) return frame(message);
  return frameCopy(await encoding.compress(message.subarray(PREFIX_BYTES)), true);
}
