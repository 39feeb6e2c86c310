/**
 * Keeps a worker process while there is work: starts it when the first run is due, notices when it dies, gives its
 * runs back at once and starts another.
 *
 * Whatever happens in the process (a crash of a native library, all memory gone, SIGKILL) is an attempt that failed.
 * One that gives no sign of life has lost its runs, and is ended: it may have been stopped while it held the lock of
 * the store, and then nobody could work.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../core/clock.ts';
import { notice } from '../core/events.ts';
import { workerUrl } from '../core/worker-url.ts';
import type { Engine } from '../engine/engine.ts';
import { ACTIVE_STATES } from '../engine/run.ts';
import type { BatchOptions } from '../jobs/batch-options.ts';
import { clearAbandoned } from '../jobs/command/attempt-folder.ts';
import type { ModelSource } from '../jobs/predict/pin-model.ts';
import type { LogOptions } from '../telemetry/options.ts';

/** Everything that a worker process needs to know; plain JSON. */
export interface WorkerSettings extends ModelSource {
  /** Absolute. */
  readonly workspace: string;
  readonly batch: BatchOptions;
  readonly log: LogOptions;
}

export type ToWorker = { readonly settings: WorkerSettings } | { readonly stop: true };
export interface FromWorker {
  /** Its id as a worker: said at the start, and then a few times in each lease, as a sign of life. */
  readonly alive: string;
}

/** Signs of life in the time of a lease. */
export const SIGNS_OF_LIFE = 3;

export interface WorkerHost extends AsyncDisposable {
  /** From now on; a process that has others finishes what it does, beside the next one. */
  configure(settings: WorkerSettings): void;
}

/** A process that dies again and again must not keep the machine busy. */
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;
/** To look again after the store could not be read. */
const PAUSE_MS = 1000;
/** After so long it was no failed start. */
const STEADY_MS = 30_000;
const LEAVE_MS = 20_000;

interface Live {
  readonly process: ChildProcess;
  readonly settings: WorkerSettings;
  readonly gone: Promise<void>;
  isLeaving: boolean;
}

export function superviseWorker(engine: Engine): WorkerHost {
  const all = new Set<Live>();
  let current: Live | undefined;
  let settings: WorkerSettings | undefined;
  let delayMs = 0;
  let mayStartAt = 0;
  let looking: Promise<void> | undefined;
  let lookAgain = false;
  let isClosing = false;
  let timer: Disposable | undefined;

  function look(): void {
    if (current !== undefined) return; // it looks for itself
    lookAgain = true;
    looking ??= lookWhileAsked().finally(() => (looking = undefined));
  }

  async function lookWhileAsked(): Promise<void> {
    while (lookAgain && current === undefined && settings !== undefined && !isClosing) {
      lookAgain = false;
      const waitMs = mayStartAt - systemClock.now();
      if (waitMs > 0) {
        timer?.[Symbol.dispose]();
        timer = systemClock.after(waitMs + 1, look);
        return;
      }
      try {
        const { items } = await engine.listRuns({ states: ACTIVE_STATES, limit: 1 });
        if (items.length > 0) current = start(settings);
      } catch (error) {
        notice.publish({ level: 'error', message: 'Cannot see whether there are runs', error });
        timer?.[Symbol.dispose]();
        timer = systemClock.after(PAUSE_MS, look);
        return;
      }
    }
  }

  function start(given: WorkerSettings): Live {
    const path = fileURLToPath(workerUrl(import.meta.url, './worker-process'));
    const startedAt = systemClock.now();
    const child = fork(path, {
      execArgv: process.execArgv.filter((flag) => flag.startsWith('--conditions=')),
      // Standard output belongs to the answer of the command.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    let workerId: string | undefined;
    const gone = Promise.withResolvers<void>();
    const live: Live = { process: child, settings: given, gone: gone.promise, isLeaving: false };
    all.add(live);
    child.send({ settings: given } satisfies ToWorker, () => undefined);
    const silence = watchSilence(given.batch.lease, () => {
      if (live.isLeaving) return; // it has a time of its own
      notice.publish({ level: 'error', message: 'The worker process gives no sign of life, and is ended' });
      child.kill('SIGKILL');
    });
    child.on('message', (message: FromWorker) => {
      workerId = message.alive;
      silence.heard();
    });
    child.once('error', (error) => notice.publish({ level: 'error', message: 'Cannot start a worker', error }));
    child.once('close', (code, signal) => {
      all.delete(live);
      silence[Symbol.dispose]();
      if (current === live) current = undefined;
      const livedMs = systemClock.now() - startedAt;
      const isFault = !live.isLeaving && code !== 0;
      delayMs = isFault && livedMs < STEADY_MS ? Math.min(LONGEST_DELAY_MS, Math.max(FIRST_DELAY_MS, delayMs * 2)) : 0;
      mayStartAt = systemClock.now() + delayMs;
      void cleanUp(given, workerId, code === null ? `it was ended by ${signal}` : `exit code ${code}`, isFault).finally(
        () => {
          gone.resolve();
          look();
        },
      );
    });
    return live;
  }

  async function cleanUp(given: WorkerSettings, workerId: string | undefined, how: string, isFault: boolean) {
    if (isFault) notice.publish({ level: 'error', message: `The worker process has ended: ${how}` });
    try {
      if (workerId !== undefined) {
        await engine.releaseWorker(workerId, `The process that executed it has ended: ${how}`);
      }
      await clearAbandoned(given.stateFolder, given.batch.stopGrace);
    } catch (error) {
      notice.publish({ level: 'error', message: 'Cannot give back the runs of a worker', error });
    }
  }

  function leave(live: Live): void {
    if (live.isLeaving) return;
    live.isLeaving = true;
    if (live.process.connected) live.process.send({ stop: true } satisfies ToWorker, () => undefined);
    const patienceMs = live.settings.batch.stopGrace + LEAVE_MS;
    const hard = systemClock.after(patienceMs, () => live.process.kill('SIGKILL'));
    void live.gone.then(() => hard[Symbol.dispose]());
  }

  const watch = engine.watch(look);
  return {
    configure(next) {
      const isFirst = settings === undefined;
      const isSame = JSON.stringify(settings) === JSON.stringify(next);
      settings = next;
      if (isSame) return;
      if (current !== undefined) leave(current);
      current = undefined;
      // What a process that is no more has left running.
      const ready = isFirst ? clearAbandoned(next.stateFolder, next.batch.stopGrace).catch(() => undefined) : undefined;
      void (ready ?? Promise.resolve()).then(look);
    },
    async [Symbol.asyncDispose]() {
      isClosing = true;
      watch[Symbol.dispose]();
      timer?.[Symbol.dispose]();
      await looking;
      for (const live of all) leave(live);
      await Promise.all([...all].map(({ gone }) => gone));
    },
  };
}

/** Calls `onSilence` when nothing was heard for longer than a lease. */
function watchSilence(leaseMs: number, onSilence: () => void): Disposable & { heard(): void } {
  let missed: number | undefined; // not before the first sign: a start takes as long as it takes
  let timer: Disposable | undefined;
  // Counted, not measured: when this process was asleep itself, what came meanwhile is read before the next look.
  const look = (): void => {
    timer = systemClock.after(leaseMs / SIGNS_OF_LIFE, look);
    if (missed === undefined) return;
    missed += 1;
    if (missed > SIGNS_OF_LIFE) onSilence();
  };
  look();
  return { heard: () => void (missed = 0), [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}
