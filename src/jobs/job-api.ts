/**
 * What a door may ask about jobs and runs.
 *
 * job-service.ts implements it beside the engine; a front end has a proxy that sends each call as a message, so
 * every argument and result can be cloned. The results are the JSON of the HTTP door and of `--json` as they
 * stand: instants are ISO 8601 in UTC, what does not apply is `null`.
 */
export interface JobApi {
  /** Jobs by name, a page at a time. */
  listJobs(query: JobQuery): Promise<JobPage>;

  /** @throws {ServeryError} `JOB_NOT_FOUND`, with the nearest name as its hint */
  showJob(name: string): Promise<JobDetails>;

  /** What fires next and what each covers; fewer than `count` where a schedule ends. @throws `JOB_NOT_FOUND` */
  nextOccurrences(name: string, count: number): Promise<readonly OccurrenceView[]>;

  /**
   * Adds a run by hand. The same `request` of the same job and interval is the same run, however often it is sent.
   *
   * @throws {ServeryError} `JOB_NOT_FOUND`, `INVALID_REQUEST` for an interval or parameters that do not fit
   */
  startRun(name: string, order: RunOrder): Promise<StartedRun>;

  /** Latest first. @throws {ServeryError} `JOB_NOT_FOUND`, `INVALID_REQUEST` for a cursor that is not ours */
  listRuns(query: RunQuery): Promise<RunPage>;

  /** @throws {ServeryError} `RUN_NOT_FOUND` */
  showRun(id: string): Promise<RunDetails>;

  /** Asks for the end of a run. @throws {ServeryError} `RUN_NOT_FOUND`, `CONFLICT` when it is over */
  cancelRun(id: string, note: string): Promise<RunDetails>;

  /** Queues a failed or cancelled run again. @throws {ServeryError} `RUN_NOT_FOUND`, `CONFLICT` */
  retryRun(id: string): Promise<RunDetails>;

  /** @param note why, for whoever looks at it later @throws `JOB_NOT_FOUND` */
  pauseJob(name: string, note: string): Promise<JobDetails>;

  /** Missed occurrences are treated as after a restart: by `catchUp`. @throws `JOB_NOT_FOUND` */
  resumeJob(name: string): Promise<JobDetails>;

  /** What a backfill would do. Changes nothing. @throws as `createBackfill` */
  planBackfill(name: string, order: BackfillOrder): Promise<BackfillPlan>;

  /** @throws {ServeryError} `JOB_NOT_FOUND`, `INVALID_REQUEST` for a range without intervals or beyond the limit */
  createBackfill(name: string, order: BackfillOrder): Promise<BackfillView>;

  /** Latest first. */
  listBackfills(query: BackfillQuery): Promise<BackfillPage>;

  /** @throws {ServeryError} `NOT_FOUND` */
  showBackfill(id: string): Promise<BackfillView>;

  /** @throws {ServeryError} `NOT_FOUND`, `CONFLICT` when it has ended */
  changeBackfill(id: string, change: BackfillChange, note: string): Promise<BackfillView>;

  /** A piece of what one attempt of a step printed. @throws `RUN_NOT_FOUND` */
  readLog(query: LogQuery): Promise<LogPiece>;

  /** Events after one, oldest first; waits up to `waitMs` for the first when there is none yet. */
  readEvents(query: EventQuery): Promise<EventPage>;
}

export const RUN_STATES = ['queued', 'running', 'retrying', 'succeeded', 'failed', 'cancelled', 'skipped'] as const;
export type RunState = (typeof RUN_STATES)[number];

/** A data interval, `[start, end)`. */
export interface IntervalView {
  readonly start: string;
  readonly end: string;
}

export interface Rows {
  readonly in: number;
  readonly out: number;
  readonly bad: number;
  /** Rows whose answers are null because they were bad; they count in `out`. */
  readonly nulled?: number;
}

