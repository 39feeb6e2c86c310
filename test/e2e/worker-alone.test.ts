/** A worker process without the one that has started it. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { WorkerSettings } from '../../src/app/worker-host.ts';
import { batchOptions } from '../../src/jobs/batch-options.ts';
import { logOptions } from '../../src/telemetry/options.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PROGRAM = new URL('../../src/app/worker-process.ts', import.meta.url).pathname;

describe('a worker process leaves when the one that started it is gone', { timeout: 60_000 }, () => {
  for (const [when, tell] of [
    ['before it is told what to do', false],
    ['while it is starting', true],
  ] as const) {
    it(when, async () => {
      await using folder = await temporaryFolder();
      const stateFolder = join(folder.path, '.servery');
      await mkdir(stateFolder);
      const settings: WorkerSettings = {
        workspace: folder.path,
        stateFolder,
        modelsFolder: join(folder.path, 'models'),
        models: {},
        batch: batchOptions.parse({}),
        log: logOptions.parse({}),
      };
      const worker = fork(PROGRAM, {
        execArgv: ['--conditions=servery-source'],
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      });
      const gone = once(worker, 'exit');
      try {
        if (tell) await new Promise((sent) => worker.send({ settings }, sent));
        worker.disconnect();
        assert.deepEqual(
          await Promise.race([gone, once(AbortSignal.timeout(20_000), 'abort').then(() => 'it stays')]),
          [0, null],
        );
      } finally {
        worker.kill('SIGKILL');
      }
    });
  }
});
