/** A whole server as an operator sees it: swaps under load, refusals, shutdown, kills. */
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

const FIXTURES = `${new URL('../../', import.meta.url).pathname}test/fixtures/models`;
const fixture = (name: string) => `test/fixtures/models/${name}`;

describe('a new version under load', () => {
  it('takes over on every front end without a failed request, and an answer is of one version', async () => {
    await using workspace = await workspaceWith({ m: `${fixture('versions')}` });
    await using server = await startServer(workspace.path, { args: ['--set', 'frontEnds=2'] });
    const versions = new Set<string>();
    const failures: unknown[] = [];
    let isOver = false;
    const callers = Array.from({ length: 16 }, async () => {
      while (!isOver) {
        const { status, body } = await infer(server, 'm', [1, 2]);
        if (status !== 200) failures.push(body);
        else {
          versions.add(body.model_version);
          assert.deepEqual(
            body.outputs[0].data,
            [1, 2].map((x) => x * Math.min(3, Number(body.model_version))),
          );
        }
      }
    });
    for (const version of [4, 5]) {
      await cp(`${FIXTURES}/versions/3`, `${workspace.path}/models/.tmp`, { recursive: true });
      await rename(`${workspace.path}/models/.tmp`, `${workspace.path}/models/m/${version}`);
      await until(async () => versions.has(String(version)));
    }
    isOver = true;
    await Promise.all(callers);
    assert.deepEqual(failures, []);
    assert.deepEqual([...versions], ['3', '4', '5']);
    assert.equal(await server.stop(), 0);
  });

  it('that is broken leaves the old one alone, and its reason is shown', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    await using server = await startServer(workspace.path);
    await mkdir(`${workspace.path}/models/m/2`);
    await writeFile(`${workspace.path}/models/m/2/model.onnx`, 'this is not a model');
    const version = await until(async () => {
      const model = await getJson(server, '/api/models/m');
      return model.versions.find(
        (one: { version: number; state: string }) => one.version === 2 && one.state === 'failed',
      );
    });
    assert.notEqual(version.reason, '');
    assert.doesNotMatch(version.reason, /\/tmp|servery-test/);
    assert.equal((await infer(server, 'm', [1])).body.model_version, '1');
  });

  it('of an alias moves by API and back, and an unload holds across a restart', async () => {
    await using workspace = await workspaceWith({ m: fixture('versions') });
    await using first = await startServer(workspace.path);
    for (const version of [1, 2]) await send(first, 'PUT', '/api/models/m/aliases/champion', { version });
    await until(async () => (await infer(first, 'm@champion', [1])).body.model_version === '2');
    await send(first, 'POST', '/api/models/m/rollback', { alias: 'champion' });
    await until(async () => (await infer(first, 'm@champion', [1])).body.model_version === '1');
    await send(first, 'POST', '/v2/repository/models/m/unload', {});
    assert.equal((await infer(first, 'm', [1])).status, 503);
    assert.equal(await first.stop(), 0);
    await using second = await startServer(workspace.path);
    assert.equal((await infer(second, 'm', [1])).status, 503);
    await send(second, 'POST', '/v2/repository/models/m/load', {});
    assert.equal((await infer(second, 'm', [1])).status, 200);
  });
});

describe('a crowd', () => {
  it('gets its answers although one of its rows is poison', async () => {
    await using workspace = await workspaceWith({ m: fixture('fails-on-negative') });
    await using server = await startServer(workspace.path);
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, i) => infer(server, 'm', [i % 16 === 5 ? -1 : i % 4], 'INT64')),
    );
    for (const [i, { status, body }] of answers.entries()) {
      if (i % 16 === 5) assert.equal(status, 500);
      else assert.deepEqual(body.outputs[0].data, [[10, 20, 30, 40][i % 4]]);
    }
  });

  it('that is too large is refused at once, with a time to come back, and the rest is right', async () => {
    await using workspace = await workspaceWith({ m: fixture('slow') });
    await writeFile(`${workspace.path}/models/m/model.yaml`, 'batching: { maxRows: 1, maxQueuedRows: 2 }\n');
    await using server = await startServer(workspace.path, { args: ['--set', 'frontEnds=2'] });
    const answers = await Promise.all(Array.from({ length: 16 }, () => infer(server, 'm', [3])));
    const refused = answers.filter(({ status }) => status === 503);
    const good = answers.filter(({ status }) => status === 200);
    assert.ok(good.length >= 2 && refused.length >= 8, `${good.length} answered, ${refused.length} refused`);
    for (const { headers, body } of refused) {
      assert.equal(body.code, 'QUEUE_FULL');
      assert.ok(Number(headers.get('retry-after')) >= 1);
    }
    for (const { body } of good) assert.deepEqual(body.outputs[0].data, [6]);
  });
});

