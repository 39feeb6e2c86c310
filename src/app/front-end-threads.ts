/**
 * The front-end threads of a server, as the control thread sees them.
 *
 * They live and die together: one that ends by itself is a bug, and then the process must end too, for
 * its connections are gone and its share of the port would go unanswered.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { workerUrl } from '../core/worker-url.ts';
import type { JobApi } from '../jobs/job-api.ts';
import type { ControlApi } from '../models/control-api.ts';
import type { FrontLink } from '../models/front-link.ts';
import type { PredictRows } from '../runtime/runtime.ts';
import type { CollectorState } from '../telemetry/collector.ts';
import type { FrontEndSettings, ListenRequest, OpenPorts } from './front-end.ts';
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

export function startFrontEndThread(
  settings: Omit<FrontEndSettings, 'hasJobs'>,
  { control, jobs }: { readonly control: ControlApi; readonly jobs: JobApi | undefined },
  onUnexpectedExit: (error: Error) => void,
): FrontEndThread {
  const thread = new Worker(workerUrl(import.meta.url, './front-end-thread'), {
    workerData: { ...settings, hasJobs: jobs !== undefined } satisfies FrontEndSettings,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  const methods = { ...apiMethods('control', control), ...(jobs !== undefined && apiMethods('jobs', jobs)) };
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
  return {
    prepare: async (version) => void (await peer.call('prepare', [version], version.source.transfer)),
    apply: async (snapshot) => void (await peer.call('apply', [snapshot])),
    release: async (key) => void (await peer.call('release', [key])),
    predictRows: async (...args) => (await peer.call('predictRows', args)) as Awaited<ReturnType<PredictRows>>,
    listen: async (request) => (await peer.call('listen', [request])) as OpenPorts,
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
