/** Options of the log and of the metrics: their only definition. */
import * as z from 'zod';

export const logOptions = z.strictObject({
  level: z
    .enum(['error', 'warn', 'info', 'debug', 'off'])
    .default('info')
    .describe('Least important lines that are written.'),
  requests: z.boolean().default(false).describe('A line for each request that a door has answered.'),
});

export type LogOptions = z.output<typeof logOptions>;

/** Systems whose dashboards know the figures by other names. */
export const METRIC_ALIASES = ['triton', 'torchserve', 'tensorflow-serving', 'kserve'] as const;
export type MetricAlias = (typeof METRIC_ALIASES)[number];

export const metricsOptions = z.strictObject({
  aliases: z
    .array(z.enum(METRIC_ALIASES))
    .default([])
    .describe('Prints the figures of `/metrics` under the names of these systems too, for dashboards that exist.'),
});
