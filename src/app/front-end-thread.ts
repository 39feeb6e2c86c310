/**
 * A thread with one front end; the control thread leads it through messages. See front-end-threads.ts.
 *
 * It starts without settings, which may not be known yet: they come with the first call.
 */
import { parentPort } from 'node:worker_threads';
import type { Prepare, Snapshot } from '../models/snapshot.ts';
import type { PredictRows } from '../runtime/runtime.ts';
import { createCollector } from '../telemetry/collector.ts';
import { createLogger, logEvents } from '../telemetry/log.ts';
import { createFrontEnd, type FrontEnd, type FrontEndSettings, type ListenRequest } from './front-end.ts';
import { remoteApi } from './remote-api.ts';
import { connectPeer, type Methods } from './rpc.ts';

const port = parentPort!;
const collector = createCollector();
let frontEnd: FrontEnd;

const methods: Methods = {
  open: async (settings: FrontEndSettings) => {
    logEvents(createLogger(settings.log), settings.log);
    const { hasJobs } = settings;
    frontEnd = createFrontEnd(settings, {
      control: remoteApi('control', peer),
      jobs: hasJobs ? remoteApi('jobs', peer) : undefined,
      requests: hasJobs ? remoteApi('requests', peer) : undefined,
    });
  },
  prepare: (version: Prepare) => frontEnd.core.models.prepare(version),
  apply: (snapshot: Snapshot) => frontEnd.core.models.apply(snapshot),
  release: async (key: number) => {
    await frontEnd.core.models.release(key);
    collector.retain(Array.from(frontEnd.core.models.live(), ({ model }) => model));
  },
  predictRows: (...args: Parameters<PredictRows>) => frontEnd.core.models.predictRows(...args),
  listen: (request: ListenRequest) => frontEnd.listen(request),
  beginDrain: async () => frontEnd.beginDrain(),
  closeDoors: (graceMs: number) => frontEnd.closeDoors(graceMs),
  collectorState: async () => collector.state(),
  // Nothing else keeps the thread alive once its doors and runners are closed.
  stop: async () => void setImmediate(() => port.close()),
};
const peer = connectPeer(port, methods);
