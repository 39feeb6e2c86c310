/** Handlers in a whole server of two front ends: clients that leave, and models that ask each other. */
import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const TWO_FRONT_ENDS = { args: ['--set', 'frontEnds=2'] };

/** Answers at once, unless x is negative: -1 takes a minute and hears its signal, -2 blocks its thread for ever. */
const SLOW = `import { defineHandler } from 'servery';
  export default defineHandler({
    signature: { inputs: { x: 'FP32' }, outputs: { y: 'FP32' } },
    async predict(rows, { signal, log }) {
      const [{ x }] = rows;
      if (x < 0) log.info('begun ' + x);
      if (x === -2) for (;;);
      if (x === -1) {
        await new Promise((resolve, reject) => {
          setTimeout(resolve, 60_000);
          signal.addEventListener('abort', () => { log.info('heard ' + signal.reason.code); reject(signal.reason); });
        });
      }
      return rows.map(({ x }) => ({ y: x }));
    },
  });`;

describe('a client that leaves', () => {
  for (const { what, x, leaves } of [
    { what: 'tells a handler that listens', x: -1, leaves: /heard CANCELLED/ },
    { what: 'has the thread of a handler that does not listen replaced', x: -2, leaves: /A thread of the handler/ },
  ]) {
    it(`${what}, and frees its place long before the deadline`, async () => {
      await using workspace = await workspaceWith({});
      await mkdir(`${workspace.path}/models/h/1`, { recursive: true });
      await writeFile(`${workspace.path}/models/h/1/handler.ts`, SLOW);
      await using server = await startServer(workspace.path, TWO_FRONT_ENDS);
      const controller = new AbortController();
      const left = predict(server, 'h', x, controller.signal);
      while (!server.log().includes(`begun ${x}`)) await sleep(10);
      controller.abort();
      await assert.rejects(left, { name: 'AbortError' });
      assert.deepEqual(await predict(server, 'h', 3), { status: 200, rows: [{ y: 3 }] });
      assert.match(server.log(), leaves);
    });
  }
});

describe('a handler that asks another model', () => {
  it('is warmed up with it at the start, and answers on every front end', async () => {
    await using workspace = await workspaceWith({
      // It sorts before the model that it asks.
      ensemble: 'test/fixtures/handlers/ensemble',
      iris: 'examples/quickstart/models/iris',
    });
    const inches = { sepal_length: 2, sepal_width: 1.4, petal_length: 0.6, petal_width: 0.1 };
    await writeFile(`${workspace.path}/models/ensemble/warmup.json`, JSON.stringify({ rows: [inches] }));
    await using server = await startServer(workspace.path, TWO_FRONT_ENDS);
    for (let times = 0; times < 8; times += 1) {
      const response = await fetch(`${server.http}/models/ensemble/predict`, post({ rows: [inches] }));
      assert.deepEqual(((await response.json()) as { rows: unknown[] }).rows, [{ species: 'setosa' }]);
    }
  });

  it('that comes later is loaded then', async () => {
    await using workspace = await workspaceWith({ ensemble: 'test/fixtures/handlers/ensemble' });
    const rows = [{ sepal_length: 2, sepal_width: 1.4, petal_length: 0.6, petal_width: 0.1 }];
    await writeFile(`${workspace.path}/models/ensemble/warmup.json`, JSON.stringify({ rows }));
    await using server = await startServer(workspace.path, { ...TWO_FRONT_ENDS, untilReady: false });
    while (!/Cannot load: .*iris/.test(server.log())) await sleep(20);
    await cp(`${ROOT}examples/quickstart/models/iris`, `${workspace.path}/models/iris`, { recursive: true });
    while (!(await fetch(`${server.http}/v2/models/ensemble/ready`)).ok) await sleep(20);
  });
});

async function predict(
  { http }: RunningServer,
  model: string,
  x: number,
  signal: AbortSignal | null = null,
): Promise<{ status: number; rows: unknown }> {
  const response = await fetch(`${http}/models/${model}/predict`, { ...post({ rows: [{ x }] }), signal });
  return { status: response.status, rows: ((await response.json()) as { rows: unknown }).rows };
}

function post(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
