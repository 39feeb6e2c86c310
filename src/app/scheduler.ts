/**
 * The batch half of a workspace: a thread that schedules, and a process that works, when there is work.
 *
 * For `up` and `work`, which differ only in what else they start.
 */
import { Worker } from 'node:worker_threads';
import type { Config } from '../config/schema.ts';
import { ServeryError } from '../core/errors.ts';
import { workerUrl } from '../core/worker-url.ts';
import type { JobApi } from '../jobs/job-api.ts';
import type { RequestApi } from '../jobs/request/store-request.ts';
import { remoteApi } from './remote-api.ts';
import { connectPeer } from './rpc.ts';
import type { Workspace } from './workspace.ts';

/** What of the configuration batch work needs. */
export interface BatchConfig extends Pick<Config, 'jobs' | 'batch' | 'log'> {
  readonly models: NonNullable<Config['models']>;
}

export interface SchedulerSettings {
  readonly folder: string;
  readonly stateFolder: string;
  readonly modelsFolder: string;
  readonly config: BatchConfig;
}

export interface Scheduler extends AsyncDisposable {
  readonly jobs: JobApi;
  readonly requests: RequestApi;
  configure(config: Config): Promise<void>;
  /** Rejects when the thread has ended by itself: a bug, which the process should not outlive. */
  readonly ended: Promise<never>;
}

/** With 10,000 schedules 15 MB live; without limits V8 would let ten times as much garbage lie. */
const SCHEDULER_HEAP = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 512 };

/** @throws {ServeryError} `DATABASE_FAILED`, `STORAGE_FULL` */
export async function startScheduler(workspace: Workspace): Promise<Scheduler> {
  const { folder, stateFolder, modelsFolder, config } = workspace;
  const settings: SchedulerSettings = { folder, stateFolder, modelsFolder, config: batchConfig(config) };
  const thread = new Worker(workerUrl(import.meta.url, './scheduler-thread'), {
    workerData: settings,
    resourceLimits: SCHEDULER_HEAP,
  });
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined); // whoever cares awaits it
  let failure: Error = new ServeryError('INTERNAL', 'The scheduler has ended by itself');
  thread.once('error', (error: Error) => (failure = error));
  thread.once('exit', () => ended.reject(failure));
  await Promise.race([new Promise<void>((resolve) => thread.once('message', () => resolve())), ended.promise]);
  const peer = connectPeer(thread, {});
  thread.once('exit', () => peer.disconnect());
  const configure = async (next: Config) => void (await peer.call('configure', [batchConfig(next)]));
  await configure(config);
  return {
    jobs: remoteApi('jobs', peer),
    requests: remoteApi('requests', peer),
    configure,
    ended: ended.promise,
    async [Symbol.asyncDispose]() {
      await peer.call('close', []).catch(() => undefined); // already gone is as good
      await ended.promise.catch(() => undefined);
    },
  };
}

function batchConfig({ jobs, batch, log, models = {} }: Config): BatchConfig {
  return { jobs, batch, log, models };
}
