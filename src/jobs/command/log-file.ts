/**
 * The log of one attempt of a step: what its program prints, as it comes, and what Servery has to say about it.
 *
 * Append-only, so that it can be followed while it grows. Beyond its limit only a count and the last few kilobytes
 * are kept: the reason for a failure is usually at the end.
 */
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createMask, type Mask } from './mask.ts';

const TAIL_BYTES = 16_384;

export interface LogFile extends AsyncDisposable {
  /** A line of Servery's own. */
  line(text: string): Promise<void>;
  /** Takes a stream to its end. Whoever prints waits until it is written: memory does not grow with the output. */
  follow(stream: AsyncIterable<Buffer>): Promise<void>;
}

export async function openLogFile(path: string, maxBytes: number, secrets: readonly string[]): Promise<LogFile> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a');
  return createLogFile(file, maxBytes, secrets);
}

function createLogFile(file: FileHandle, maxBytes: number, secrets: readonly string[]): LogFile {
  let written = 0;
  let leftOut = 0;
  let tail: Buffer = Buffer.alloc(0);
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: both streams of a program end up here. */
  function append(bytes: Buffer): Promise<unknown> {
    const kept = bytes.subarray(0, Math.max(0, maxBytes - written));
    written += kept.length;
    if (kept.length < bytes.length) {
      const rest = bytes.subarray(kept.length);
      leftOut += rest.length;
      // A copy: a view would keep everything that came with it in memory.
      tail = Buffer.from(Buffer.concat([tail, rest]).subarray(-TAIL_BYTES));
    }
    if (kept.length > 0) last = last.then(() => file.write(kept));
    return last;
  }

  async function follow(stream: AsyncIterable<Buffer>): Promise<void> {
    const mask: Mask = createMask(secrets);
    for await (const chunk of stream) await append(mask.push(chunk));
    await append(mask.end());
  }

  return {
    follow,
    async line(text) {
      const mask = createMask(secrets);
      await append(Buffer.concat([mask.push(Buffer.from(`[servery] ${text}\n`)), mask.end()]));
    },
    async [Symbol.asyncDispose]() {
      await last;
      if (leftOut > 0) {
        await file.write(`\n[servery] ${leftOut - tail.length} bytes left out, the end follows\n`);
        await file.write(tail);
      }
      await file.close();
    },
  };
}
