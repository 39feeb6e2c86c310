/** Options of notifications: whom to tell, of what. Their only definition. */
import * as z from 'zod';
import { secretOr } from './command/options.ts';

export const NOTIFIED = ['failure', 'recovery', 'deadline'] as const;

const on = z
  .array(z.enum(NOTIFIED))
  .min(1)
  .default([...NOTIFIED])
  .describe('A run failed for good; one succeeded after one that failed; a deadline passed.');

export const notifyOptions = z
  .array(
    z.union([
      z.strictObject({
        on,
        webhook: z.url({ protocol: /^https?$/ }).describe('Gets a POST with JSON: what happened, job, run, error.'),
        headers: z.record(z.string(), secretOr).default({}).describe('Of the request: a text, or { secret: NAME }.'),
      }),
      z.strictObject({
        on,
        command: z.array(z.string()).min(1).describe('A program; the same JSON is in SERVERY_NOTIFICATION.'),
      }),
    ]),
  )
  .max(20);

export type NotifyTarget = z.output<typeof notifyOptions>[number];
