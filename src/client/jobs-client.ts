/** Jobs for programs: lists as iterables over all pages, events and logs as iterables that go on. */
import type {
  BackfillOrder,
  BackfillPlan,
  BackfillView,
  JobDetails,
  JobEvent,
  JobSummary,
  OccurrenceView,
  RunDetails,
  RunOrder,
  RunState,
  RunSummary,
  StartedRun,
} from '../jobs/job-api.ts';
import { inTime, type CallOptions, type Connection } from './connection.ts';
import { pause, readEvents } from './event-source.ts';
import { createRemoteJobs, queryText } from './remote-jobs.ts';

/** Every method throws as `predict` does; with `JOB_NOT_FOUND` or `RUN_NOT_FOUND` for what is not there. */
export interface JobsClient {
  /** By name. */
  jobs(options?: CallOptions): AsyncIterable<JobSummary>;
  job(name: string, options?: CallOptions): Promise<JobDetails>;
  /** What fires next and what each covers. */
  nextOccurrences(name: string, count?: number, options?: CallOptions): Promise<readonly OccurrenceView[]>;
  /** Let a job start no more runs by its schedule. */
  pauseJob(name: string, note?: string, options?: CallOptions): Promise<JobDetails>;
  resumeJob(name: string, options?: CallOptions): Promise<JobDetails>;

  /** Runs a job now. The same `request` is the same run, however often it is sent; one is made when it is absent. */
  startRun(name: string, order?: RunStart, options?: CallOptions): Promise<StartedRun>;
  run(id: string, options?: CallOptions): Promise<RunDetails>;
  /** The latest first. */
  runs(query?: RunsQuery, options?: CallOptions): AsyncIterable<RunSummary>;
  /**
   * The run when it has ended, however it has.
   *
   * @throws {ServeryError} `DEADLINE_EXCEEDED` after `timeoutMs`; without one it waits as long as it takes
   */
  waitForRun(id: string, options?: WaitOptions): Promise<RunDetails>;
  cancelRun(id: string, note?: string, options?: CallOptions): Promise<RunDetails>;
  /** Queues a failed or cancelled run again. */
  retryRun(id: string, options?: CallOptions): Promise<RunDetails>;

  /** What a backfill would do; changes nothing. */
  planBackfill(name: string, order: BackfillStart, options?: CallOptions): Promise<BackfillPlan>;
  startBackfill(name: string, order: BackfillStart, options?: CallOptions): Promise<BackfillView>;
  backfill(id: string, options?: CallOptions): Promise<BackfillView>;
  /** The latest first. */
  backfills(query?: { readonly job?: string }, options?: CallOptions): AsyncIterable<BackfillView>;
  pauseBackfill(id: string, note?: string, options?: CallOptions): Promise<BackfillView>;
  resumeBackfill(id: string, options?: CallOptions): Promise<BackfillView>;
  cancelBackfill(id: string, note?: string, options?: CallOptions): Promise<BackfillView>;

  /** What happens to jobs and runs: after the event `after`, or from now on. Ends with the signal. */
  events(query?: EventsQuery): AsyncIterable<JobEvent>;
  /** What a step prints, as it comes; ends when its attempt has. */
  logs(run: string, query?: LogOptions): AsyncIterable<string>;
}

export type RunStart = RunOrder;
export type BackfillStart = Pick<BackfillOrder, 'start' | 'end'> & Partial<BackfillOrder>;

export interface RunsQuery {
  readonly job?: string;
  readonly states?: readonly RunState[];
  /** Runs that were added at or after this instant … */
  readonly from?: string;
  /** … and before this one. */
  readonly to?: string;
}

export interface WaitOptions extends CallOptions {
  /** Called whenever it was looked at. */
  readonly onUpdate?: (run: RunDetails) => void;
}

export interface EventsQuery {
  readonly job?: string;
  readonly run?: string;
  readonly after?: number;
  readonly signal?: AbortSignal;
}

