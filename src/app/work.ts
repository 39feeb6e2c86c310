/** The composition root of `work`: the batch half of a workspace alone. A second one joins the first. */
import { notice } from '../core/events.ts';
import { createLogger, logEvents } from '../telemetry/log.ts';
import { watchConfig } from './config-watch.ts';
import { startScheduler, type Scheduler } from './scheduler.ts';
import type { Workspace } from './workspace.ts';

export interface Work extends AsyncDisposable {
  readonly jobs: Scheduler['jobs'];
}

/** @throws {ServeryError} `DATABASE_FAILED`, `STORAGE_FULL` */
export async function startWork(workspace: Workspace): Promise<Work> {
  const { config } = workspace;
  await using opened = new AsyncDisposableStack();
  opened.use(logEvents(createLogger(config.log), config.log));
  const scheduler = opened.use(await startScheduler(workspace));
  let isStopping = false;
  scheduler.ended.catch((error: Error) => {
    if (isStopping) return;
    notice.publish({ level: 'error', message: 'Leaving: the scheduler has ended', error });
    process.exit(1);
  });
  opened.use(watchConfig(workspace, { batch: scheduler.configure }));
  const resources = opened.move();
  return {
    jobs: scheduler.jobs,
    async [Symbol.asyncDispose]() {
      isStopping = true;
      await resources.disposeAsync();
    },
  };
}
