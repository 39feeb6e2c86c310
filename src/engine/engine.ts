/**
 * Durable runs: who executes what, each at least once, across crashes, and what came of it.
 *
 * The engine neither reads schedules nor executes anything. The ticker adds runs, workers claim and finish them;
 * what stays true between them is decided here, in transactions. `sqlite/` implements it for one machine; the
 * contract suite (test/contract/engine-contract.ts) says what any other implementation must do.
 *
 * Every method rejects with a `ServeryError`: `STORAGE_FULL` or `DATABASE_FAILED` when the store cannot be
 * written, `LEASE_LOST` where a lease is named, and what its own comment says.
 */
import type { DataInterval } from '../core/data-interval.ts';
import type { Json } from '../core/json.ts';
import type { Backfill, NewBackfill } from './backfill.ts';
import type { EngineEvent, EventKind } from './events.ts';
import type { ActiveRuns, JobDefinition, JobState, Limits, Suppressed } from './job-state.ts';
import type {
  Attempt,
  AttemptOutcome,
  Cause,
  ClaimedRun,
  Lease,
  NewRun,
  Run,
  RunState,
  StepRecord,
  StoredChunk,
  StoredStep,
} from './run.ts';
import type { WaitReason } from './waiting.ts';

export interface Engine extends AsyncDisposable, JobStore, Scheduling, Execution, Runs, Backfills {
  /** What happened after the event `afterId`, oldest first. */
  events(query: EventQuery): Promise<readonly EngineEvent[]>;
  /** Of the newest event; 0 when there was none. */
  lastEventId(): Promise<number>;

  /** Calls `listener` soon after anything was committed, by this process or another. Says nothing of what. */
  watch(listener: () => void): Disposable;

  /** Deletes what is older than `retention` allows, a part at a time, and says which runs are gone. */
  prune(retention: Retention): Promise<Pruned>;
}

/** Which jobs there are, and their state. */
interface JobStore {
  /** Makes these the present definitions and limits. A job that is missing here keeps its state and runs. */
  configure(definitions: readonly JobDefinition[], limits: Limits): Promise<void>;
  /** Those that are configured or have runs, by name; `after` is a name. */
  listJobs(query: PageQuery): Promise<Page<JobState>>;
  /** @throws {ServeryError} `JOB_NOT_FOUND` */
  getJob(job: string): Promise<JobState>;
  /** Its schedule stops, and what it had queued waits. Runs by hand and backfills go on. */
  pauseJob(job: string, note: string): Promise<JobState>;
  resumeJob(job: string): Promise<JobState>;
  listSuppressed(query: PageQuery & { readonly job: string }): Promise<Page<Suppressed>>;
}

/** What only the ticker asks for. */
interface Scheduling {
  /**
   * Makes `holder` the one that ticks, or prolongs that; undefined while another process is.
   * Whoever takes it over from somebody else gets a new epoch, and the old one can no longer schedule.
   */
  acquireTicker(holder: string, ttlMs: number): Promise<TickerLease | undefined>;
  releaseTicker(lease: TickerLease): Promise<void>;
  /** Where each schedule stands, and what of its runs is not over; the facts for overlap decisions. */
  scheduleStates(jobs?: readonly string[]): Promise<ReadonlyMap<string, ScheduleState>>;
  /**
   * All in one transaction: moves the cursor of each job, adds its runs (those whose key exists are left alone)
   * and records what was suppressed. An entry whose cursor is no longer where it was said to be changes nothing.
   *
   * @throws {ServeryError} `LEASE_LOST` when another ticker has taken over
   */
  schedule(lease: TickerLease, entries: readonly ScheduleEntry[]): Promise<readonly ScheduleResult[]>;
  /**
   * Ends what time has ended: leases that expired, runs that waited or ran too long, deadlines that passed.
   *
   * @returns when the next such thing is due, as far as is known now
   */
  reconcile(): Promise<Reconciled>;
}

