/** `servery job logs RUN`: what a step printed, to the end or for as long as it goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ServeryError } from '../../core/errors.ts';
import type { Options } from '../command.ts';
import { withJobs } from '../job-access.ts';
import type { Result } from '../output.ts';
import { readCount } from './job.ts';

const PIECE_BYTES = 256 * 1024;
const POLL_MS = 300;

export async function logs(workspace: string, run: string, options: Options): Promise<Result | undefined> {
  const { step, attempt, follow = false } = options;
  const wantsJson = options['json'] === true;
  if (wantsJson && follow === true) {
    throw new ServeryError('USAGE', 'Cannot follow with --json: it is one document', {
      hint: 'Over HTTP, GET /api/runs/ID/logs?follow=true is a stream of JSON.',
    });
  }
  return withJobs(workspace, async ({ jobs }) => {
    const texts: string[] = [];
    const take = (text: string) => (wantsJson ? texts.push(text) : process.stdout.write(text));
    let wanted = {
      run,
      ...(step !== undefined && { step: String(step) }),
      ...(attempt !== undefined && { attempt: readCount('--attempt', String(attempt), 1_000_000) }),
    };
    for (let offset = 0; ;) {
      const piece = await jobs.readLog({ ...wanted, offset, maxBytes: PIECE_BYTES });
      take(piece.text);
      const isAtEnd = piece.nextOffset === offset;
      offset = piece.nextOffset;
      // The same attempt, also when another has begun meanwhile.
      if (piece.step !== null && piece.attempt !== null) {
        wanted = { run, step: piece.step, attempt: piece.attempt };
      }
      if (piece.isComplete || (isAtEnd && follow !== true)) {
        if (!wantsJson) return undefined;
        return { value: { run, step: piece.step, attempt: piece.attempt, text: texts.join('') }, text: '' };
      }
      if (isAtEnd) await sleep(POLL_MS);
    }
  });
}
