/** Options of whatever runs a program: commands, trainings, notifications. Their only definition. */
import * as z from 'zod';
import { duration } from '../../core/duration.ts';

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a variable has letters, digits and _ only');

/** A value, or the name of a variable of Servery's own environment: the value never lies in a file or a log. */
export const secretOr = z.union([z.string(), z.strictObject({ secret: variable })]);

export const environment = z.record(variable, secretOr);

export const programOptions = {
  shell: z.boolean().optional().describe('Runs the text of `command` in a shell. Quoting is then up to you.'),
  cwd: z.string().min(1).optional().describe('Folder in which the program runs; relative to the workspace.'),
  env: environment.optional().describe('Variables by name: a text, or { secret: NAME }, masked in logs.'),
  stopGrace: duration.optional().describe('Between SIGTERM and SIGKILL when a program is stopped; 10s by default.'),
  skipExitCodes: z
    .array(z.int().min(1).max(255))
    .optional()
    .describe('Exit codes that mean "nothing to do": the step is skipped. 99 is that of Airflow.'),
};
