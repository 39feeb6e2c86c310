/** Options of stored requests: whence they read their bodies, and where their answers go. */
import * as z from 'zod';

/** The job whose runs are stored requests: in no configuration, so that nothing but a door starts one. */
export const REQUEST_JOB = 'stored-requests';

export const requestOptions = z.strictObject({
  inputs: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Folders whose files a stored request may name as its body, beside `.servery/requests/input`; links do not lead out.',
    ),
  output: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder for answers to stored requests. By default `.servery/requests/output`. They stay there until you remove them.',
    ),
  failures: z.string().min(1).optional().describe('Folder for their failures. By default that of the answers.'),
  maxRunning: z
    .int()
    .min(1)
    .max(256)
    .default(3)
    .describe(
      'At most so many are answered at once: fewer than `batch.maxRunning`, so that they never keep out all jobs.',
    ),
});

export type RequestOptions = z.output<typeof requestOptions>;
