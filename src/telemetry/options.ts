/** Options of the log: their only definition. */
import * as z from 'zod';

export const logOptions = z.strictObject({
  level: z
    .enum(['error', 'warn', 'info', 'debug', 'off'])
    .default('info')
    .describe('Least important lines that are written.'),
  requests: z.boolean().default(false).describe('A line for each request that a door has answered.'),
});

export type LogOptions = z.output<typeof logOptions>;
