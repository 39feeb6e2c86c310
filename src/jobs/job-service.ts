/**
 * Jobs and runs as doors ask for them, over the engine: the only way in for people and programs.
 *
 * It holds nothing but what it has compiled: two of them on one engine, or one that was started anew, answer the same.
 */
import { isDeepStrictEqual } from 'node:util';
import { wallClock, type Clock } from '../core/clock.ts';
import { compactInterval, formatInstant, type DataInterval } from '../core/data-interval.ts';
import { quote, ServeryError } from '../core/errors.ts';
import type { Engine, RunQuery as EngineRunQuery } from '../engine/engine.ts';
import type { JobState } from '../engine/job-state.ts';
import { ACTIVE_STATES, type Run, type RunState } from '../engine/run.ts';
import { intervalOfManualRun } from '../schedule/ranges.ts';
import { createBackfillService, requireConfigured } from './backfill-service.ts';
import { readJobEvents } from './event-reader.ts';
import type { JobApi, JobDetails, JobSummary, RunDetails, StepView } from './job-api.ts';
import { readJob } from './job.ts';
import { KnownJobs, type KnownJob } from './known-jobs.ts';
import { nextOccurrences, scheduleText } from './occurrences.ts';
import { newRequest } from './new-request.ts';
import { resolveParams } from './params.ts';
import { readInstantText, readIntervalTexts } from './request-times.ts';
import { readRunLog } from './run-log-reader.ts';
import { scheduleInWords } from './schedule-words.ts';
import {
  readOutcome,
  viewAttempt,
  viewComingStep,
  viewInterval,
  viewOccurrence,
  viewRun,
  viewStep,
  viewSuppressed,
  viewWaiting,
} from './run-views.ts';

/** Runs by hand that nobody has executed yet: beyond it somebody asks faster than anything is done. */
const MAX_WAITING = 10_000;
const UPCOMING = 5;
const LATEST_RUNS = 10;

export interface JobServiceOptions {
  readonly engine: Engine;
  /** `.servery` of the workspace: where the logs are. */
  readonly stateFolder: string;
  readonly clock?: Clock;
}