describe('a start', () => {
  it('on a workspace that is served already is refused, with the holder named', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    await using server = await startServer(workspace.path);
    await assert.rejects(startServer(workspace.path), new RegExp(`process ${server.pid} does, at ${server.http}`));
  });

  it('on a taken port is refused, also where front ends share it', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    try {
      const args = ['--http', `127.0.0.1:${port}`, '--set', 'frontEnds=2'];
      await assert.rejects(startServer(workspace.path, { args }), /ADDRESS_IN_USE|in use/);
    } finally {
      taken.close();
    }
  });

  it('on another address than loopback needs keys, or --insecure', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    await assert.rejects(startServer(workspace.path, { args: ['--http', '0.0.0.0:0'] }), /without authentication/);
    await using server = await startServer(workspace.path, {
      args: ['--http', '0.0.0.0:0', '--insecure'],
      untilReady: false,
    });
    assert.match(server.http, /0\.0\.0\.0/);
  });

  it('after SIGKILL needs no cleaning', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    await using killed = await startServer(workspace.path);
    assert.equal(await killed.stop('SIGKILL'), 'SIGKILL');
    await using next = await startServer(workspace.path);
    assert.deepEqual((await infer(next, 'm', [4])).body.outputs[0].data, [8]);
  });
});

describe('SIGTERM', () => {
  it('makes it not ready first, lets what is in flight finish, and ends with 0', async () => {
    await using workspace = await workspaceWith({ m: fixture('slow') });
    await using server = await startServer(workspace.path);
    const inFlight = infer(server, 'm', [3]);
    await sleep(50); // it has been sent; how far it got does not matter
    const ended = server.stop();
    assert.deepEqual((await inFlight).body.outputs[0].data, [6]);
    assert.equal(await ended, 0);
  });

  it('does not wait for a run that never ends: it names the model and leaves by SIGKILL', async () => {
    await using workspace = await workspaceWith({ m: fixture('endless-on-negative') });
    await using server = await startServer(workspace.path, {
      args: ['--set', 'stopGrace=1s', '--set', 'stuckAfter=1s'],
    });
    const late = await infer(server, 'm', [-1], 'FP32', { 'servery-timeout-ms': '300' });
    assert.equal(late.status, 504);
    await until(async () => (await getJson(server, '/api/models/m')).versions[0].state === 'stuck');
    assert.equal((await fetch(`${server.http}/v2/models/m/ready`)).ok, false);
    assert.equal(await server.stop(), 'SIGKILL');
    assert.match(server.log(), /m\/1 is still running/);
  });
});

describe('an edited configuration', () => {
  it('applies to the models while they serve; a wrong one is refused and said', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    await using server = await startServer(workspace.path);
    const maxRows = async () => (await getJson(server, '/api/models/m')).resolved[0]?.batching.maxRows;
    const config = `${workspace.path}/servery.config.json`;
    await writeFile(config, JSON.stringify({ models: { m: { batching: { maxRows: 7 } } } }));
    await until(async () => (await maxRows()) === 7);
    await writeFile(config, JSON.stringify({ models: { m: { batching: { maxRow: 9 } } } }));
    await until(async () => /did you mean maxRows/.test(server.log()));
    assert.equal(await maxRows(), 7);
  });
});

describe('keys', () => {
  it('let each scope do its own and nothing else, and the local command line everything', async () => {
    await using workspace = await workspaceWith({ m: fixture('doubler') });
    const { createApiKey } = await import('../../src/core/api-keys.ts');
    const predict = createApiKey();
    const keys = [{ name: 'p', hash: predict.hash, scopes: ['predict'] }];
    await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify({ auth: { keys } }));
    await using server = await startServer(workspace.path);
    const as = (key: string) => ({ authorization: `Bearer ${key}` });
    assert.equal((await infer(server, 'm', [1])).status, 401);
    assert.equal((await infer(server, 'm', [1], 'FP32', as(predict.key))).status, 200);
    const unload = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', ...as(predict.key) } };
    assert.equal((await fetch(`${server.http}/v2/repository/models/m/unload`, unload)).status, 403);
    const { key } = JSON.parse(await readFile(`${workspace.path}/.servery/server.json`, 'utf8')) as { key: string };
    assert.equal((await fetch(`${server.http}/api/models`, { headers: as(key) })).status, 200);
  });
});

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are looked at field by field
type Json = any;

async function infer(
  { http }: RunningServer,
  model: string,
  x: readonly number[],
  datatype = 'FP32',
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; headers: Headers; body: Json }> {
  const body = JSON.stringify({ inputs: [{ name: 'x', shape: [x.length], datatype, data: x }] });
  const response = await fetch(`${http}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Json };
}

async function getJson({ http }: RunningServer, path: string): Promise<Json> {
  return (await fetch(http + path)).json();
}

async function send({ http }: RunningServer, method: string, path: string, body: unknown): Promise<void> {
  const response = await fetch(http + path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
}

/** Asks until the answer is truthy; the suite's own time limit ends what never comes. */
async function until<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await sleep(20);
  }
}
