/**
 * Claims runs and sees to them: executes, prolongs their leases, follows requests to stop, says how they ended.
 *
 * This is the supervisor of a worker process. It starts programs and hands rows to other threads, so that a
 * heartbeat never waits for work; if it stops for longer than a lease, it has lost its runs and stops them.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { notice } from '../core/events.ts';
import type { Json } from '../core/json.ts';
import type { Engine, HeartbeatReply, WorkerInfo } from '../engine/engine.ts';
import type { AttemptOutcome, ClaimedRun, Run } from '../engine/run.ts';
import { clearAttempts } from './command/attempt-folder.ts';
import { codeRevision } from './code-revision.ts';
import { createEngineJournal } from './engine-journal.ts';
import { executeRun, type StepRunner } from './execute-run.ts';
import { readJob } from './job.ts';
import type { StepProgress, StopReason } from './step.ts';

export interface WorkerDeps {
  readonly engine: Engine;
  readonly runner: StepRunner;
  /** Absolute. */
  readonly workspace: string;
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly capacity: number;
  readonly leaseMs: number;
  /** For what earlier attempts have left running, and for runs when the worker must leave. */
  readonly stopGraceMs: number;
}

export interface Worker extends AsyncDisposable {
  readonly id: string;
}

interface Active {
  readonly claimed: ClaimedRun;
  readonly controller: AbortController;
  progress: Record<string, StepProgress>;
  done: Promise<void>;
}

/** For what becomes due without anything being committed, and is not known here. */
const LOOK_EVERY_MS = 1000;
/** Also how soon a request to stop is seen where the store cannot tell of it at once. */
const LONGEST_BEAT_MS = 1000;
const FINISH_AGAIN_MS = 500;

export function startWorker(deps: WorkerDeps): Worker {
  const { engine, clock, capacity, leaseMs } = deps;
  const info: WorkerInfo = { id: `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`, capacity, leaseMs };
  const active = new Map<string, Active>();
  let isStopping = false;
  let looking: Promise<void> | undefined;
  let lookAgain = false;
  let beating: Promise<void> | undefined;
  let lastBeatMs = clock.now();
  let timer: Disposable | undefined;
  let beatTimer: Disposable | undefined;

  function look(): void {
    lookAgain = true;
    looking ??= lookWhileAsked().finally(() => (looking = undefined));
  }

  async function lookWhileAsked(): Promise<void> {
    while (lookAgain && !isStopping) {
      lookAgain = false;
      const free = capacity - active.size;
      if (free <= 0) continue;
      try {
        for (const claimed of await engine.claim(info, free)) begin(claimed);
      } catch (error) {
        notice.publish({ level: 'error', message: 'Cannot claim runs', error });
      }
    }
  }

  function begin(claimed: ClaimedRun): void {
    const { runId } = claimed.lease;
    if (active.size === 0) lastBeatMs = clock.now();
    const controller = new AbortController();
    const entry: Active = { claimed, controller, progress: {}, done: Promise.resolve() };
    active.set(runId, entry);
    entry.done = execute(entry, deps).then((ended) => {
      active.delete(runId);
      look();
      // A retry becomes due without anything being committed.
      if (ended?.state === 'retrying') clock.after(Math.max(0, ended.notBeforeMs - Date.now()) + 1, look);
    });
    if (beatTimer === undefined) scheduleBeat();
  }

  function scheduleBeat(): void {
    beatTimer = clock.after(Math.min(leaseMs / 3, LONGEST_BEAT_MS), () => {
      beatTimer = undefined;
      if (active.size === 0) return;
      beating = beat().finally(() => scheduleBeat());
    });
  }

  async function beat(): Promise<void> {
    const began = clock.now();
    const entries = [...active.values()];
    try {
      const reply = await engine.heartbeat(
        info,
        entries.map(({ claimed, progress }) => ({ lease: claimed.lease, progress: progress as unknown as Json })),
      );
      lastBeatMs = began;
      follow(reply);
    } catch (error) {
      notice.publish({ level: 'warn', message: 'Cannot prolong the leases of runs', error });
      if (clock.now() - lastBeatMs <= leaseMs) return;
      for (const { controller } of entries) {
        stop(controller, { code: 'LEASE_LOST', message: 'The store could not be reached in time', force: true });
      }
    }
  }

  function follow({ stop: requests, lost }: HeartbeatReply): void {
    for (const { runId, reason, force, code } of requests) {
      const entry = active.get(runId);
      if (entry !== undefined) stop(entry.controller, { code, message: reason, force });
    }
    for (const runId of lost) {
      const entry = active.get(runId);
      if (entry === undefined) continue;
      stop(entry.controller, { code: 'LEASE_LOST', message: 'Another worker has taken the run over', force: true });
    }
  }

  const watch = engine.watch(look);
  const lookRegularly = (): void => {
    look();
    timer = clock.after(LOOK_EVERY_MS, lookRegularly);
  };
  lookRegularly();

  return {
    id: info.id,
    async [Symbol.asyncDispose]() {
      isStopping = true;
      watch[Symbol.dispose]();
      timer?.[Symbol.dispose]();
      await looking;
      const message = 'The worker is stopping';
      using _ = clock.after(deps.stopGraceMs, () => {
        for (const { controller } of active.values()) {
          stop(controller, { code: 'SHUTTING_DOWN', message, force: false });
        }
      });
      while (active.size > 0) await Promise.all([...active.values()].map(({ done }) => done));
      beatTimer?.[Symbol.dispose]();
      await beating;
      beatTimer?.[Symbol.dispose]();
    },
  };
}

