/** The example of a retraining, whole: uv gets Python's packages, scikit-learn trains, the gate decides, clients see it. */
import assert from 'node:assert/strict';
import { cp, readFile, readdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pythonEnvironment } from '../../scripts/python-env.mjs';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startServer, type RunningServer } from '../support/workspace-server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

describe('examples/retraining', { timeout: 280_000 }, () => {
  it('lets one training go live, refuses another, and goes back, without losing a request', async (t) => {
    const uv = await pythonEnvironment('examples', `${ROOT}test/examples/requirements.txt`).catch(
      (error: Error) => error,
    );
    if (uv instanceof Error) return t.skip(uv.message);
    await using workspace = await temporaryFolder();
    await cp(`${ROOT}examples/retraining`, workspace.path, { recursive: true });
    const path = `${dirname(uv)}${delimiter}${process.env['PATH'] ?? ''}`;
    await using server = await startServer(workspace.path, { command: 'up', untilReady: false, env: { PATH: path } });

    const first = await train(server, {});
    assert.equal(first.state, 'succeeded', JSON.stringify(first.error));
    const row = await heldOutRow();
    await answeredBy(server, row, 1);

    const failures: string[] = [];
    let isOver = false;
    const load = (async () => {
      while (!isOver) {
        const answer = await ask(server, row);
        if (!answer.ok) failures.push(await answer.text());
        else await answer.body?.cancel();
        await sleep(5);
      }
    })();

    const refused = await train(server, { scans: 60 });
    assert.equal(refused.error?.code, 'GATE_REFUSED');
    assert.match(refused.error?.message ?? '', /accuracy is .*held-out rows are answered rightly/s);
    assert.equal((await readdir(join(workspace.path, '.servery/refused'))).length, 1);
    await answeredBy(server, row, 1);

    const second = await train(server, { scans: 1430 });
    assert.equal(second.state, 'succeeded', JSON.stringify(second.error));
    const liveAfterMs = await answeredBy(server, row, 2);
    console.log(`the second version answered ${liveAfterMs} ms after its run had ended`);

    const back = await fetch(`${server.http}/api/models/digits/rollback`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ alias: 'champion' }),
    });
    assert.ok(back.ok, await back.text());
    await answeredBy(server, row, 1);
    isOver = true;
    await load;
    assert.deepEqual(failures, []);
  });
});

interface RunView {
  readonly id: string;
  readonly state: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}

async function train({ http }: RunningServer, params: object): Promise<RunView> {
  const response = await fetch(`${http}/api/jobs/weekly-digits/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ params }),
  });
  let run = (await response.json()) as RunView;
  while (!['succeeded', 'failed', 'cancelled', 'skipped'].includes(run.state)) {
    await sleep(50);
    run = (await (await fetch(`${http}/api/runs/${run.id}`)).json()) as RunView;
  }
  return run;
}

function ask({ http }: RunningServer, row: object): Promise<Response> {
  return fetch(`${http}/models/digits@champion/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rows: [row] }),
  });
}

/** @returns milliseconds until this version answered */
async function answeredBy(server: RunningServer, row: object, version: number): Promise<number> {
  const began = performance.now();
  for (;;) {
    const answer = (await (await ask(server, row)).json()) as { readonly version?: number };
    if (answer.version === version) return Math.round(performance.now() - began);
    await sleep(10);
  }
}

async function heldOutRow(): Promise<object> {
  const [header = '', line = ''] = (await readFile(`${ROOT}examples/retraining/data/held-out.csv`, 'utf8')).split('\n');
  const cells = line.split(',');
  const names = header.split(',').filter((name) => name.startsWith('pixel_'));
  return Object.fromEntries(names.map((name, i) => [name, Number(cells[i])]));
}
