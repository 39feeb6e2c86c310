/** Batching options: their only definition. Types, defaults, docs and flags derive from it. */
import * as z from 'zod';

export const batchingOptions = z.strictObject({
  maxRows: z.int().min(1).max(65_536).default(64).describe('Most rows in one batch.'),
  latencyBudgetMs: z
    .number()
    .min(0)
    .max(60_000)
    .default(50)
    .describe('A batch takes no more rows than the model is expected to compute in this time, in ms.'),
  maxQueuedRows: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(1024)
    .describe(
      'Rows of the version that may wait, over all front ends; more are refused, and fewer may wait in an overload.',
    ),
});

export type BatchingOptions = z.infer<typeof batchingOptions>;
