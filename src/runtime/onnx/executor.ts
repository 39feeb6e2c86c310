/** An executor, seen from the control thread: a model opened in a thread, connected, watched, closed. */
import type { MessagePort } from 'node:worker_threads';
import { ServeryError, fromWireError } from '../../core/errors.ts';
import type { ModelArtifact } from '../../core/model.ts';
import type { SessionOptions } from './binding.ts';
import type { ExecutorThreads } from './executor-threads.ts';
import type { ExecutorCommand, ExecutorEvent, OpenedModel } from './messages.ts';

export interface Executor {
  /** What it found, when the session is open. Rejects when it cannot be. */
  readonly opened: Promise<OpenedModel>;
  connect(port: MessagePort): void;
  /** Open connections. */
  readonly connections: number;
  /** When the run under way began, or undefined when idle. Works while the thread is blocked. */
  runningSince(): number | undefined;
  /** Resolves when the model is released, or when it runs for longer than `graceMs`: then it is left alone. */
  close(graceMs: number): Promise<void>;
}

/** @param onIdle called whenever the last connection is closed */
export function startExecutor(
  threads: ExecutorThreads,
  { folder, file }: ModelArtifact,
  options: SessionOptions,
  onIdle: () => void,
): Executor {
  const thread = threads.take();
  const send = (command: ExecutorCommand, transfer: readonly MessagePort[] = []) =>
    thread.postMessage(command, transfer);
  const runningSince = new Float64Array(new SharedArrayBuffer(8));
  const opened = Promise.withResolvers<OpenedModel>();
  const released = Promise.withResolvers<void>();
  let connections = 0;
  let failure: unknown;
  let closing: Promise<void> | undefined;

  const onMessage = (event: ExecutorEvent) => {
    switch (event.kind) {
      case 'opened':
        opened.resolve(event);
        // An idle executor does not keep the process alive.
        if (closing === undefined) thread.unref();
        return;
      case 'failed':
        return opened.reject(fromWireError(event.error));
      case 'disconnected':
        connections -= 1;
        if (connections === 0) onIdle();
        return;
      case 'closed':
        void threads.giveBack(thread, event.isClean).then(release);
    }
  };
  const onError = (error: unknown) => {
    failure = error;
  };
  const release = () => {
    thread.off('message', onMessage).off('error', onError).off('exit', release);
    const problem = 'The executor of the model ended before the model was loaded';
    opened.reject(new ServeryError('MODEL_INVALID', problem, { cause: failure }));
    released.resolve();
  };
  thread.on('message', onMessage).on('error', onError).on('exit', release);
  thread.ref();
  send({ kind: 'open', folder, file, options, runningSince });

  return {
    opened: opened.promise,
    get connections() {
      return connections;
    },
    connect(port) {
      connections += 1;
      send({ kind: 'connect', port }, [port]);
    },
    runningSince: () => runningSince[0] || undefined,
    close(graceMs) {
      closing ??= closeWithin(graceMs);
      return closing;
    },
  };

  async function closeWithin(graceMs: number): Promise<void> {
    thread.ref();
    send({ kind: 'close' });
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      thread.unref();
      grace.resolve();
    }, graceMs);
    // Once it is released, the thread may be somebody else's.
    await Promise.race([released.promise, grace.promise]);
    clearTimeout(timer);
  }
}
