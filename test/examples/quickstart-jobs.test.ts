/** Each job of the quickstart, once: what it shows is true. */
import assert from 'node:assert/strict';
import { cp, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runJobLocally } from '../../src/app/local-run.ts';
import { openWorkspace, type Workspace } from '../../src/app/workspace.ts';
import { createJob } from '../../src/jobs/job.ts';
import type { LocalRun } from '../../src/jobs/local-run.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const MINUTE = { startMs: Date.UTC(2026, 10, 25, 2, 39), endMs: Date.UTC(2026, 10, 25, 2, 40) };
const HOUR = { startMs: Date.UTC(2026, 10, 25, 2), endMs: Date.UTC(2026, 10, 25, 3) };

describe('the jobs of the quickstart', { timeout: 120_000 }, () => {
  it('score the orders of a minute, and the same ones again', async () => {
    await using folder = await quickstart();
    const first = await run(folder.workspace, 'score-orders', MINUTE);
    assert.equal(first.state, 'succeeded', JSON.stringify(first.error));
    assert.deepEqual(first.rows, { in: 10, out: 10, bad: 0, nulled: 0 });
    const again = await run(folder.workspace, 'score-orders', MINUTE);
    assert.deepEqual(again.outputs, first.outputs);
    assert.deepEqual(await readdir(join(folder.path, 'scores/orders')), ['interval=20261125T023900Z']);

    const hourly = await run(folder.workspace, 'hourly', HOUR);
    assert.deepEqual(hourly.results, { command: { orders: 10 } });
  });

  it('score the archive of biopsies as scikit-learn did', async () => {
    await using folder = await quickstart();
    const { rows } = await run(folder.workspace, 'nightly-biopsies', undefined);
    assert.deepEqual(rows, { in: 143, out: 143, bad: 0, nulled: 0 });
    const [, ...lines] = (await readFile(join(folder.path, 'scores/biopsies.csv'), 'utf8')).trim().split('\n');
    const right = lines.map((line) => line.split(',')).filter(([expected, label]) => expected === label);
    assert.ok(right.length >= 0.95 * lines.length, `${right.length} of ${lines.length}`);
  });

  it('train flowers anew, and publish them', async () => {
    await using folder = await quickstart();
    const training = await run(folder.workspace, 'weekly-training', undefined);
    assert.equal(training.state, 'succeeded', JSON.stringify(training.error));
    assert.deepEqual(training.model, { name: 'flowers', version: 1 });
  });
});

async function quickstart(): Promise<{ readonly path: string; readonly workspace: Workspace } & AsyncDisposable> {
  const folder = await temporaryFolder();
  await cp(`${ROOT}examples/quickstart`, folder.path, {
    recursive: true,
    filter: (path) => !/\/(\.servery|scores|orders|flowers)$/.test(path),
  });
  return { ...folder, workspace: await openWorkspace(folder.path, process.env, {}) };
}

function run(workspace: Workspace, name: string, interval: LocalRun['interval']): Promise<LocalRun> {
  const job = createJob(name, workspace.config.jobs[name]!);
  const { signal } = new AbortController();
  const order = { job, interval, params: {}, request: 'test', signal, progress: () => undefined };
  return runJobLocally(workspace, order, () => assert.fail('a model is stuck'));
}
