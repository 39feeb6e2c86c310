/** `servery job pause|resume|cancel|retry|backfill`. */
import { ServeryError } from '../../core/errors.ts';
import type { BackfillOrder, IntervalView } from '../../jobs/job-api.ts';
import { withJobs } from '../job-access.ts';
import type { Options } from '../command.ts';
import { readParams } from '../job-params.ts';
import type { Result } from '../output.ts';
import { isRunId, parseBackfill, readCount } from './job.ts';

export async function pause(workspace: string, name: string, note: string): Promise<Result> {
  return withJobs(workspace, async ({ jobs }) => {
    const id = parseBackfill(name);
    const why = note === '' ? '' : `: ${note}`;
    if (id !== undefined) {
      return { value: { backfill: await jobs.changeBackfill(id, 'pause', note) }, text: `Paused ${name}${why}` };
    }
    refuseRun(name, 'pause');
    const job = await jobs.pauseJob(name, note);
    return { value: { job }, text: `Paused ${name}${why}; \`servery job resume ${name}\` lets it go on` };
  });
}

export async function resume(workspace: string, name: string): Promise<Result> {
  return withJobs(workspace, async ({ jobs }) => {
    const id = parseBackfill(name);
    if (id !== undefined) {
      return { value: { backfill: await jobs.changeBackfill(id, 'resume', '') }, text: `Resumed ${name}` };
    }
    refuseRun(name, 'resume');
    const job = await jobs.resumeJob(name);
    const next = job.next === null ? '' : `; it fires next at ${job.next.firesAt}`;
    return { value: { job }, text: `Resumed ${name}${next}` };
  });
}

export async function cancel(workspace: string, name: string, note: string): Promise<Result> {
  return withJobs(workspace, async ({ jobs }) => {
    const id = parseBackfill(name);
    if (id !== undefined) {
      const backfill = await jobs.changeBackfill(id, 'cancel', note);
      return { value: { backfill }, text: `Cancelled ${name}; runs of it that were running are being stopped` };
    }
    if (!isRunId(name)) {
      throw new ServeryError('USAGE', `Cannot cancel ${name}: expected the id of a run, or backfill/ID`, {
        hint: `Run \`servery job runs ${name} --state queued,running\` to see them.`,
      });
    }
    const run = await jobs.cancelRun(name, note);
    const isOver = run.state === 'cancelled';
    return { value: { run }, text: isOver ? `Cancelled ${name}` : `Asked ${name} to stop; it is ${run.state}` };
  });
}

export async function retry(workspace: string, id: string): Promise<Result> {
  return withJobs(workspace, async ({ jobs, server }) => {
    const run = await jobs.retryRun(id);
    return { value: { run }, text: `Queued ${id} again${server === undefined ? NOBODY : ''}` };
  });
}

export async function backfill(workspace: string, name: string, options: Options): Promise<Result> {
  const order = readOrder(options);
  return withJobs(workspace, async ({ jobs, server }) => {
    if (options['dryRun'] === true) {
      const plan = await jobs.planBackfill(name, order);
      const lines = [...plan.intervals.map(lineOf), ...plan.skipped.map((one) => `${lineOf(one)}  has a run already`)];
      const summary = `${plan.intervals.length} intervals would run, ${plan.skipped.length} are left alone`;
      return { value: plan, text: [...lines, summary].join('\n') };
    }
    const made = await jobs.createBackfill(name, order);
    const { total, skipped } = made.intervals;
    const text = [
      `Made backfill/${made.id}: ${total - skipped} intervals, ${skipped} left alone${server === undefined ? NOBODY : ''}`,
      `  \`servery job show backfill/${made.id}\` shows how far it is`,
    ].join('\n');
    return { value: { backfill: made }, text };
  });
}

/** Added to what is only written down for now. */
export const NOBODY = '; no server lives here: `servery up` or `servery work` executes it';

function readOrder(options: Options): BackfillOrder {
  const { from, to, order, parallel, reprocess } = options;
  if (order !== 'oldest' && order !== 'newest') {
    throw new ServeryError('USAGE', `Cannot use --order: expected oldest or newest, got "${String(order)}"`);
  }
  if (reprocess !== 'none' && reprocess !== 'failed' && reprocess !== 'all') {
    throw new ServeryError('USAGE', `Cannot use --reprocess: expected none, failed or all, got "${String(reprocess)}"`);
  }
  const params = readParams(options);
  return {
    start: String(from),
    end: String(to),
    order,
    parallel: readCount('--parallel', String(parallel), 1000),
    reprocess,
    ...(params !== undefined && { params }),
  };
}

function lineOf({ start, end }: IntervalView): string {
  return `${start}/${end}`;
}

function refuseRun(name: string, what: string): void {
  if (!isRunId(name)) return;
  throw new ServeryError('USAGE', `Cannot ${what} ${name}: expected a job, or backfill/ID`, {
    hint: 'A run can be cancelled, and retried later.',
  });
}
