/**
 * The engine of one machine: a file, `.servery/state.db`, that any number of processes have open at once.
 *
 * This side only passes calls to the thread of the database, with the present instant. Everything that must stay
 * true is decided there, in transactions, against the file; nothing is kept in memory that another process could
 * have changed.
 */
import { Worker } from 'node:worker_threads';
import { systemClock, wallClock, type Clock } from '../../core/clock.ts';
import { fromWireError, ServeryError } from '../../core/errors.ts';
import { workerUrl } from '../../core/worker-url.ts';
import type { Engine } from '../engine.ts';
import { COMMANDS, type EngineMethods } from './commands.ts';
import type { FromThread, ThreadSettings, ToThread } from './thread.ts';

export interface SqliteEngineOptions extends ThreadSettings {
  /** By which instants are stored. */
  readonly wall?: Clock;
  /** One that is never moved; it shows when the other one was. */
  readonly steady?: Clock;
}

/** Commands leave nothing but garbage; without a limit V8 would let 50 MB of it lie. */
const YOUNG_GENERATION_MB = 4;

/** @throws {ServeryError} `DATABASE_FAILED`, `STORAGE_FULL` */
export async function openSqliteEngine(options: SqliteEngineOptions): Promise<Engine> {
  const { wall = wallClock, steady = systemClock, ...settings } = options;
  const thread = new Worker(workerUrl(import.meta.url, './thread'), {
    workerData: settings,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const listeners = new Set<() => void>();
  const opened = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  let calls = 0;
  let failure: ServeryError | undefined;

  thread.on('message', (message: FromThread) => {
    if ('opened' in message) opened.resolve();
    else if ('failed' in message) opened.reject(fromWireError(message.failed));
    else if ('changed' in message) for (const listener of listeners) listener();
    else {
      const caller = waiting.get(message.id);
      waiting.delete(message.id);
      if ('error' in message) caller?.reject(fromWireError(message.error));
      else caller?.resolve(message.value);
    }
  });
  thread.once('error', (error: Error) => {
    failure = new ServeryError('INTERNAL', 'The thread of state.db has failed', { cause: error });
  });
  thread.once('exit', () => {
    failure ??= new ServeryError('SHUTTING_DOWN', 'The engine is closed');
    opened.reject(failure);
    for (const caller of waiting.values()) caller.reject(failure);
    waiting.clear();
    gone.resolve();
  });

  const send = (message: ToThread) => thread.postMessage(message);
  const call = (method: keyof EngineMethods, args: readonly unknown[]) => {
    if (failure !== undefined) return Promise.reject(failure);
    calls += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    waiting.set(calls, { resolve, reject });
    send({ id: calls, method, args, at: { wallMs: Math.floor(wall.now()), steadyMs: steady.now() } });
    return promise;
  };
  const methods = Object.fromEntries(
    (Object.keys(COMMANDS) as (keyof EngineMethods)[]).map((method) => [
      method,
      (...args: readonly unknown[]) => call(method, args),
    ]),
  ) as unknown as EngineMethods;

  await opened.promise;
  return {
    ...methods,
    watch(listener) {
      // A wrapper, so that one function may listen twice.
      const own = () => listener();
      listeners.add(own);
      if (listeners.size === 1) send({ watch: true });
      return {
        [Symbol.dispose]() {
          if (listeners.delete(own) && listeners.size === 0 && failure === undefined) send({ watch: false });
        },
      };
    },
    async [Symbol.asyncDispose]() {
      if (failure === undefined) send({ close: true });
      await gone.promise;
    },
  };
}
