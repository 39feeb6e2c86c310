/** `servery job list|show|runs|next|backfills`: looking, nothing else. */
import { ServeryError } from '../../core/errors.ts';
import type { JobCommands } from '../../client/remote-jobs.ts';
import { RUN_STATES, type JobSummary, type RunState, type RunSummary } from '../../jobs/job-api.ts';
import { withJobs } from '../job-access.ts';
import type { Options } from '../command.ts';
import { backfillTable, jobTable, jobText, occurrenceTable, runTable, runText } from '../job-text.ts';
import type { Result } from '../output.ts';

const PAGE = 500;
const MAX_SHOWN = 100_000;

export async function list(workspace: string): Promise<Result> {
  return withJobs(workspace, async ({ jobs: api }) => {
    const jobs: JobSummary[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await api.listJobs({ limit: PAGE, ...(cursor !== undefined && { cursor }) });
      jobs.push(...page.jobs);
      cursor = page.nextCursor;
    }
    return { value: { jobs }, text: jobTable(jobs, Date.now()) };
  });
}

/** A job by its name, a run by its id, a backfill as its runs name it: `backfill/ID`. */
export async function show(workspace: string, name: string): Promise<Result> {
  return withJobs(workspace, async ({ jobs }) => {
    const backfillId = parseBackfill(name);
    if (backfillId !== undefined) {
      const backfill = await jobs.showBackfill(backfillId);
      return { value: { backfill }, text: backfillTable([backfill]) };
    }
    if (isRunId(name)) {
      const run = await jobs.showRun(name);
      return { value: { run }, text: runText(run, Date.now()) };
    }
    const job = await jobs.showJob(name);
    return { value: { job }, text: jobText(job, Date.now()) };
  });
}

export async function runs(workspace: string, job: string | undefined, options: Options): Promise<Result> {
  const limit = readCount('--limit', String(options['limit']), MAX_SHOWN);
  const states = readStates(options['state'] as string | undefined);
  return withJobs(workspace, async ({ jobs: api }) => {
    const found: RunSummary[] = [];
    for (let cursor: string | null | undefined; cursor !== null && found.length < limit;) {
      const page: Awaited<ReturnType<JobCommands['listRuns']>> = await api.listRuns({
        ...(job !== undefined && { job }),
        ...(states !== undefined && { states }),
        ...(options['from'] !== undefined && { from: String(options['from']) }),
        ...(options['to'] !== undefined && { to: String(options['to']) }),
        limit: Math.min(PAGE, limit - found.length),
        ...(cursor !== undefined && { cursor }),
      });
      found.push(...page.runs);
      cursor = page.nextCursor;
    }
    return { value: { runs: found }, text: runTable(found, Date.now()) };
  });
}

export async function next(workspace: string, name: string, countText: string): Promise<Result> {
  const count = readCount('--count', countText, 1000);
  return withJobs(workspace, async ({ jobs }) => {
    const occurrences = await jobs.nextOccurrences(name, count);
    const { timezone } = await jobs.showJob(name);
    return { value: { job: name, timezone, next: occurrences }, text: occurrenceTable(occurrences, timezone) };
  });
}

export async function backfills(workspace: string, job: string | undefined): Promise<Result> {
  return withJobs(workspace, async ({ jobs }) => {
    const page = await jobs.listBackfills({ limit: PAGE, ...(job !== undefined && { job }) });
    return { value: { backfills: page.backfills }, text: backfillTable(page.backfills) };
  });
}

/** Names of jobs have no `~`, ids of runs have one. */
export function isRunId(name: string): boolean {
  return name.includes('~');
}

/** The id in `backfill/ID`. */
export function parseBackfill(name: string): string | undefined {
  return name.startsWith('backfill/') ? name.slice('backfill/'.length) : undefined;
}

/** @throws {ServeryError} `USAGE` */
export function readCount(flag: string, text: string, max: number): number {
  const count = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN;
  if (count >= 1 && count <= max) return count;
  throw new ServeryError('USAGE', `Cannot use ${flag}: expected an integer from 1 to ${max}, got "${text}"`);
}

function readStates(text: string | undefined): readonly RunState[] | undefined {
  if (text === undefined) return undefined;
  const states = text.split(',').map((state) => state.trim());
  const unknown = states.find((state) => !(RUN_STATES as readonly string[]).includes(state));
  if (unknown === undefined) return states as RunState[];
  throw new ServeryError('USAGE', `Cannot use --state: expected some of ${RUN_STATES.join(', ')}, got "${unknown}"`);
}
