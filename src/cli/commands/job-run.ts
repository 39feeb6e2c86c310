/** `servery job run NAME`: through the server that holds the workspace. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ERROR_CATALOG, ServeryError, type ErrorCode } from '../../core/errors.ts';
import type { JobCommands } from '../../client/remote-jobs.ts';
import type { IntervalView, RunDetails, RunState } from '../../jobs/job-api.ts';
import type { Options } from '../command.ts';
import { withJobs } from '../job-access.ts';
import { readParams } from '../job-params.ts';
import { endText, progressText } from '../job-text.ts';
import type { Result } from '../output.ts';
import { openStatusLine } from '../status-line.ts';
import { NOBODY } from './job-change.ts';

const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 1000;
/** About five seconds: a server that lives has started a worker by then. */
const POLLS_BEFORE_WARNING = 10;
const INTERRUPTED = 130;

export async function start(workspace: string, name: string, options: Options): Promise<Result> {
  const interval = readInterval(options['interval'] as string | undefined);
  const params = readParams(options);
  const request = options['request'] as string | undefined;
  // Listened to from the beginning: once the run is there, Ctrl-C must not leave without a word.
  using interrupt = options['wait'] === true ? listenForInterrupt() : undefined;
  return await withJobs(workspace, async ({ jobs, server }) => {
    const { run, created } = await jobs.startRun(name, {
      ...(interval !== undefined && { interval }),
      ...(params !== undefined && { params }),
      ...(request !== undefined && { request }),
    });
    if (interrupt !== undefined) return waitFor(jobs, run, interrupt.signal);
    const what = created ? `Queued ${run.id}` : `${run.id} is there already: it is ${run.state}`;
    return { value: { run }, text: `${what}${server === undefined ? NOBODY : ''}` };
  });
}

/** The first Ctrl-C stops waiting, not the run. */
function listenForInterrupt(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const onInterrupt = () => controller.abort();
  process.once('SIGINT', onInterrupt);
  return { signal: controller.signal, [Symbol.dispose]: () => void process.off('SIGINT', onInterrupt) };
}

async function waitFor(jobs: JobCommands, run: RunDetails, interrupted: AbortSignal): Promise<Result> {
  using line = openStatusLine();
  let latest = run;
  for (
    let pollMs = FIRST_POLL_MS, polls = 0;
    !hasEnded(latest.state);
    pollMs = Math.min(LONGEST_POLL_MS, pollMs * 1.5)
  ) {
    polls += 1;
    line.show(progressText(latest, Date.now()));
    warnOnce(latest, polls);
    await sleep(pollMs, undefined, { signal: interrupted }).catch(() => undefined);
    if (interrupted.aborted) {
      const text = `Run ${run.id} goes on; \`servery job cancel ${run.id}\` ends it`;
      return { value: { run: latest }, text, exitCode: INTERRUPTED };
    }
    latest = await jobs.showRun(run.id);
  }
  line.clear();
  return {
    value: { run: latest, ...failureOf(latest) },
    text: endText(latest),
    exitCode: exitCodeOf(latest.state),
  };
}

/** Where no line shows what the run waits for, whoever waits for it should not do so in vain. */
function warnOnce({ id, waiting }: RunDetails, polls: number): void {
  const reason = waiting.find(({ kind }) => kind === 'noWorker');
  if (polls !== POLLS_BEFORE_WARNING || reason === undefined || process.stderr.isTTY) return;
  process.stderr.write(`servery: run ${id} waits: ${reason.message}\n`);
}

/** The error of a run that failed, where every command has it. */
export function failureOf({ error }: Pick<RunDetails, 'error'>): { error?: object } {
  if (error === null) return {};
  const isKnown = Object.hasOwn(ERROR_CATALOG, error.code);
  const hint = isKnown ? ERROR_CATALOG[error.code as ErrorCode].hint : 'Run `servery job logs RUN` to see more.';
  return { error: { ...error, hint } };
}

export function exitCodeOf(state: RunState): number {
  return state === 'succeeded' || state === 'skipped' ? 0 : 1;
}

function hasEnded(state: RunState): boolean {
  return state !== 'queued' && state !== 'running' && state !== 'retrying';
}

/** @throws {ServeryError} `USAGE` */
function readInterval(text: string | undefined): IntervalView | undefined {
  if (text === undefined) return undefined;
  const [start, end, ...more] = text.split('/');
  if (start !== undefined && end !== undefined && more.length === 0) return { start, end };
  throw new ServeryError('USAGE', `Cannot use --interval ${text}: expected START/END`, {
    hint: 'Such as 2026-11-01T00:00/2026-11-02T00:00; without an offset it is in the zone of the job.',
  });
}