/** What only workers ask for. */
interface Execution {
  /** Gives at most `count` runs that may run now, those of the highest priority first; each with a new lease. */
  claim(worker: WorkerInfo, count: number): Promise<readonly ClaimedRun[]>;
  /** Prolongs the leases, and says which of those runs must stop. Sent by a thread that does not do the work. */
  heartbeat(worker: WorkerInfo, reports: readonly HeartbeatReport[]): Promise<HeartbeatReply>;
  /** All leases of a worker that is known to be dead end now: `WORKER_LOST`, then the retry policy. */
  releaseWorker(workerId: string, why: string): Promise<readonly Run[]>;
  /** Ends an attempt; the retry policy decides whether the run does. Gives the run as it is then. */
  finishAttempt(lease: Lease, outcome: AttemptOutcome): Promise<Run>;
  confirmLease(lease: Lease): Promise<void>;
  /** Adds facts to `pinned`. */
  setPinned(lease: Lease, facts: Readonly<Record<string, Json>>): Promise<void>;
  /** Adds or replaces the record of a step of this attempt. */
  recordStep(lease: Lease, record: StepRecord): Promise<void>;
  /** What a step of this run will do. It outlives the attempt; saving another one forgets the chunks of the old. */
  savePlan(lease: Lease, step: string, plan: Json): Promise<void>;
  readPlan(runId: string, step: string): Promise<Json | undefined>;
  /**
   * Remembers that a chunk is done, for this run and for good.
   *
   * @throws {ServeryError} `CONFLICT` when that chunk was committed before
   */
  commitChunk(lease: Lease, step: string, index: number, record: Json): Promise<void>;
  /** By index. */
  committedChunks(runId: string, step: string): Promise<readonly StoredChunk[]>;
}

/** What people and clients ask for. */
interface Runs {
  /**
   * Adds a run by hand, unless there is one for its key.
   *
   * @param definition of a job that no configuration has: it is known from now on, but not as configured
   * @throws {ServeryError} `JOB_NOT_FOUND`
   */
  addRun(run: NewRun, definition?: JobDefinition): Promise<{ readonly run: Run; readonly isNew: boolean }>;
  /** @throws {ServeryError} `RUN_NOT_FOUND` */
  getRun(runId: string): Promise<Run>;
  getDefinition(hash: string): Promise<JobDefinition | undefined>;
  /** Newest first. */
  listRuns(query: RunQuery): Promise<Page<Run>>;
  attempts(runId: string): Promise<readonly Attempt[]>;
  /** By attempt, then in the order in which they began. */
  steps(runId: string): Promise<readonly StoredStep[]>;
  /** Every reason there is; empty only when it will be claimed at the next moment. */
  whyWaiting(runId: string): Promise<readonly WaitReason[]>;
  /**
   * A run that waits is cancelled at once. One that runs is asked to stop; it is cancelled when its worker has
   * said so or is gone, not before.
   *
   * @throws {ServeryError} `CONFLICT` when it is over
   */
  requestCancel(runId: string, request: { readonly reason: string; readonly force?: boolean }): Promise<Run>;
  /** Queues a failed or cancelled run again, with a fresh budget of attempts. @throws {ServeryError} `CONFLICT` */
  retryRun(runId: string): Promise<Run>;
}

interface Backfills {
  createBackfill(backfill: NewBackfill): Promise<Backfill>;
  /** @throws {ServeryError} `NOT_FOUND` */
  getBackfill(id: string): Promise<Backfill>;
  /** Newest first. */
  listBackfills(query: PageQuery & { readonly job?: string }): Promise<Page<Backfill>>;
  /** Runs of it that are running go on; no other starts. @throws {ServeryError} `CONFLICT` when it is over */
  pauseBackfill(id: string, note: string): Promise<Backfill>;
  resumeBackfill(id: string): Promise<Backfill>;
  /** Its runs are cancelled as by `requestCancel`. */
  cancelBackfill(id: string, reason: string): Promise<Backfill>;
}

