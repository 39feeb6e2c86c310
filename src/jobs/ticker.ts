/**
 * The loop that turns schedules into runs.
 *
 * One process of all that work on a workspace ticks; the others wait to take over. The loop holds nothing that
 * matters: cursors, pauses and runs are the engine's, read anew before each decision and moved by compare-and-set, so
 * that it may die or be doubled at any moment. It sleeps until the next instant of a heap, but never long, so that a
 * clock that was moved is noticed.
 */
import { wallClock, type Clock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { notice } from '../core/events.ts';
import type { Engine, PrunedRun, Retention, ScheduleEntry, ScheduleState, TickerLease } from '../engine/engine.ts';
import type { EngineEvent } from '../engine/events.ts';
import type { JobDefinition, Limits } from '../engine/job-state.ts';
import { FireHeap } from './fire-heap.ts';
import { planFollower, type Success } from './follow-plan.ts';
import { planJob, type TickerJob } from './tick-plan.ts';

export interface TickerOptions {
  readonly engine: Engine;
  /** Unique among all processes that may tick. */
  readonly holder: string;
  readonly retention: Retention;
  /** The files of these runs may go: their records are gone. */
  readonly onPruned?: (runs: readonly PrunedRun[]) => Promise<void>;
  readonly clock?: Clock;
}

export interface TickerConfiguration {
  readonly jobs: readonly TickerJob[];
  readonly definitions: readonly JobDefinition[];
  readonly limits: Limits;
}

const LEASE_MS = 15_000;
const RENEW_MS = 5000;
/** The longest sleep: after so long a moved clock is noticed, or that the ticker of another process is gone. */
const LONGEST_SLEEP_MS = 1000;
/** Leases and deadlines are looked at this often while there are any, … */
const RECONCILE_MS = 1000;
/** … and this often while there are none. */
const IDLE_RECONCILE_MS = 5000;
const PRUNE_MS = 3_600_000;
/** After a failure of the store. */
const PAUSE_MS = 1000;
/** A clock that reads this much less than before was moved back. */
const BACKWARD_MS = 1000;
const EVENTS_AT_ONCE = 1000;
/** Jobs that share a transaction: more would hold the others' lock, and much memory, for long. */
const JOBS_AT_ONCE = 500;

export class Ticker implements AsyncDisposable {
  readonly #options: TickerOptions;
  readonly #clock: Clock;
  readonly #heap = new FireHeap();
  readonly #watching: Disposable;
  #configuration: TickerConfiguration | undefined;
  #jobs = new Map<string, TickerJob>();
  /** Those that run after another job, by the name of that one. */
  #followers = new Map<string, TickerJob[]>();
  /** Whether the configuration must still be made to count. */
  #mustConfigure = false;
  #applied: PromiseWithResolvers<void>[] = [];
  #lease: TickerLease | undefined;
  /** Up to here events have been read. */
  #lastEventId: number | undefined;
  #hasChanged = true;
  #lastNowMs = 0;
  #renewAtMs = 0;
  #reconcileAtMs = 0;
  #pruneAtMs = 0;
  #wake: (() => void) | undefined;
  #isClosing = false;
  readonly #done: Promise<void>;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? wallClock;
    this.#watching = options.engine.watch(() => {
      this.#hasChanged = true;
      this.#wake?.();
    });
    this.#done = this.#loop();
  }

  /** Whether this one ticks, and not another process. */
  get isInCharge(): boolean {
    return this.#lease !== undefined;
  }

  /** Resolves when the schedules of this configuration count; at once where another process ticks. */
  configure(configuration: TickerConfiguration): Promise<void> {
    this.#configuration = configuration;
    this.#jobs = new Map(configuration.jobs.map((job) => [job.name, job]));
    const followers = configuration.jobs.filter(({ schedule }) => schedule.kind === 'after');
    this.#followers = Map.groupBy(followers, ({ schedule }) => schedule.options.after ?? '');
    this.#mustConfigure = true;
    const applied = Promise.withResolvers<void>();
    this.#applied.push(applied);
    this.#wake?.();
    return applied.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.#watching[Symbol.dispose]();
    this.#wake?.();
    await this.#done;
    this.#settle();
  }

  async #loop(): Promise<void> {
    while (!this.#isClosing) {
      try {
        await this.#turn();
        await this.#sleep(this.#sleepMs());
      } catch (error) {
        // Nothing was lost: cursors move only together with what they stand for.
        if (!(error instanceof ServeryError && error.code === 'LEASE_LOST')) report(error);
        this.#lease = undefined;
        this.#renewAtMs = 0;
        await this.#sleep(PAUSE_MS);
      }
    }
    if (this.#lease !== undefined) await this.#options.engine.releaseTicker(this.#lease).catch(report);
  }

  async #turn(): Promise<void> {
    const nowMs = Math.floor(this.#clock.now());
    const wentBack = nowMs < this.#lastNowMs - BACKWARD_MS;
    this.#lastNowMs = nowMs;
    if (wentBack) this.#renewAtMs = this.#reconcileAtMs = this.#pruneAtMs = 0;
    if (nowMs >= this.#renewAtMs) await this.#renew(nowMs);
    if (this.#lease === undefined) {
      // The process that ticks reads the same files; its word counts.
      this.#mustConfigure = false;
      return this.#settle();
    }
    if (this.#mustConfigure) await this.#applyConfiguration(nowMs);
    else if (wentBack) this.#planAll(nowMs);
    if (this.#hasChanged) await this.#readEvents(nowMs);
    await this.#fire(this.#lease, nowMs);
    await this.#tidy(nowMs);
  }

  async #renew(nowMs: number): Promise<void> {
    const { engine, holder } = this.#options;
    const lease = await engine.acquireTicker(holder, LEASE_MS);
    // Whoever ticked meanwhile may have had another configuration.
    if (lease?.epoch !== this.#lease?.epoch) this.#mustConfigure = this.#configuration !== undefined;
    this.#lease = lease;
    this.#renewAtMs = nowMs + (lease === undefined ? LONGEST_SLEEP_MS : RENEW_MS);
  }

  async #applyConfiguration(nowMs: number): Promise<void> {
    const { definitions, limits } = this.#configuration!;
    this.#mustConfigure = false;
    try {
      await this.#options.engine.configure(definitions, limits);
      this.#lastEventId ??= await this.#options.engine.lastEventId();
    } catch (error) {
      this.#mustConfigure = true;
      throw error;
    }
    this.#planAll(nowMs);
    if (!this.#mustConfigure) this.#settle();
  }

  #settle(): void {
    for (const { resolve } of this.#applied) resolve();
    this.#applied = [];
  }

  /** At the start, and whenever what was planned may be wrong. */
  #planAll(nowMs: number): void {
    this.#heap.clear();
    for (const { name } of this.#jobs.values()) this.#heap.set(name, nowMs);
  }

  /** What others have done: pauses begin or end, jobs that are followed succeed. */
  async #readEvents(nowMs: number): Promise<void> {
    this.#hasChanged = false;
    const kinds = [
      'job.paused',
      'job.resumed',
      ...(this.#followers.size > 0 ? ['run.succeeded' as const] : []),
    ] as const;
    const afterId = this.#lastEventId ?? 0;
    const events = await this.#options.engine.events({ afterId, limit: EVENTS_AT_ONCE, kinds });
    for (const { kind, job = '' } of events) {
      const concerned = kind === 'run.succeeded' ? (this.#followers.get(job) ?? []) : [{ name: job }];
      for (const { name } of concerned) if (this.#jobs.has(name)) this.#heap.set(name, nowMs);
    }
    this.#lastEventId = events.at(-1)?.id ?? afterId;
    if (events.length === EVENTS_AT_ONCE) this.#hasChanged = true;
  }

  /** Those that are due share transactions. */
  async #fire(lease: TickerLease, nowMs: number): Promise<void> {
    for (;;) {
      const names = this.#heap.takeDue(nowMs, JOBS_AT_ONCE);
      if (names.length === 0) return;
      await this.#fireAll(names, lease, nowMs);
      if (this.#isClosing) return;
    }
  }

  async #fireAll(names: readonly string[], lease: TickerLease, nowMs: number): Promise<void> {
    try {
      const states = await this.#options.engine.scheduleStates(names);
      const entries: ScheduleEntry[] = [];
      const next = new Map<string, number | undefined>();
      for (const name of names) {
        const job = this.#jobs.get(name);
        const state = states.get(name);
        if (job === undefined || state === undefined) continue;
        const plan = await this.#plan(job, state, nowMs);
        next.set(name, plan.nextFireAtMs);
        if (plan.entry !== undefined) entries.push(plan.entry);
      }
      const results = entries.length === 0 ? [] : await this.#options.engine.schedule(lease, entries);
      for (const [name, atMs] of next) this.#heap.set(name, atMs);
      // Somebody else has moved the cursor: what was planned here means nothing.
      for (const { job, isMoved } of results) if (!isMoved) this.#heap.set(job, nowMs);
    } catch (error) {
      for (const name of names) this.#heap.set(name, nowMs);
      throw error;
    }
  }

  #plan(job: TickerJob, state: ScheduleState, nowMs: number) {
    if (job.schedule.kind !== 'after') return planJob(job, state, nowMs);
    return this.#follow(job, state, nowMs).then((entry) => ({ entry, nextFireAtMs: undefined }));
  }

  async #follow(job: TickerJob, state: ScheduleState, nowMs: number): Promise<ScheduleEntry | undefined> {
    const { engine } = this.#options;
    const from = state.cursorEventId;
    if (from === undefined) {
      // What the other job did before this one was there is not for it.
      const cursor = { of: 'event', from, to: await engine.lastEventId() } as const;
      return { job: job.name, cursor, runs: [], suppressed: [] };
    }
    if (state.isPaused) return undefined;
    const events = await engine.events({
      afterId: from,
      limit: EVENTS_AT_ONCE,
      kinds: ['run.succeeded'],
      job: job.schedule.options.after,
    });
    const last = events.at(-1);
    if (last === undefined) return undefined;
    const found = await Promise.all(events.map((event) => this.#success(event)));
    const successes = found.filter((success) => success !== undefined);
    return planFollower(job, state, successes, { from, to: last.id }, nowMs);
  }

  async #success(event: EngineEvent): Promise<Success | undefined> {
    try {
      return { event, run: await this.#options.engine.getRun(event.runId!) };
    } catch (error) {
      // Retention may have been quicker than a ticker that was away for long.
      if (error instanceof ServeryError && error.code === 'RUN_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** Leases, deadlines, retention. */
  async #tidy(nowMs: number): Promise<void> {
    const { engine, retention, onPruned } = this.#options;
    if (nowMs >= this.#reconcileAtMs) {
      const { nextAtMs } = await engine.reconcile();
      this.#reconcileAtMs = nowMs + (nextAtMs === undefined ? IDLE_RECONCILE_MS : RECONCILE_MS);
    }
    if (nowMs >= this.#pruneAtMs) {
      const { runs, hasMore } = await engine.prune(retention);
      if (runs.length > 0) await onPruned?.(runs);
      this.#pruneAtMs = nowMs + (hasMore ? LONGEST_SLEEP_MS : PRUNE_MS);
    }
  }

  #sleepMs(): number {
    if (this.#mustConfigure) return 0;
    if (this.#lease === undefined) return LONGEST_SLEEP_MS;
    if (this.#hasChanged) return 0;
    const next = this.#heap.nextMs ?? Infinity;
    return Math.max(0, Math.min(next - this.#clock.now(), LONGEST_SLEEP_MS));
  }

  async #sleep(ms: number): Promise<void> {
    if (ms <= 0 || this.#isClosing) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    using _timer = this.#clock.after(ms, resolve);
    await promise;
    this.#wake = undefined;
  }
}

function report(error: unknown): void {
  notice.publish({ level: 'error', message: 'The scheduler could not reach its state; it tries again', error });
}
