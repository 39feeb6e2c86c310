/** The thread that holds the engine, ticks, answers about jobs and keeps the worker; see scheduler.ts. */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { openSqliteEngine } from '../engine/sqlite/open.ts';
import { createJob, toDefinition } from '../jobs/job.ts';
import { createJobService } from '../jobs/job-service.ts';
import { startNotifier } from '../jobs/notifier.ts';
import { forgetOutputs, removeRunFiles } from '../jobs/remove-run-files.ts';
import { requestPlaces } from '../jobs/request/places.ts';
import { storeRequest } from '../jobs/request/store-request.ts';
import { Ticker } from '../jobs/ticker.ts';
import { compileSchedule } from '../schedule/schedule.ts';
import { createLogger, logEvents } from '../telemetry/log.ts';
import { apiMethods } from './remote-api.ts';
import { connectPeer, type Methods } from './rpc.ts';
import type { BatchConfig, SchedulerSettings } from './scheduler.ts';
import { superviseWorker } from './worker-host.ts';

const { stateFolder, config: first, folder, modelsFolder } = workerData as SchedulerSettings;
const port = parentPort!;
const opened = new AsyncDisposableStack();
opened.use(logEvents(createLogger(first.log), first.log));

await mkdir(stateFolder, { recursive: true });
const engine = opened.use(await openSqliteEngine({ file: join(stateFolder, 'state.db') }));
const host = opened.use(superviseWorker(engine));
/** The present ones; read anew each time that something is pruned. */
let kept = first.batch.retention;
let requestOptions = first.batch.requests;
const ticker = opened.use(
  new Ticker({
    engine,
    holder: `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`,
    retention: {
      get runsMs() {
        return kept.runs;
      },
      get keepRuns() {
        return kept.keepRuns;
      },
      get maxRuns() {
        return kept.maxRuns;
      },
      get eventsMs() {
        return kept.events;
      },
    },
    onPruned: async (gone) => {
      await removeRunFiles(folder, stateFolder, gone);
      // A database may be slow to answer, and schedules do not wait for it.
      void forgetOutputs(folder, gone);
    },
  }),
);
const notifier = opened.use(
  startNotifier({
    engine,
    stateFolder,
    workspace: folder,
    env: process.env,
    secret: (name) => process.env[name],
    isInCharge: () => ticker.isInCharge,
  }),
);

const methods: Methods = {
  ...apiMethods('jobs', createJobService({ engine, stateFolder })),
  ...apiMethods('requests', {
    storeRequest(order) {
      const places = requestPlaces(folder, stateFolder, requestOptions);
      return storeRequest(order, { engine, places, maxRunning: requestOptions.maxRunning });
    },
  }),
  async configure({ jobs: options, batch, models, log }: BatchConfig) {
    const jobs = Object.entries(options).map(([name, job]) => createJob(name, job));
    host.configure({ workspace: folder, stateFolder, modelsFolder, models, batch, log });
    notifier.configure(batch.notify);
    kept = batch.retention;
    requestOptions = batch.requests;
    await ticker.configure({
      jobs: jobs.map(({ name, definitionHash, schedule }) => {
        return { name, definitionHash, schedule: compileSchedule(name, schedule) };
      }),
      definitions: jobs.map(toDefinition),
      limits: { pools: batch.pools, maxRunning: batch.maxRunning },
    });
  },
  async close() {
    await opened.disposeAsync();
    setImmediate(() => port.close());
  },
};
connectPeer(port, methods);
port.postMessage('open');