export interface PageQuery {
  /** 1 to 1000. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

export interface RunQuery extends PageQuery {
  readonly job?: string | undefined;
  readonly states?: readonly RunState[] | undefined;
  /** A whole cause, or the kind of one. */
  readonly cause?: Cause | 'late' | 'backfill' | 'manual' | undefined;
  readonly backfill?: string | undefined;
  /** Only runs that were created in this span. */
  readonly created?: { readonly fromMs?: number | undefined; readonly toMs?: number | undefined } | undefined;
  /** Only runs whose interval shares some time with this one. */
  readonly covers?: DataInterval | undefined;
}

export interface EventQuery {
  readonly afterId: number;
  /** 1 to 1000. */
  readonly limit: number;
  readonly job?: string | undefined;
  readonly runId?: string | undefined;
  readonly kinds?: readonly EventKind[] | undefined;
}

export interface TickerLease {
  readonly holder: string;
  readonly epoch: number;
}

export interface ScheduleState {
  readonly cursorMs: number | undefined;
  readonly cursorEventId: number | undefined;
  readonly isPaused: boolean;
  readonly firstSeenMs: number;
  readonly lastSuccessEndMs: number | undefined;
  readonly active: ActiveRuns;
}

export interface ScheduleEntry {
  readonly job: string;
  readonly cursor: CursorMove;
  readonly runs: readonly NewRun[];
  readonly suppressed: readonly SuppressedOccurrence[];
  /** Before the runs are added: whatever else of the job's schedule is not over is cancelled. */
  readonly cancelOthers?: 'cancel' | 'terminate' | undefined;
}

/** Schedules of time stand at an instant (milliseconds), those that follow other jobs at the id of an event. */
export interface CursorMove {
  readonly of: 'instant' | 'event';
  /** Where it was read to be; undefined before the first move. */
  readonly from: number | undefined;
  readonly to: number;
}

export interface SuppressedOccurrence {
  readonly scheduledForMs: number;
  /** Where one entry stands for very many. */
  readonly untilMs?: number | undefined;
  readonly interval: DataInterval | undefined;
  readonly reason: string;
}

export interface ScheduleResult {
  readonly job: string;
  /** False when the cursor had been moved by somebody else. */
  readonly isMoved: boolean;
  /** Ids of the runs that were added. */
  readonly added: readonly string[];
}

export interface Reconciled {
  readonly nextAtMs: number | undefined;
  /** Runs whose state changed. */
  readonly changed: readonly string[];
}

export interface WorkerInfo {
  /** Unique among all workers that ever were. */
  readonly id: string;
  /** How many runs it takes at once. */
  readonly capacity: number;
  /** A worker that is silent for so long has lost its runs. */
  readonly leaseMs: number;
}

export interface HeartbeatReport {
  readonly lease: Lease;
  /** Shown as the run's progress. */
  readonly progress?: Json;
}

export interface HeartbeatReply {
  /** Runs that must stop; their worker then says `cancelled` (or `failed` with `TIMED_OUT` when that is the code). */
  readonly stop: readonly StopRequest[];
  /** Runs that this worker no longer has. Whatever it still does for them is refused. */
  readonly lost: readonly string[];
}

export interface StopRequest {
  readonly runId: string;
  readonly reason: string;
  /** Without grace. */
  readonly force: boolean;
  readonly code: 'CANCELLED' | 'TIMED_OUT';
}

/** Per job, the younger or the more recent of both is what stays: a run is deleted when both limits say so. */
export interface Retention {
  /** Runs that ended longer ago are deleted, … */
  readonly runsMs: number;
  /** … but so many of each job stay. */
  readonly keepRuns: number;
  /** … and never more than this. */
  readonly maxRuns: number;
  readonly eventsMs: number;
}

export interface Pruned {
  readonly runs: readonly PrunedRun[];
  /** True when there was more than one call deletes: call again. */
  readonly hasMore: boolean;
}

/** What is needed to find the files of a run that is no more. */
export interface PrunedRun {
  readonly id: string;
  readonly job: string;
  readonly interval: DataInterval | undefined;
  /** Of its definition. */
  readonly spec: Json;
}