export function createJobService({ engine, stateFolder, clock = wallClock }: JobServiceOptions): JobApi {
  const jobs = new KnownJobs(engine);

  async function summaryOf({ state, job, schedule }: KnownJob): Promise<JobSummary> {
    const { paused, lastRun, active, lastSuccessEndMs, isConfigured } = state;
    const [next] = isConfigured ? nextOccurrences(schedule, clock.now(), 1, lastSuccessEndMs) : [];
    return {
      name: job.name,
      description: job.description,
      configured: isConfigured,
      schedule: scheduleText(schedule),
      scheduleInWords: await scheduleInWords(schedule),
      timezone: job.timezone,
      steps: job.steps.map(({ name }) => name),
      paused: paused === undefined ? null : { note: paused.note, since: formatInstant(paused.sinceMs) },
      next: next === undefined ? null : viewOccurrence(next),
      lastRun: lastRun === undefined ? null : viewRun(lastRun),
      active: active.waiting + active.running,
    };
  }

  async function detailsOf(known: KnownJob): Promise<JobDetails> {
    const { state, job, schedule } = known;
    const [runs, suppressed] = await Promise.all([
      engine.listRuns({ job: job.name, limit: LATEST_RUNS }),
      engine.listSuppressed({ job: job.name, limit: LATEST_RUNS }),
    ]);
    const upcoming = state.isConfigured ? nextOccurrences(schedule, clock.now(), UPCOMING, state.lastSuccessEndMs) : [];
    return {
      ...(await summaryOf(known)),
      definition: state.definition.spec,
      definitionHash: state.definition.hash,
      upcoming: upcoming.map(viewOccurrence),
      runs: runs.items.map(viewRun),
      suppressed: suppressed.items.map(viewSuppressed),
    };
  }

  async function runDetailsOf(run: Run): Promise<RunDetails> {
    const isWaiting = run.state === 'queued' || run.state === 'retrying';
    const [definition, attempts, steps, reasons] = await Promise.all([
      engine.getDefinition(run.definitionHash),
      engine.attempts(run.id),
      engine.steps(run.id),
      isWaiting ? engine.whyWaiting(run.id) : [],
    ]);
    const latest = new Map(steps.map((step) => [step.step, step]));
    const begun = await Promise.all(
      steps.map(async (step) => viewStep(step, step === latest.get(step.step) ? await chunksOf(run, step.step) : null)),
    );
    const isOver = !(ACTIVE_STATES as readonly RunState[]).includes(run.state);
    const names = definition === undefined ? [] : readJob(definition).steps.map(({ name }) => name);
    const coming = isOver ? [] : names.filter((name) => !latest.has(name)).map(viewComingStep);
    const { model, outputs, badRows } = readOutcome(run.result);
    return {
      ...viewRun(run),
      model,
      outputs,
      badRows,
      params: run.params,
      priority: run.priority,
      pool: run.pool,
      waiting: viewWaiting(reasons, isWaiting),
      progress: run.progress ?? null,
      cancel: run.cancel === undefined ? null : { reason: run.cancel.reason, at: formatInstant(run.cancel.atMs) },
      worker: run.worker ?? null,
      pinned: {
        definitionHash: run.definitionHash,
        definition: definition?.spec ?? null,
        facts: run.pinned,
      },
      attempts: attempts.map(viewAttempt),
      steps: [...begun, ...coming],
    };
  }

  async function chunksOf(run: Run, step: string): Promise<StepView['chunks']> {
    const [plan, committed] = await Promise.all([engine.readPlan(run.id, step), engine.committedChunks(run.id, step)]);
    if (plan === undefined && committed.length === 0) return null;
    const chunks = typeof plan === 'object' && plan !== null && 'chunks' in plan ? plan.chunks : undefined;
    return { committed: committed.length, planned: Array.isArray(chunks) ? chunks.length : null };
  }

  return {
    async listJobs({ limit, cursor }) {
      const { items, next } = await jobs.list({ limit, after: cursor });
      return { jobs: await Promise.all(items.map(summaryOf)), nextCursor: next ?? null };
    },

    showJob: async (name) => detailsOf(await jobs.get(name)),

    async nextOccurrences(name, count) {
      const { schedule, state } = await jobs.get(name);
      return nextOccurrences(schedule, clock.now(), count, state.lastSuccessEndMs).map(viewOccurrence);
    },

    async startRun(name, order) {
      const known = await jobs.get(name);
      requireConfigured(known);
      const { job, schedule, state } = known;
      const params = resolveParams(job.params, order.params ?? {});
      const wanted = order.interval && readIntervalTexts(order.interval, job.timezone);
      const cause = `manual/${order.request ?? newRequest()}` as const;
      const before = order.request === undefined ? undefined : await findRequest(engine, job.name, cause);
      if (before !== undefined) {
        requireSameOrder(before, wanted, order.params === undefined ? undefined : params);
        return { run: await runDetailsOf(before), created: false };
      }
      requireRoom(state);
      const interval = wanted ?? intervalOfManualRun(schedule, clock.now(), state.lastSuccessEndMs);
      const { run, isNew } = await engine.addRun({
        job: job.name,
        interval,
        scheduledForMs: undefined,
        cause,
        definitionHash: job.definitionHash,
        params,
      });
      return { run: await runDetailsOf(run), created: isNew };
    },

    async listRuns({ job, states, from, to, limit, cursor }) {
      const timezone = job === undefined ? 'UTC' : (await jobs.get(job)).job.timezone;
      const instantOf = (text: string | undefined) =>
        text === undefined ? undefined : readInstantText(text, timezone);
      const created = { fromMs: instantOf(from), toMs: instantOf(to) };
      const page = await engine.listRuns({ job, states, created, limit, after: cursor } satisfies EngineRunQuery);
      return { runs: page.items.map(viewRun), nextCursor: page.next ?? null };
    },

    showRun: async (id) => runDetailsOf(await engine.getRun(id)),

    cancelRun: async (id, note) =>
      runDetailsOf(await engine.requestCancel(id, { reason: note === '' ? 'by request' : note })),

    retryRun: async (id) => runDetailsOf(await engine.retryRun(id)),

    async pauseJob(name, note) {
      const { job } = await jobs.get(name);
      await engine.pauseJob(job.name, note);
      return detailsOf(await jobs.get(name));
    },

    async resumeJob(name) {
      const { job } = await jobs.get(name);
      await engine.resumeJob(job.name);
      return detailsOf(await jobs.get(name));
    },

    ...createBackfillService(engine, jobs),

    readLog: (query) => readRunLog(engine, stateFolder, query),

    async readEvents(query) {
      if (query.job !== undefined) await jobs.get(query.job);
      if (query.run !== undefined) await engine.getRun(query.run);
      return readJobEvents(engine, clock, query);
    },
  };
}

/** @throws {ServeryError} `QUEUE_FULL` */
function requireRoom({ job, active }: JobState): void {
  if (active.waiting < MAX_WAITING) return;
  throw new ServeryError('QUEUE_FULL', `Cannot add a run of ${job}: ${active.waiting} wait already`, {
    hint: 'Run `servery job runs NAME --state queued` to see them, and why the first one waits.',
    retryAfterMs: 60_000,
  });
}

/** The run of a request that was sent before, whatever interval it was for. */
async function findRequest(engine: Engine, job: string, cause: Run['cause']): Promise<Run | undefined> {
  return (await engine.listRuns({ job, cause, limit: 1 })).items[0];
}

/** @throws {ServeryError} `CONFLICT` when the request asks for something else under the same name */
function requireSameOrder(run: Run, interval: DataInterval | undefined, params: unknown): void {
  const isSameInterval =
    interval === undefined ||
    (run.interval !== undefined && compactInterval(run.interval) === compactInterval(interval));
  if (isSameInterval && (params === undefined || isDeepStrictEqual(run.params, params))) return;
  const shown = run.interval === undefined ? 'no interval' : Object.values(viewInterval(run.interval)).join('/');
  throw new ServeryError(
    'CONFLICT',
    `The request has started run ${quote(run.id)} with ${shown} and other parameters`,
    {
      hint: 'Send another Idempotency-Key for another run.',
    },
  );
}