/** The first reason stays, unless the run is lost meanwhile: an `AbortSignal` aborts once. */
function stop(controller: AbortController, reason: StopReason): void {
  controller.abort(reason);
}

/** @returns the run as it is then; undefined when it is somebody else's */
async function execute({ claimed, controller, progress }: Active, deps: WorkerDeps): Promise<Run | undefined> {
  const { engine, runner, workspace, stateFolder, clock, stopGraceMs } = deps;
  const { lease, run, spec } = claimed;
  const journal = createEngineJournal(engine, lease);
  try {
    return await finish(await attempt());
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'LEASE_LOST') {
      notice.publish({ level: 'error', message: `Cannot say how run ${run.id} ended`, error });
    }
    return undefined;
  }

  async function attempt(): Promise<AttemptOutcome> {
    try {
      await clearAttempts(stateFolder, run.id, stopGraceMs);
      const revision = await codeRevision(workspace);
      if (revision !== undefined && run.pinned['revision'] === undefined) await journal.pin({ revision });
      return await executeRun(
        {
          job: readJob({ job: run.job, spec }),
          runId: run.id,
          attempt: lease.epoch,
          interval: run.interval,
          params: (run.params ?? {}) as Readonly<Record<string, Json>>,
          workspace,
          signal: controller.signal,
        },
        { journal, runner, clock, progress: (step, now) => (progress[step] = now) },
      );
    } catch (error) {
      if (error instanceof ServeryError && error.code === 'LEASE_LOST') throw error;
      const { code, message } =
        error instanceof ServeryError ? error : { code: 'INTERNAL', message: (error as Error).message };
      return { state: 'failed', error: { code, message } };
    }
  }

  /** A full disk or a locked file may pass, as long as the run is ours. */
  async function finish(outcome: AttemptOutcome): Promise<Run> {
    for (;;) {
      try {
        return await engine.finishAttempt(lease, outcome);
      } catch (error) {
        const { code } = error as ServeryError;
        const isLost = controller.signal.aborted && (controller.signal.reason as StopReason).code === 'LEASE_LOST';
        if (isLost || (code !== 'STORAGE_FULL' && code !== 'DATABASE_FAILED')) throw error;
        notice.publish({ level: 'warn', message: `Cannot yet say how run ${run.id} ended`, error });
        await new Promise<void>((resolve) => clock.after(FINISH_AGAIN_MS, resolve));
      }
    }
  }
}
