/** Bad rows as NDJSON: a line for each, staged with its chunk and put together when the run is over. */
import { createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { failpoint } from '../core/failpoint.ts';
import { moveDurably, syncFile } from './durable.ts';
import { translateFailure } from './failures.ts';
import type { BadRow } from './input.ts';
import type { BadRowWriter } from './output.ts';

const BUFFERED_BYTES = 256 * 1024;

export function stageBadRows(folder: string, index: number, token: string): BadRowWriter {
  const file = `bad-${String(index).padStart(5, '0')}-${token.slice(0, 8)}.ndjson`;
  const path = join(folder, file);
  const unfinished = `${path}.unfinished`;
  const stream = createWriteStream(unfinished, { highWaterMark: BUFFERED_BYTES });
  let failure: unknown;
  stream.on('error', (error) => (failure = error));
  let rows = 0;
  let isFinished = false;
  const end = async () => {
    if (!stream.closed) {
      stream.end();
      await once(stream, 'close').catch(() => undefined);
    }
    if (failure !== undefined) throw translateFailure(failure, 'OUTPUT_INVALID');
  };
  return {
    write(bad) {
      rows += bad.rows;
      stream.write(`${line(bad)}\n`);
    },
    async finish() {
      isFinished = true;
      await end();
      if (rows === 0) {
        await rm(unfinished, { force: true });
        return undefined;
      }
      await syncFile(unfinished);
      const { size: bytes } = await stat(unfinished);
      failpoint('dataset.badRows.before');
      await moveDurably(unfinished, path);
      failpoint('dataset.badRows.after');
      return { index, file, rows, bytes };
    },
    async [Symbol.asyncDispose]() {
      if (isFinished) return;
      await end().catch(() => undefined);
      await rm(unfinished, { force: true });
    },
  };
}

function line({ source, row, rows, line, stage, code, message, payload }: BadRow): string {
  // `rows` only where one line stands for several.
  const at = { source, row: row ?? null, ...(rows === 1 ? {} : { rows }), ...(line === undefined ? {} : { line }) };
  return JSON.stringify({ ...at, stage, code, message, payload: payload ?? null }, (_key, value: unknown) =>
    typeof value === 'bigint'
      ? String(value)
      : value instanceof Uint8Array
        ? Buffer.from(value).toString('base64')
        : value,
  );
}
