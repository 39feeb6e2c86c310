/**
 * The process that executes runs: a child of `up` and `work`, see worker-host.ts.
 *
 * It goes last wherever the system must choose: at the lowest priority, and first to be ended when memory runs out.
 * What it starts inherits both.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { notice } from '../core/events.ts';
import { openSqliteEngine } from '../engine/sqlite/open.ts';
import { createStepRunner } from '../jobs/step-runner.ts';
import { startWorker } from '../jobs/worker.ts';
import { createLogger, logEvents } from '../telemetry/log.ts';
import { createBatchThreads } from './batch-threads.ts';
import { requestRunner } from './request-runner.ts';
import { SIGNS_OF_LIFE, type FromWorker, type ToWorker, type WorkerSettings } from './worker-host.ts';

/** Time for what is closed after the last run has ended or was handed over. */
const CLOSE_MS = 15_000;

// From the first moment on: who has started it may end while it is still starting, and nothing says so twice.
const leaving = told();
const settings = await Promise.race([received(), leaving.then(() => undefined)]);
if (settings === undefined) process.exit(0);
const { workspace, stateFolder, modelsFolder, models, batch, log } = settings;
await yieldToOthers();

await using opened = new AsyncDisposableStack();
opened.use(logEvents(createLogger(log), log));
const engine = opened.use(await openSqliteEngine({ file: join(stateFolder, 'state.db') }));
const source = { modelsFolder, stateFolder, models };
const limits = { memory: batch.memory, threads: batch.threads };
const threads = opened.use(createBatchThreads({ source, log, limits }));
const runner = createStepRunner({
  stateFolder,
  modelsFolder,
  env: process.env,
  secret: (name) => process.env[name],
  maxLogBytes: batch.maxLogBytes,
  maxResultBytes: batch.maxResultBytes,
  predict: threads.predict,
  inspect: threads.inspect,
  request: requestRunner(workspace, stateFolder, batch.requests),
});
const worker = startWorker({
  engine,
  runner,
  workspace,
  stateFolder,
  clock: systemClock,
  capacity: batch.maxRunning,
  leaseMs: batch.lease,
  stopGraceMs: batch.stopGrace,
});
giveSignsOfLife();

const why = await leaving;
notice.publish({ level: 'info', message: `The worker is leaving: ${why}` });
// A run inside ONNX Runtime cannot be stopped, and would hold the process for ever.
systemClock.after(batch.stopGrace + CLOSE_MS, () => process.kill(process.pid, 'SIGKILL'));
await worker[Symbol.asyncDispose]();
await opened.disposeAsync();
process.exit(0);

function giveSignsOfLife(): void {
  if (process.connected) process.send!({ alive: worker.id } satisfies FromWorker, () => undefined);
  systemClock.after(batch.lease / SIGNS_OF_LIFE, giveSignsOfLife);
}

function received(): Promise<WorkerSettings> {
  return new Promise((resolve) => {
    process.once('message', (message) => resolve((message as Extract<ToWorker, { settings: unknown }>).settings));
  });
}

/** Resolves when it must leave: asked to, or alone. */
function told(): Promise<string> {
  return new Promise((resolve) => {
    process.on('message', (message: ToWorker) => {
      if ('stop' in message) resolve('it was asked to');
    });
    process.once('disconnect', () => resolve('the process that started it has ended'));
    process.once('SIGTERM', () => resolve('it was told by a signal'));
    // Typed at the terminal of the server, it is meant for the server, which then says what is to be done.
    process.on('SIGINT', () => undefined);
  });
}

async function yieldToOthers(): Promise<void> {
  try {
    setPriority(batch.priority);
    // Linux knows priorities of threads. Those to come inherit it; the engine of JavaScript has started some already.
    for (const thread of await readdir('/proc/self/task').catch(() => [])) setPriority(Number(thread), batch.priority);
  } catch {
    // A system that does not let it be; runs are then as important as the server.
  }
  await writeFile('/proc/self/oom_score_adj', '500').catch(() => undefined);
}
