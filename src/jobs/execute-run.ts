/**
 * One attempt of a run: its steps in the order that the graph gives, those that may at the same time.
 *
 * What earlier attempts have done is kept. Nothing here knows where runs come from: a worker executes those that it
 * has claimed, `job run --local` one of its own.
 */
import { formatDuration } from '../core/duration.ts';
import { ServeryError } from '../core/errors.ts';
import type { DataInterval } from '../core/data-interval.ts';
import type { Clock } from '../core/clock.ts';
import type { Json } from '../core/json.ts';
import type { AttemptOutcome, RunError, StepRecord } from '../engine/run.ts';
import { nextSteps, runState, type StepState } from './dag.ts';
import type { Job } from './job.ts';
import type { Journal } from './journal.ts';
import type { ChunkLedger } from './predict/ledger.ts';
import { sumOutcomes } from './run-result.ts';
import { fromRecord, toDetails } from './step-record.ts';
import type { Step, StepContext, StepOutcome, StepProgress, StopReason } from './step.ts';

/** Who does the work of a step. */
export interface StepRunner {
  /** @throws {ServeryError} why the step failed, or the code of the `StopReason` */
  run(step: Step, context: StepContext, ledger: ChunkLedger): Promise<StepOutcome>;
}

export interface RunOrder {
  readonly job: Job;
  readonly runId: string;
  readonly attempt: number;
  readonly interval: DataInterval | undefined;
  readonly params: Readonly<Record<string, Json>>;
  /** Absolute. */
  readonly workspace: string;
  /** Aborts with a `StopReason`. */
  readonly signal: AbortSignal;
}

export interface RunDeps {
  readonly journal: Journal;
  readonly runner: StepRunner;
  readonly clock: Clock;
  progress(step: string, progress: StepProgress): void;
}

/** @throws {ServeryError} `LEASE_LOST` when the run is no longer ours; whatever the journal cannot write */
export async function executeRun(order: RunOrder, deps: RunDeps): Promise<AttemptOutcome> {
  const { job, signal } = order;
  const inner = new AbortController();
  const inSteps = { ...order, signal: AbortSignal.any([signal, inner.signal]) };
  const states = new Map<string, StepState>();
  const outcomes = new Map<string, StepOutcome>();
  const failures = new Map<string, RunError>();
  for (const record of await deps.journal.doneSteps()) {
    states.set(record.step, 'succeeded');
    outcomes.set(record.step, fromRecord(record));
  }

  const running = new Map<string, Promise<void>>();
  const begin = (step: Step): Promise<void> =>
    executeStep(step, inSteps, resultsFor(step, outcomes), deps).then((end) => {
      states.set(step.name, end.state);
      if (end.outcome !== undefined) outcomes.set(step.name, end.outcome);
      if (end.error !== undefined) failures.set(step.name, end.error);
      running.delete(step.name);
    });

  try {
    await walk();
  } catch (error) {
    // A step rejects only when the journal does. What else runs must not go on for a run that is not ours.
    inner.abort({ code: 'LEASE_LOST', message: 'The run cannot be recorded', force: true } satisfies StopReason);
    await Promise.allSettled(running.values());
    throw error;
  }
  const result = sumOutcomes(outcomes) as unknown as Json;
  // A request to stop that came when all was done came too late.
  const isOver = job.steps.every(({ name }) => !['running', 'cancelled', undefined].includes(states.get(name)));
  return signal.aborted && !isOver
    ? stoppedOutcome(signal.reason as StopReason, result)
    : endedOutcome(runState(job.steps, states), failures, job.steps.length > 1, result);

  async function walk(): Promise<void> {
    while (!signal.aborted) {
      const { start, settled } = nextSteps(job.steps, states);
      for (const [step, state] of settled) {
        states.set(step, state);
        const because = state === 'skipped' ? 'itsRule' : 'upstreamFailed';
        await deps.journal.recordStep({ step, state: 'skipped', details: { because } });
      }
      for (const name of start) {
        states.set(name, 'running');
        running.set(name, begin(job.steps.find((step) => step.name === name)!));
      }
      if (running.size === 0) break;
      await Promise.race(running.values());
    }
    await Promise.all(running.values());
  }
}

