/**
 * What a configuration says about jobs: the only definition of the options under `jobs`, and of a file in `jobs/`.
 *
 * A job has one step, written as `predict`, `command` or `train`, or several under `steps`. What is said beside
 * them (`env`, `cwd`, `shell`, …) holds for each step that does not say otherwise.
 */
import * as z from 'zod';
import { duration } from '../core/duration.ts';
import { isModelName } from '../core/model.ts';
import { scheduleOptions } from '../schedule/options.ts';
import { dagProblems, TRIGGER_RULES } from './dag.ts';
import { notifyOptions } from './notify-options.ts';
import { paramsOptions, requiredParams } from './params.ts';
import { predictOptions } from './predict/options.ts';
import { type environment, programOptions } from './command/options.ts';
import { REQUEST_JOB } from './request/options.ts';
import { trainOptions } from './train/options.ts';

/** A name becomes a folder, a part of run ids and of URLs. */
const name = z.string().refine(isModelName, 'a name has letters, digits, _, - and . only');

/** What a step does, and how its program runs if it has one. Exactly one of the three is given. */
const work = {
  predict: predictOptions.optional().describe('Rows in, predictions out.'),
  command: z
    .union([z.array(z.string()).min(1), z.string().min(1)])
    .optional()
    .describe('A program and its arguments, as a list; with `shell: true` one text for the shell.'),
  train: trainOptions.optional().describe('A program that leaves a model, which is then published.'),
  ...programOptions,
};

const stepOptions = z
  .strictObject({
    needs: z.array(name).max(100).default([]).describe('Steps that must be over before this one starts.'),
    when: z.enum(TRIGGER_RULES).default('all_success').describe('What must have become of the steps in `needs`.'),
    timeout: duration.optional().describe('A step that takes longer is stopped and fails.'),
    ...work,
  })
  .superRefine((step, context) => {
    const given = kindsOf(step);
    if (given.length !== 1) refuse(context, [], `expected one of predict, command, train, got ${list(given)}`);
  });

const retryOptions = z.strictObject({
  attempts: z.int().min(1).max(1000).default(1).describe('So many attempts in all; 1 is no retry.'),
  delay: duration.prefault('10s').describe('Time before the second attempt.'),
  factor: z.number().min(1).max(100).default(2).describe('Each delay is so many times the one before.'),
  maxDelay: duration.prefault('5m').describe('No delay is longer.'),
  jitter: z.enum(['none', 'equal', 'full']).default('full').describe('How much of the delay is random.'),
  notOn: z.array(z.string()).default(['GATE_REFUSED']).describe('Codes after which another attempt would be useless.'),
  workerLosses: z
    .int()
    .min(1)
    .max(1000)
    .default(3)
    .describe('So many attempts may die with the process that executes them; these are not counted in `attempts`.'),
});

const timeoutOptions = z.strictObject({
  queue: duration.optional().describe('A run that has not started so long after it could is failed.'),
  step: duration.optional().describe('For each step that has no `timeout` of its own.'),
  run: duration.optional().describe('An attempt that takes longer is stopped and fails.'),
});

const deadlineOptions = z.strictObject({
  startWithin: duration.optional().describe('A run should have started so long after its instant.'),
  finishWithin: duration.optional().describe('A run should have ended so long after its instant.'),
  freshWithin: duration.optional().describe('The last success should not be older.'),
});

export const jobOptions = z
  .strictObject({
    description: z.string().max(2000).optional().describe('For people.'),
    schedule: scheduleOptions.optional().describe('When it runs; without one only by hand.'),
    params: paramsOptions.default({}).describe('What a run may be given, by name: JSON Schema with `default`.'),
    ...work,
    steps: z
      .record(name, stepOptions)
      .optional()
      .describe('Several steps by name, in place of predict, command, train.'),
    retry: retryOptions.prefault({}),
    timeout: timeoutOptions.default({}),
    deadlines: deadlineOptions.default({}).describe('What is missed raises an event; nothing is stopped.'),
    pool: name.default('default').describe('The pool (`batch.pools`) whose slots a run takes.'),
    slots: z.int().min(1).max(1000).default(1).describe('Slots of the pool that a run takes.'),
    priority: z.int().min(-1000).max(1000).default(0).describe('Of runs that wait, the highest goes first.'),
    maxRunning: z.int().min(1).max(1000).optional().describe('At most so many runs of the job at once.'),
    notify: notifyOptions.default([]).describe('Whom to tell of failures, recoveries and missed deadlines.'),
  })
  .superRefine((job, context) => {
    const given = [...kindsOf(job), ...(job.steps === undefined ? [] : ['steps'])];
    if (given.length !== 1) refuse(context, [], `expected one of predict, command, train, steps, got ${list(given)}`);
    if (job.steps !== undefined && Object.keys(job.steps).length === 0) refuse(context, ['steps'], 'there is none');
    for (const [name, step] of Object.entries(job.steps ?? {})) {
      checkStart(step, step.shell ?? job.shell, ['steps', name], context);
    }
    checkStart(job, job.shell, [], context);
    const nodes = Object.entries(job.steps ?? {}).map(([name, { needs, when }]) => ({ name, needs, when }));
    for (const { step, problem } of dagProblems(nodes)) refuse(context, ['steps', step, 'needs'], problem);
    const missing = job.schedule === undefined ? [] : requiredParams(job.params);
    for (const name of missing) {
      refuse(context, ['params', name], 'expected a `default`: a schedule gives no parameters');
    }
  });

export const jobsOptions = z.record(name, jobOptions).superRefine((jobs, context) => {
  if (Object.hasOwn(jobs, REQUEST_JOB)) refuse(context, [REQUEST_JOB], 'the name is that of stored requests');
  const nodes = Object.entries(jobs).map(([name, { schedule }]) => {
    return { name, needs: schedule?.after === undefined ? [] : [schedule.after], when: 'all_success' as const };
  });
  for (const { step, problem } of dagProblems(nodes, 'job')) refuse(context, [step, 'schedule', 'after'], problem);
});

export type JobOptions = z.output<typeof jobOptions>;
export type JobOptionsInput = z.input<typeof jobOptions>;
export type StepOptions = z.output<typeof stepOptions>;
export type Environment = z.output<typeof environment>;

const KINDS = ['predict', 'command', 'train'] as const;

function kindsOf(step: Partial<Record<(typeof KINDS)[number], unknown>>): readonly string[] {
  return KINDS.filter((kind) => step[kind] !== undefined);
}

/** A text is for a shell and a list is not; whoever mixes them up would get quoting wrong. */
function checkStart(
  { command, train }: { readonly command?: Command; readonly train?: { readonly command?: Command } | undefined },
  shell: boolean | undefined,
  path: string[],
  context: z.RefinementCtx,
): void {
  for (const [start, at] of [
    [command, [...path, 'command']],
    [train?.command, [...path, 'train', 'command']],
  ] as const) {
    if (typeof start === 'string' && shell !== true) {
      refuse(context, at, 'expected a list such as ["python", "main.py"]; a text needs `shell: true`');
    }
    if (Array.isArray(start) && shell === true) refuse(context, at, 'expected one text, as `shell` is true');
  }
}

type Command = readonly string[] | string | undefined;

function refuse(context: z.RefinementCtx, path: readonly string[], message: string): void {
  context.addIssue({ code: 'custom', path: [...path], message });
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(' and ');
}
