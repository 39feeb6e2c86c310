/**
 * The bytes of a text file from a position on, unpacked where they are packed.
 *
 * A packed file can be read from its beginning only, so a reader that has delivered one chunk stays open for the next.
 */
import { createReadStream, type ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip, createZstdDecompress, type ZstdDecompress } from 'node:zlib';
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
  // A block of its own size for a small file: of many such files the blocks would cost more than the bytes.
  const { size } = await stat(path);
  const highWaterMark = Math.min(BLOCK_BYTES, size + 1);
  const file = createReadStream(path, { highWaterMark, start: isPacked ? 0 : from });
  const blocks = unpacked(file, compression)[Symbol.asyncIterator]();
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

function unpacked(file: AsyncIterable<Buffer> & ReadStream, compression: Compression): AsyncIterable<Buffer> {
  const options = { chunkSize: BLOCK_BYTES };
  if (compression === 'none') return file;
  if (compression === 'gzip') return pipeline(file, createGunzip(options), () => undefined);
  return unpackFrames(file);
}

/** A file may have several frames. A stream ends with the first one in a block and drops the rest: a new one gets it. */
async function* unpackFrames(file: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const blocks = file[Symbol.asyncIterator]();
  let rest: Buffer | undefined;
  let isLast = false;
  const feed = async (stream: ZstdDecompress) => {
    for (;;) {
      const next: IteratorResult<Buffer> = rest === undefined ? await blocks.next() : { value: rest };
      if (next.done === true) {
        isLast = true;
        stream.end();
        return;
      }
      const before = stream.bytesWritten;
      await new Promise<void>((resolve) => {
        stream.once('close', resolve);
        stream.write(next.value, () => {
          stream.off('close', resolve);
          resolve();
        });
      });
      const used = stream.bytesWritten - before;
      rest = used < next.value.length ? next.value.subarray(used) : undefined;
      if (stream.destroyed || rest !== undefined) return;
    }
  };
  while (!isLast) {
    const stream = createZstdDecompress({ chunkSize: BLOCK_BYTES });
    const fed = feed(stream);
    for await (const block of stream) yield block as Buffer;
    await fed;
  }
}
