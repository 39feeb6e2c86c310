/** An executor thread, seen from the control thread: started, connected, watched, asked to end. */
import { Worker, type MessagePort } from 'node:worker_threads';
import { ServeryError, fromWireError } from '../../core/errors.ts';
import type { ModelArtifact } from '../../core/model.ts';
import { workerUrl } from '../../core/worker-url.ts';
import type { SessionOptions } from './binding.ts';
import type { ExecutorCommand, ExecutorEvent, ExecutorStart, OpenedModel } from './messages.ts';

export interface Executor {
  /** What it found, when the session is open. Rejects when it cannot be. */
  readonly opened: Promise<OpenedModel>;
  connect(port: MessagePort): void;
  /** Open connections. */
  readonly connections: number;
  /** When the run under way began, or undefined when idle. Works while the thread is blocked. */
  runningSince(): number | undefined;
  /** Resolves when the thread has ended, or when it is stuck for longer than `graceMs`: then it is left alone. */
  close(graceMs: number): Promise<void>;
}

/** @param onIdle called whenever the last connection is closed */
export function startExecutor(artifact: ModelArtifact, options: SessionOptions, onIdle: () => void): Executor {
  const { folder, file, name, version } = artifact;
  const runningSince = new Float64Array(new SharedArrayBuffer(8));
  const workerData: ExecutorStart = { folder, file, options, runningSince };
  const worker = new Worker(workerUrl(import.meta.url, './executor-thread'), {
    workerData,
    name: `servery executor ${name}/${version}`,
    // Rows live in shared memory, so little is allocated here; a small young generation keeps many executors small.
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });
  const send = (command: ExecutorCommand, transfer: readonly MessagePort[] = []) =>
    worker.postMessage(command, transfer);
  const opened = Promise.withResolvers<OpenedModel>();
  const ended = Promise.withResolvers<void>();
  let connections = 0;
  let failure: unknown;
  let closing: Promise<void> | undefined;

  worker.on('message', (event: ExecutorEvent) => {
    if (event.kind === 'opened') {
      opened.resolve(event);
      // An idle executor does not keep the process alive.
      worker.unref();
    } else if (event.kind === 'failed') opened.reject(fromWireError(event.error));
    else {
      connections -= 1;
      if (connections === 0) onIdle();
    }
  });
  worker.on('error', (error) => {
    failure = error;
  });
  worker.on('exit', () => {
    const problem = 'The executor of the model ended before the model was loaded';
    opened.reject(new ServeryError('MODEL_INVALID', problem, { cause: failure }));
    ended.resolve();
  });

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
    worker.ref();
    send({ kind: 'close' });
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(grace.resolve, graceMs);
    await Promise.race([ended.promise, grace.promise]);
    clearTimeout(timer);
    worker.unref();
  }
}
