/**
 * The threads that executors live in.
 *
 * Starting one takes tens of milliseconds and some megabytes, and the executor of a version that runs inline
 * is needed for its warm-up only. So a thread that has released its model is kept for a moment: loading a
 * hundred small models one after the other starts one thread.
 */
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../core/clock.ts';
import { workerUrl } from '../../core/worker-url.ts';
import type { ExecutorCommand } from './messages.ts';

export interface ExecutorThreads extends AsyncDisposable {
  /** A thread without a model. */
  take(): Worker;
  /** A thread that has released its model. One that is not to be kept is awaited until it has ended. */
  giveBack(thread: Worker, keep: boolean): Promise<void>;
}

const MAX_SPARE = 2;
const KEEP_SPARE_MS = 250;

export function createExecutorThreads(): ExecutorThreads {
  const spare = new Map<Worker, Disposable>();
  let isDisposed = false;

  const end = (thread: Worker): Promise<void> => {
    spare.get(thread)?.[Symbol.dispose]();
    spare.delete(thread);
    const { promise, resolve } = Promise.withResolvers<void>();
    thread.once('exit', () => resolve());
    thread.ref();
    thread.postMessage({ kind: 'end' } satisfies ExecutorCommand);
    return promise;
  };

  return {
    take() {
      const [kept] = spare;
      if (kept === undefined) {
        const thread = new Worker(workerUrl(import.meta.url, './executor-thread'), {
          name: 'servery executor',
          // Rows lie in shared memory, so little is allocated here: a small young generation keeps many executors small.
          resourceLimits: { maxYoungGenerationSizeMb: 8 },
        });
        // The executor that uses it has its own listener; between two uses a dead thread is only forgotten.
        thread.on('error', () => {});
        thread.on('exit', () => spare.delete(thread));
        return thread;
      }
      const [thread, timer] = kept;
      timer[Symbol.dispose]();
      spare.delete(thread);
      return thread;
    },
    async giveBack(thread, keep) {
      thread.unref();
      if (!keep || isDisposed || spare.size >= MAX_SPARE) void end(thread);
      else {
        spare.set(
          thread,
          systemClock.after(KEEP_SPARE_MS, () => void end(thread)),
        );
      }
    },
    async [Symbol.asyncDispose]() {
      isDisposed = true;
      await Promise.all([...spare.keys()].map(end));
    },
  };
}
