/**
 * A ledger in a file, for work without an engine: `servery predict` and runs without a scheduler.
 *
 * One line of JSON for the plan and for each chunk, each on the disk before it counts. A line that was cut off by a
 * crash is the last one and counts as not written.
 */
import { mkdir, open, readFile, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ServeryError } from '../../core/errors.ts';
import type { ChunkLedger, ChunkRecord } from './ledger.ts';

type Line = { readonly plan: unknown } | { readonly chunk: ChunkRecord };

/** Only one process at a time may use a file; who holds the output's lock does. */
export function createFileLedger(path: string): ChunkLedger {
  const readLines = async (): Promise<readonly Line[]> => {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    });
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) await truncate(path, Buffer.byteLength(whole));
    try {
      return whole
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Line);
    } catch (cause) {
      throw new ServeryError('CONFLICT', 'Cannot go on: what is kept of the earlier attempt is damaged', {
        cause,
        hint: 'Begin anew, without `--resume`.',
      });
    }
  };
  const append = async (line: Line): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await using file = await open(path, 'a');
    await file.writeFile(`${JSON.stringify(line)}\n`);
    await file.sync();
  };
  return {
    async readPlan() {
      const latest = (await readLines()).findLast((line) => 'plan' in line);
      return latest?.plan;
    },
    savePlan: (plan) => append({ plan }),
    committedChunks: async () => (await readLines()).flatMap((line) => ('chunk' in line ? [line.chunk] : [])),
    commitChunk: (chunk) => append({ chunk }),
    confirmLease: () => Promise.resolve(),
  };
}