/** What fires when, and what it covers. */
export interface OccurrenceView {
  /** The instant of the schedule. */
  readonly scheduledFor: string;
  /** With delay and jitter. */
  readonly firesAt: string;
  readonly interval: IntervalView | null;
}

export interface JobSummary {
  readonly name: string;
  readonly description: string;
  /** False: the configuration no longer has it; its runs stay. */
  readonly configured: boolean;
  /** `cron 0 20 * * * (Asia/Seoul)`, `every 30m`, `after extract`, `by hand`. */
  readonly schedule: string;
  /** `At 20:00, every day (Asia/Seoul)`. */
  readonly scheduleInWords: string;
  readonly timezone: string;
  readonly steps: readonly string[];
  readonly paused: { readonly note: string; readonly since: string } | null;
  readonly next: OccurrenceView | null;
  readonly lastRun: RunSummary | null;
  /** Runs that have not ended. */
  readonly active: number;
}

export interface JobDetails extends JobSummary {
  /** As the configuration has it, complete with defaults; secrets stay references. */
  readonly definition: unknown;
  readonly definitionHash: string;
  /** The next few. */
  readonly upcoming: readonly OccurrenceView[];
  /** The latest, latest first. */
  readonly runs: readonly RunSummary[];
  /** Occurrences that made no run, latest first. */
  readonly suppressed: readonly SuppressedView[];
}

export interface SuppressedView {
  readonly scheduledFor: string;
  /** The last instant that this entry stands for: where very many were missed they are one. */
  readonly until: string;
  readonly interval: IntervalView | null;
  readonly reason: string;
}

export interface RunFailure {
  /** One of docs/errors.md, or what a command named. */
  readonly code: string;
  readonly message: string;
}

export interface RunSummary {
  readonly id: string;
  readonly job: string;
  readonly state: RunState;
  /** `schedule`, `late/N`, `backfill/ID`, `manual/REQUEST`. */
  readonly cause: string;
  readonly interval: IntervalView | null;
  readonly scheduledFor: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** Attempts so far; 0 before the first. */
  readonly attempt: number;
  readonly rows: Rows | null;
  readonly error: RunFailure | null;
}

export interface RunDetails extends RunSummary {
  /** Of the step that predicts, as of the latest attempt. */
  readonly model: { readonly name: string; readonly version: number } | null;
  readonly outputs: readonly string[];
  readonly badRows: readonly string[];
  readonly params: unknown;
  readonly priority: number;
  readonly pool: string;
  /** Everything that keeps it from running; empty when it runs, or has ended. */
  readonly waiting: readonly Waiting[];
  /** What its worker said last: the step, rows so far. */
  readonly progress: unknown;
  readonly cancel: { readonly reason: string; readonly at: string } | null;
  readonly worker: string | null;
  /** What it keeps to, whatever changes meanwhile. */
  readonly pinned: {
    readonly definitionHash: string;
    readonly definition: unknown;
    /** Model versions, input files, code revision, as far as they were needed. */
    readonly facts: Readonly<Record<string, unknown>>;
  };
  readonly attempts: readonly AttemptView[];
  /** By attempt, then in the order in which they began; then those that have not. */
  readonly steps: readonly StepView[];
}

export interface Waiting {
  /** For programs: `poolFull`, `jobPaused` … */
  readonly kind: string;
  readonly message: string;
}

export interface AttemptView {
  readonly attempt: number;
  readonly state: string;
  readonly worker: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly error: RunFailure | null;
}

export interface StepView {
  readonly name: string;
  /** Null before it has begun. */
  readonly attempt: number | null;
  readonly state: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly rows: Rows | null;
  /** The version that predicted, or that was published. */
  readonly model: RunDetails['model'];
  readonly outputs: readonly string[];
  readonly badRows: readonly string[];
  /** The pieces of its input; null where there are none. */
  readonly chunks: { readonly committed: number; readonly planned: number | null } | null;
  readonly error: RunFailure | null;
  /** What it passes on to other steps. */
  readonly result: unknown;
  /** For people: exit code, metrics, what the gate said. */
  readonly details: unknown;
}

