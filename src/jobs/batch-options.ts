/** How batch work shares this machine: the only definition of the options under `batch`. */
import * as z from 'zod';
import { duration } from '../core/duration.ts';
import { notifyOptions } from './notify-options.ts';
import { requestOptions } from './request/options.ts';

export const batchOptions = z.strictObject({
  maxRunning: z.int().min(1).max(256).default(4).describe('At most so many runs at once, of all jobs.'),
  pools: z
    .record(z.string(), z.int().min(1).max(10_000))
    .default({})
    .describe('Slots of each pool by name; a pool that is not named has no limit of its own.'),
  priority: z
    .int()
    .min(0)
    .max(19)
    .default(19)
    .describe('Niceness of batch work: 0 is that of the server, 19 lets everything else go first.'),
  lease: duration.prefault('15s').describe('A worker that is silent for so long has lost its runs.'),
  stopGrace: duration.prefault('20s').describe('After SIGTERM, runs have this time to finish; then others take them.'),
  maxLogBytes: z
    .int()
    .min(10_000)
    .default(10_000_000)
    .describe('Of what an attempt of a step prints, the first so many bytes are kept, and the last few.'),
  maxResultBytes: z
    .int()
    .min(100)
    .max(10_000_000)
    .default(64_000)
    .describe('The largest JSON that a step may leave for the steps that need it.'),
  memory: z
    .string()
    .regex(/^[1-9][0-9]*(MB|GB)$/, 'expected 512MB or 2GB')
    .default('1GB')
    .describe('What the data engine (DuckDB) of a worker may use.'),
  threads: z.int().min(1).max(256).default(1).describe('Threads of the data engine of a worker.'),
  retention: z
    .strictObject({
      runs: duration.prefault('30d').describe('Runs that ended longer ago are deleted, with their logs, …'),
      keepRuns: z.int().min(0).max(100_000).default(20).describe('… but the last so many of each job stay, …'),
      maxRuns: z.int().min(1).max(1_000_000).default(2000).describe('… and never more of a job than this.'),
      events: duration.prefault('7d').describe('What happened longer ago is forgotten.'),
    })
    .prefault({}),
  requests: requestOptions.prefault({}),
  notify: notifyOptions.default([]).describe('Whom to tell about every job, besides its own `notify`.'),
});

export type BatchOptions = z.output<typeof batchOptions>;
