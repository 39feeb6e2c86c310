/**
 * A job as the rest of the code reads it: complete, checked, and plain JSON but for what is compiled from it.
 *
 * Its JSON (`spec`) is what a run is pinned to; the hash names it. A worker of another process, or of next week,
 * makes the same job of it again.
 */
import { createHash } from 'node:crypto';
import type { Json } from '../core/json.ts';
import type { JobDefinition, RunPolicy } from '../engine/job-state.ts';
import type { ScheduleOptions } from '../schedule/options.ts';
import { inOrder } from './dag.ts';
import type { JobOptions, StepOptions } from './job-options.ts';
import type { NotifyTarget } from './notify-options.ts';
import type { ParamSchemas } from './params.ts';
import type { Program, Step, StepWork } from './step.ts';

/** What a run is pinned to. */
export interface JobSpec {
  readonly description: string;
  /** Undefined when it runs only by hand. */
  readonly schedule?: ScheduleOptions | undefined;
  readonly params: ParamSchemas;
  /** Those that are needed come before those that need them. */
  readonly steps: readonly Step[];
  readonly policy: RunPolicy;
  readonly notify: readonly NotifyTarget[];
}

export interface Job extends JobSpec {
  readonly name: string;
  /** IANA name; that of the schedule. */
  readonly timezone: string;
  readonly definitionHash: string;
}

const STOP_GRACE_MS = 10_000;

export function createJob(name: string, options: JobOptions): Job {
  const { description = '', schedule, params, notify } = options;
  // Through JSON, so that what is hashed, stored and read again is exactly this.
  const spec = JSON.parse(
    JSON.stringify({ description, schedule, params, steps: stepsOf(options), policy: policyOf(options), notify }),
  ) as JobSpec;
  return fromSpec(name, spec);
}

/** The job that a claimed run is pinned to. */
export function readJob({ job, spec }: Pick<JobDefinition, 'job' | 'spec'>): Job {
  return fromSpec(job, spec as unknown as JobSpec);
}

export function toDefinition({ name, definitionHash, timezone: _, ...spec }: Job): JobDefinition {
  return { job: name, hash: definitionHash, spec: spec as unknown as Json, policy: spec.policy };
}

function fromSpec(name: string, spec: JobSpec): Job {
  const hash = createHash('sha256').update(canonical({ name, spec })).digest('hex').slice(0, 16);
  return { ...spec, name, timezone: spec.schedule?.timezone ?? 'UTC', definitionHash: hash };
}

/** JSON with its keys in order: the same content is the same text, in whatever order it was written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function stepsOf(job: JobOptions): readonly Step[] {
  if (job.steps === undefined) {
    const work = workOf(job, job);
    return [{ name: work.kind, needs: [], when: 'all_success', timeoutMs: job.timeout.step, work }];
  }
  const steps = Object.entries(job.steps).map(([name, step]) => ({
    name,
    needs: step.needs,
    when: step.when,
    timeoutMs: step.timeout ?? job.timeout.step,
    work: workOf(step, job),
  }));
  return inOrder(steps);
}

function workOf(step: JobOptions | StepOptions, job: JobOptions): StepWork {
  const { predict, train } = step;
  if (predict !== undefined) return { kind: 'predict', options: predict };
  if (train === undefined) return { kind: 'command', program: programOf(step.command!, step, job) };
  const { command, function: name } = train;
  const program = programOf(command ?? { function: name! }, step, job);
  return { kind: 'train', program, options: train };
}

function programOf(
  start: readonly string[] | string | { readonly function: string },
  step: JobOptions | StepOptions,
  job: JobOptions,
): Program {
  const withArguments = Array.isArray(start) ? { arguments: start as readonly string[] } : undefined;
  return {
    start: withArguments ?? (typeof start === 'string' ? { shell: start } : (start as { readonly function: string })),
    cwd: step.cwd ?? job.cwd ?? '.',
    env: { ...job.env, ...step.env },
    stopGraceMs: step.stopGrace ?? job.stopGrace ?? STOP_GRACE_MS,
    skipExitCodes: step.skipExitCodes ?? job.skipExitCodes ?? [],
  };
}

function policyOf({ retry, timeout, deadlines, ...job }: JobOptions): RunPolicy {
  return {
    pool: job.pool,
    slots: job.slots,
    priority: job.priority,
    overlapping: job.schedule?.overlap === 'allow',
    maxRunning: job.maxRunning,
    retry: {
      attempts: retry.attempts,
      delayMs: retry.delay,
      factor: retry.factor,
      maxDelayMs: retry.maxDelay,
      jitter: retry.jitter,
      notOn: retry.notOn,
      workerLosses: retry.workerLosses,
    },
    queueTimeoutMs: timeout.queue,
    runTimeoutMs: timeout.run,
    deadlines: {
      startWithinMs: deadlines.startWithin,
      finishWithinMs: deadlines.finishWithin,
      freshWithinMs: deadlines.freshWithin,
    },
  };
}
