/** Options of API keys. Apart from what checks the keys, so that a front end does not load what checks options. */
import * as z from 'zod';
import { SCOPES } from './api-keys.ts';

export const authOptions = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(64).describe('Who holds the key; appears in logs.'),
        hash: z
          .string()
          .regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256: and 64 hexadecimal digits; see `servery token`'),
        scopes: z
          .array(z.enum(SCOPES))
          .min(1)
          .describe(
            '`predict`: predictions. `admin`: load, unload, aliases. `jobs`: jobs, runs and logs. Any may read models.',
          ),
      }),
    )
    .default([])
    .describe('API keys. Without any, every request is let in.'),
});
export type AuthOptions = z.output<typeof authOptions>;
