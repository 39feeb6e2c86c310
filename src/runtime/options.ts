/** Runtime options: their only definition. `auto` values are measured when a version loads. */
import * as z from 'zod';

export const runtimeOptions = z.strictObject({
  intraOpThreads: z
    .union([z.literal('auto'), z.int().min(1).max(256)])
    .default('auto')
    .describe(
      'ONNX: threads that one run may use. `auto` measures; 1 unless more are worth it and the answers stay the same.',
    ),
  graphOptimization: z
    .enum(['disabled', 'basic', 'extended', 'all'])
    .default('all')
    .describe('ONNX: how far the graph is rewritten when it loads.'),
  executionProviders: z.array(z.string()).min(1).default(['cpu']).describe('ONNX: execution providers by preference.'),
  inline: z
    .enum(['auto', 'never'])
    .default('auto')
    .describe('ONNX: whether a tiny model may run on the front-end threads instead of an executor.'),
  threads: z.int().min(1).max(64).default(1).describe('Handlers: threads of the version.'),
  concurrency: z.int().min(1).max(1024).default(1).describe('Handlers: calls that one thread runs at once.'),
  memoryMb: z.int().min(16).max(65_536).default(256).describe('Handlers: heap of one thread, in MB.'),
});

export type RuntimeOptions = z.infer<typeof runtimeOptions>;