export interface JobQuery {
  readonly limit: number;
  readonly cursor?: string;
}

export interface JobPage {
  readonly jobs: readonly JobSummary[];
  /** For the next page; null at the end. */
  readonly nextCursor: string | null;
}

export interface RunOrder {
  /** Instants; without an offset in the zone of the job. By default what the latest occurrence covers. */
  readonly interval?: IntervalView;
  readonly params?: Readonly<Record<string, unknown>>;
  /** Names the order; generated when absent. */
  readonly request?: string;
}

export interface StartedRun {
  readonly run: RunDetails;
  /** False: the request had been sent before. */
  readonly created: boolean;
}

export interface RunQuery {
  readonly job?: string;
  readonly states?: readonly RunState[];
  /** Runs that were added at or after this instant … */
  readonly from?: string;
  /** … and before this one. */
  readonly to?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export interface RunPage {
  readonly runs: readonly RunSummary[];
  readonly nextCursor: string | null;
}

export interface BackfillOrder {
  /** Of the range, `[start, end)`; without an offset in the zone of the job. */
  readonly start: string;
  readonly end: string;
  /** Which intervals go first. */
  readonly order: 'oldest' | 'newest';
  /** Most runs of it at once. */
  readonly parallel: number;
  /** Intervals that have a run already: leave them, run the failed again, or all. */
  readonly reprocess: 'none' | 'failed' | 'all';
  readonly params?: Readonly<Record<string, unknown>>;
}

export type BackfillChange = 'pause' | 'resume' | 'cancel';

export interface BackfillPlan {
  readonly job: string;
  /** In the order in which they would run. */
  readonly intervals: readonly IntervalView[];
  /** Intervals of the range that `reprocess` leaves alone. */
  readonly skipped: readonly IntervalView[];
}

export interface BackfillView {
  readonly id: string;
  readonly job: string;
  readonly state: 'running' | 'paused' | 'succeeded' | 'failed' | 'cancelled';
  readonly note: string | null;
  /** From the first start to the last end. */
  readonly range: IntervalView | null;
  readonly order: BackfillOrder['order'];
  readonly parallel: number;
  readonly reprocess: BackfillOrder['reprocess'];
  readonly params: unknown;
  readonly priority: number;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly intervals: {
    readonly total: number;
    /** Left alone because of `reprocess`. */
    readonly skipped: number;
    /** Without a run yet. */
    readonly pending: number;
    readonly active: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly cancelled: number;
  };
}

export interface BackfillQuery {
  readonly job?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export interface BackfillPage {
  readonly backfills: readonly BackfillView[];
  readonly nextCursor: string | null;
}

export interface LogQuery {
  readonly run: string;
  /** Default: the step that started last. */
  readonly step?: string;
  /** Default: the latest attempt. */
  readonly attempt?: number;
  /** Bytes from the beginning. */
  readonly offset: number;
  readonly maxBytes: number;
}

export interface LogPiece {
  readonly step: string | null;
  readonly attempt: number | null;
  readonly text: string;
  /** Where the next piece begins. */
  readonly nextOffset: number;
  /** Whether nothing more will come after `nextOffset`. */
  readonly isComplete: boolean;
}

export interface EventQuery {
  /** The last event that is known; undefined for what happens from now on. */
  readonly after?: number;
  readonly job?: string;
  readonly run?: string;
  readonly limit: number;
  readonly waitMs: number;
}

export interface EventPage {
  readonly events: readonly JobEvent[];
  /** For the next call, also when there was no event. */
  readonly lastId: number;
}

export interface JobEvent {
  readonly id: number;
  readonly at: string;
  /** `run.queued`, `run.succeeded`, `job.paused`, `deadline.start` … */
  readonly kind: string;
  readonly job: string | null;
  readonly run: string | null;
  readonly data: unknown;
}
