/**
 * The bytes of a text file from a position on, unpacked where they are packed.
 *
 * A packed file can be read from its beginning only, so a reader that has delivered one chunk stays open for the next.
 */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ServeryError, quote } from '../core/errors.ts';
import type { Compression } from './find-files.ts';

const BLOCK_BYTES = 1024 * 1024;

export interface ByteReader extends AsyncDisposable {
  /** Of what comes next, in unpacked bytes. */
  readonly position: number;
  /** Some bytes, at most `limit`; undefined at the end. @throws {ServeryError} `DATA_INVALID` */
  read(limit: number): Promise<Buffer | undefined>;
}

export async function openBytes(
  path: string,
  source: string,
  compression: Compression,
  from: number,
): Promise<ByteReader> {
  const isPacked = compression !== 'none';
  const file = createReadStream(path, { highWaterMark: BLOCK_BYTES, start: isPacked ? 0 : from });
  const stream = isPacked ? pipeline(file, unpacker(compression), () => undefined) : file;
  const blocks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let rest: Buffer | undefined;
  let position = isPacked ? 0 : from;

  const read = async (limit: number): Promise<Buffer | undefined> => {
    if (rest === undefined) {
      try {
        const next = await blocks.next();
        if (next.done === true) return undefined;
        rest = next.value;
      } catch (cause) {
        const problem = isPacked ? `the ${compression} data end early or are damaged` : 'the disk failed';
        throw new ServeryError('DATA_INVALID', `Cannot read ${quote(source)}: ${problem}`, { cause });
      }
    }
    const bytes = rest.subarray(0, limit);
    rest = rest.length > limit ? rest.subarray(limit) : undefined;
    position += bytes.length;
    return bytes;
  };
  while (position < from) if ((await read(from - position)) === undefined) break;
  return {
    get position() {
      return position;
    },
    read,
    [Symbol.asyncDispose]: async () => {
      file.destroy();
      await blocks.return?.();
    },
  };
}

function unpacker(compression: 'gzip' | 'zstd') {
  const options = { chunkSize: BLOCK_BYTES };
  return compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
}