interface StepEnd {
  readonly state: StepState;
  readonly outcome?: StepOutcome;
  readonly error?: RunError;
}

async function executeStep(
  step: Step,
  order: RunOrder,
  results: Readonly<Record<string, Json>>,
  { journal, runner, clock, progress }: RunDeps,
): Promise<StepEnd> {
  const startedMs = Date.now();
  const record = (end: Omit<StepRecord, 'step' | 'startedMs'>) =>
    journal.recordStep({ step: step.name, startedMs, ...end });
  await record({ state: 'running' });
  using limit = stepSignal(step, order.signal, clock);
  const { job, runId, attempt, interval, params, workspace } = order;
  const context: StepContext = {
    job: job.name,
    runId,
    step: step.name,
    attempt,
    interval,
    timezone: job.timezone,
    params,
    results,
    workspace,
    signal: limit.signal,
    progress: (now) => progress(step.name, now),
  };
  try {
    const outcome = await runner.run(step, context, journal.ledger(step.name));
    const { state, result } = outcome;
    await record({
      state,
      finishedMs: Date.now(),
      ...(result !== undefined && { result }),
      details: toDetails(outcome),
    });
    return { state, outcome };
  } catch (error) {
    const { code, message } = toRunError(error, limit.signal);
    // Refused by the store, or about to be: there is nothing left to say about a run that is not ours.
    if (code === 'LEASE_LOST') throw error;
    const state = code === 'CANCELLED' || code === 'SHUTTING_DOWN' ? 'cancelled' : 'failed';
    await record({ state, finishedMs: Date.now(), error: { code, message } });
    return { state, error: { code, message } };
  }
}

/** The run's signal, and the step's own time limit. */
function stepSignal(step: Step, signal: AbortSignal, clock: Clock): { readonly signal: AbortSignal } & Disposable {
  const { timeoutMs } = step;
  if (timeoutMs === undefined) return { signal, [Symbol.dispose]: () => undefined };
  const controller = new AbortController();
  const message = `Step ${step.name} took longer than ${formatDuration(timeoutMs)}`;
  const timer = clock.after(timeoutMs, () =>
    controller.abort({ code: 'TIMED_OUT', message, force: false } satisfies StopReason),
  );
  return { signal: AbortSignal.any([signal, controller.signal]), [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

function resultsFor(step: Step, outcomes: ReadonlyMap<string, StepOutcome>): Readonly<Record<string, Json>> {
  const known = step.needs.map((need) => [need, outcomes.get(need)?.result] as const);
  return Object.fromEntries(known.filter((entry): entry is readonly [string, Json] => entry[1] !== undefined));
}

function stoppedOutcome({ code, message }: StopReason, result: Json): AttemptOutcome {
  if (code === 'TIMED_OUT') return { state: 'failed', error: { code, message }, result };
  if (code === 'SHUTTING_DOWN') return { state: 'interrupted', reason: message };
  if (code === 'LEASE_LOST') throw new ServeryError(code, message);
  return { state: 'cancelled', reason: message, result };
}

function endedOutcome(
  state: 'succeeded' | 'failed' | 'skipped',
  failures: ReadonlyMap<string, RunError>,
  hasSeveral: boolean,
  result: Json,
): AttemptOutcome {
  if (state === 'succeeded') return { state, result };
  if (state === 'skipped') return { state, reason: 'Its last steps were skipped', result };
  const [[step, error] = ['', { code: 'INTERNAL', message: 'No step says why' }]] = failures;
  return { state, error: hasSeveral ? { ...error, message: `${step}: ${error.message}` } : error, result };
}

function toRunError(error: unknown, signal: AbortSignal): RunError {
  // Whoever only sees that the signal is aborted says CANCELLED.
  if (error instanceof ServeryError && error.code === 'CANCELLED' && signal.aborted) {
    const { code, message } = signal.reason as StopReason;
    return { code, message };
  }
  if (error instanceof ServeryError) return { code: error.code, message: error.message };
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}