export interface LogOptions {
  readonly step?: string;
  readonly attempt?: number;
  readonly signal?: AbortSignal;
}

const PAGE = 200;
const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 1000;
const ENDED: ReadonlySet<RunState> = new Set(['succeeded', 'failed', 'cancelled', 'skipped']);

export function createJobsClient(connection: Connection): JobsClient {
  const remote = (call?: CallOptions) => createRemoteJobs(connection, call);
  const complete = (order: BackfillStart): BackfillOrder => ({
    order: 'oldest',
    parallel: 1,
    reprocess: 'none',
    ...order,
  });

  return {
    jobs: (call) =>
      allPages(async (cursor) => {
        const { jobs, nextCursor } = await remote(call).listJobs({ limit: PAGE, ...cursor });
        return { items: jobs, nextCursor };
      }),
    job: (name, call) => remote(call).showJob(name),
    nextOccurrences: (name, count = 10, call) => remote(call).nextOccurrences(name, count),
    pauseJob: (name, note = '', call) => remote(call).pauseJob(name, note),
    resumeJob: (name, call) => remote(call).resumeJob(name),

    startRun: (name, order = {}, call) => remote(call).startRun(name, { request: requestName(), ...order }),
    run: (id, call) => remote(call).showRun(id),
    runs: (query = {}, call) =>
      allPages(async (cursor) => {
        const { runs, nextCursor } = await remote(call).listRuns({ ...query, limit: PAGE, ...cursor });
        return { items: runs, nextCursor };
      }),
    async waitForRun(id, { timeoutMs, signal, onUpdate } = {}) {
      const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
      const signals = [signal, timeout].filter((one) => one !== undefined);
      const call = signals.length === 0 ? {} : { signal: AbortSignal.any(signals) };
      for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(LONGEST_POLL_MS, pollMs * 1.5)) {
        const run = await inTime(remote(call).showRun(id));
        onUpdate?.(run);
        if (ENDED.has(run.state)) return run;
        await pause(pollMs, call.signal);
      }
    },
    cancelRun: (id, note = '', call) => remote(call).cancelRun(id, note),
    retryRun: (id, call) => remote(call).retryRun(id),

    planBackfill: (name, order, call) => remote(call).planBackfill(name, complete(order)),
    startBackfill: (name, order, call) => remote(call).createBackfill(name, complete(order)),
    backfill: (id, call) => remote(call).showBackfill(id),
    backfills: (query = {}, call) =>
      allPages(async (cursor) => {
        const { backfills, nextCursor } = await remote(call).listBackfills({ ...query, limit: PAGE, ...cursor });
        return { items: backfills, nextCursor };
      }),
    pauseBackfill: (id, note = '', call) => remote(call).changeBackfill(id, 'pause', note),
    resumeBackfill: (id, call) => remote(call).changeBackfill(id, 'resume', ''),
    cancelBackfill: (id, note = '', call) => remote(call).changeBackfill(id, 'cancel', note),

    async *events({ signal, ...query } = {}) {
      for await (const { data } of readEvents(connection, `/api/events${queryText(query)}`, { signal })) {
        yield JSON.parse(data) as JobEvent;
      }
    },
    async *logs(run, { signal, ...query } = {}) {
      const path = `/api/runs/${encodeURIComponent(run)}/logs${queryText(query)}`;
      for await (const { event, data } of readEvents(connection, path, { signal })) {
        if (event === 'end') return;
        yield (JSON.parse(data) as { text: string }).text;
      }
    },
  };
}

interface Items<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

async function* allPages<T>(page: (cursor: { readonly cursor?: string }) => Promise<Items<T>>): AsyncGenerator<T> {
  let cursor: { readonly cursor?: string } = {};
  for (;;) {
    const { items, nextCursor } = await page(cursor);
    yield* items;
    if (nextCursor === null) return;
    cursor = { cursor: nextCursor };
  }
}

/** So that a start that is tried again is not a second run. `randomUUID` is for secure pages only. */
function requestName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
