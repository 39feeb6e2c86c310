/**
 * The front-end threads of a server, as the control thread sees them.
 *
 * They live and die together: one that ends by itself is a bug, and then the process must end too, for
 * its connections are gone and its share of the port would go unanswered.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { workerUrl } from '../core/worker-url.ts';
import type { FrontLink } from '../models/front-link.ts';
import type { PredictRows } from '../runtime/runtime.ts';
import type { CollectorState } from '../telemetry/collector.ts';
import type { FrontEndApis, FrontEndSettings, ListenRequest, OpenPorts } from './front-end.ts';
import { apiMethods } from './remote-api.ts';
import { connectPeer } from './rpc.ts';

export interface FrontEndThread extends FrontLink {
  listen(request: ListenRequest): Promise<OpenPorts>;
  beginDrain(): Promise<void>;
  closeDoors(graceMs: number): Promise<void>;
  collectorState(): Promise<CollectorState>;
  /** Resolves when the thread is gone. */
  stop(): Promise<void>;
}

/**
 * What a request leaves behind is collected with the young generation, whose cost is what survives and not its size.
 * V8's own limit is 48: a front end would have 25 MB more, and not answer more requests per second.
 */
const YOUNG_MB = 12;

/** @param configured what the configuration says; one thread where ports cannot be shared */
export function frontEndCount(configured: number | 'auto'): number {
  if (process.platform !== 'linux') return 1;
  return configured === 'auto' ? Math.min(2, availableParallelism()) : configured;
}

/** Threads without settings, for the front ends that will be wanted. */
const early: Worker[] = [];

/**
 * Starts the usual number of threads before it is known what they will be asked for. They load their code while the
 * main thread loads its own and reads the configuration, so that a server with two cores is there 0.1 s sooner.
 */
export function startThreadsEarly(): void {
  for (let i = 0; i < frontEndCount('auto'); i += 1) {
    const thread = startThread();
    thread.unref(); // none of them keeps a command alive that has nothing to serve
    early.push(thread);
  }
}

/** When all front ends have theirs. */
export async function endEarlyThreads(): Promise<void> {
  await Promise.all(early.splice(0).map((thread) => thread.terminate()));
}

function startThread(): Worker {
  return new Worker(workerUrl(import.meta.url, './front-end-thread'), {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
}

export function startFrontEndThread(
  settings: Omit<FrontEndSettings, 'hasJobs'>,
  { control, jobs, requests }: FrontEndApis,
  onUnexpectedExit: (error: Error) => void,
): FrontEndThread {
  const thread = early.pop() ?? startThread();
  thread.ref();
  const methods = {
    ...apiMethods('control', control),
    ...(jobs !== undefined && apiMethods('jobs', jobs)),
    ...(requests !== undefined && apiMethods('requests', requests)),
  };
  const peer = connectPeer(thread, methods);
  const gone = Promise.withResolvers<void>();
  let isStopping = false;
  let failure: Error | undefined;
  thread.once('error', (error: Error) => (failure = error));
  thread.once('exit', (code) => {
    peer.disconnect();
    gone.resolve();
    if (!isStopping) onUnexpectedExit(failure ?? new Error(`A front-end thread ended with code ${code}`));
  });
  // The first thing that it is asked. `listen` tells of a failure.
  const opened = peer.call('open', [{ ...settings, hasJobs: jobs !== undefined } satisfies FrontEndSettings]);
  opened.catch(() => undefined);
  return {
    prepare: async (version) => void (await peer.call('prepare', [version], version.source.transfer)),
    apply: async (snapshot) => void (await peer.call('apply', [snapshot])),
    release: async (key) => void (await peer.call('release', [key])),
    predictRows: async (...args) => (await peer.call('predictRows', args)) as Awaited<ReturnType<PredictRows>>,
    async listen(request) {
      await opened;
      return (await peer.call('listen', [request])) as OpenPorts;
    },
    beginDrain: async () => void (await peer.call('beginDrain', [])),
    closeDoors: async (graceMs) => void (await peer.call('closeDoors', [graceMs])),
    collectorState: async () => (await peer.call('collectorState', [])) as CollectorState,
    async stop() {
      isStopping = true;
      await peer.call('stop', []).catch(() => undefined); // already gone is as good
      await gone.promise;
    },
  };
}
