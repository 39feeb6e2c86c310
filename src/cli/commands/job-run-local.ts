/** `servery job run NAME --local`: one attempt in this process, without a scheduler and without a trace in `state.db`. */
import { resolve } from 'node:path';
import { runJobLocally } from '../../app/local-run.ts';
import { openWorkspace } from '../../app/workspace.ts';
import { quote, ServeryError } from '../../core/errors.ts';
import { nearestName } from '../../core/nearest-name.ts';
import { createJob, type Job } from '../../jobs/job.ts';
import { newRequest } from '../../jobs/new-request.ts';
import type { LocalRun } from '../../jobs/local-run.ts';
import { viewInterval } from '../../jobs/run-views.ts';
import type { StepProgress, StopReason } from '../../jobs/step.ts';
import { parseInterval } from '../../schedule/instant.ts';
import { intervalOfManualRun } from '../../schedule/ranges.ts';
import { compileSchedule } from '../../schedule/schedule.ts';
import type { Options } from '../command.ts';
import { readParams } from '../job-params.ts';
import { endText, progressCounts } from '../job-text.ts';
import type { Result } from '../output.ts';
import { openStatusLine } from '../status-line.ts';
import { leaveStuck } from '../leave-stuck.ts';
import { exitCodeOf, failureOf } from './job-run.ts';

const INTERRUPTED = 130;

export async function startLocally(folder: string, name: string, options: Options): Promise<Result> {
  const workspace = await openWorkspace(resolve(folder), process.env, {});
  const job = findJob(workspace.config.jobs, name);
  const text = options['interval'] as string | undefined;
  const interval =
    text === undefined
      ? intervalOfManualRun(compileSchedule(name, job.schedule), Date.now())
      : parseInterval(text, job.timezone);
  using interrupt = listenForInterrupt();
  using line = openStatusLine();
  const order = {
    job,
    interval,
    params: readParams(options) ?? {},
    request: (options['request'] as string | undefined) ?? newRequest(),
    signal: interrupt.signal,
    progress: (step: string, progress: StepProgress) => line.show(`${step}${progressCounts(progress)}`),
  };
  const run = await runJobLocally(workspace, order, leaveStuck);
  line.clear();
  const shown = viewLocalRun(run);
  return {
    value: { run: shown, ...failureOf(shown) },
    text: endText(shown),
    exitCode: interrupt.signal.aborted ? INTERRUPTED : exitCodeOf(run.state),
  };
}

function findJob(jobs: Readonly<Record<string, Parameters<typeof createJob>[1]>>, name: string): Job {
  const options = Object.hasOwn(jobs, name) ? jobs[name] : undefined;
  if (options !== undefined) return createJob(name, options);
  const meant = nearestName(name, Object.keys(jobs));
  throw new ServeryError('JOB_NOT_FOUND', `No job has the name ${quote(name)}`, {
    ...(meant !== undefined && { hint: `Did you mean ${quote(meant)}?` }),
  });
}

function viewLocalRun({ id, job, state, interval, rows, model, outputs, badRows, error, steps, results }: LocalRun) {
  return {
    id,
    job,
    state,
    interval: viewInterval(interval),
    rows: rows ?? null,
    model: model ?? null,
    outputs: outputs ?? [],
    badRows: badRows ?? [],
    error: error ?? null,
    steps: steps.map((step) => ({ name: step.step, state: step.state, error: step.error ?? null })),
    results: results ?? {},
  };
}

/** The first Ctrl-C lets the steps end in order, the second one does not wait for them. */
function listenForInterrupt(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const onInterrupt = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    const reason: StopReason = { code: 'CANCELLED', message: 'Interrupted at the terminal', force: false };
    controller.abort(reason);
  };
  process.on('SIGINT', onInterrupt);
  return { signal: controller.signal, [Symbol.dispose]: () => void process.off('SIGINT', onInterrupt) };
}
