/** A server as SageMaker starts it: by its variables, and with models that the platform loads and unloads. */
import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { startServer, workspaceWith } from '../support/workspace-server.ts';

const MODELS = new URL('../fixtures/models', import.meta.url).pathname;

describe('a SageMaker container', () => {
  it('answers for its only model where the variables say so', async () => {
    await using workspace = await workspaceWith({ half: 'test/fixtures/models/half-plus-two' });
    const env = { SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: 'text/csv' };
    await using server = await startServer(workspace.path, { env });
    assert.equal((await fetch(`${server.http}/ping`)).status, 200);
    const headers = { 'content-type': 'text/csv' };
    const answer = await fetch(`${server.http}/invocations`, { method: 'POST', headers, body: '1\n2\n' });
    assert.deepEqual([answer.status, await answer.text()], [200, '2.5\n3\n']);
    assert.equal((await fetch(`${server.http}/execution-parameters`)).status, 200);
    assert.equal(await server.stop(), 0);
  });

  it('loads, lists, invokes and unloads models on a port of its own', async () => {
    await using workspace = await workspaceWith({ m: 'test/fixtures/models/doubler' });
    const root = `${workspace.path}/opt`;
    for (const name of ['a', 'b', 'c']) {
      await mkdir(`${root}/${name}`, { recursive: true });
      await cp(`${MODELS}/half-plus-two/1`, `${root}/${name}/model`, { recursive: true });
    }
    const own = `127.0.0.1:${await freePort()}`;
    const sagemaker = { http: own, modelsRoot: root, memoryBudgetBytes: 1_000_000 };
    const config = { frontEnds: 2, protocols: { sagemaker } };
    await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify(config));
    await using server = await startServer(workspace.path);
    const call = async (method: string, path: string, body?: unknown) => {
      const text = body === undefined ? null : JSON.stringify(body);
      const response = await fetch(`http://${own}${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        body: text,
      });
      return [response.status, JSON.parse(await response.text())] as const;
    };
    const loading = (name: string, url = `${root}/${name}/model`) => call('POST', '/models', { model_name: name, url });
    assert.deepEqual(await loading('a'), [200, { status: 'Workers scaled' }]);
    const failure = (code: number, type: string, message: string) => [code, { code, type, message }];
    const taken = 'Model a is already registered.';
    assert.deepEqual(await loading('a'), failure(409, 'ConflictStatusException', taken));
    assert.equal((await loading('b'))[0], 200);
    const absent = 'Model not found in model store: nobody has no model.onnx';
    assert.deepEqual(await loading('nobody'), failure(404, 'ModelNotFoundException', absent));
    const noUrl = failure(400, 'BadRequestException', 'Parameter url is required.');
    assert.deepEqual(await call('POST', '/models', { model_name: 'c' }), noUrl);
    assert.deepEqual(await call('POST', '/models'), noUrl);
    assert.equal((await loading('c', '/etc'))[0], 400);
    assert.equal((await loading('..'))[0], 400);
    const of = (modelName: string) => ({ modelName, modelUrl: `${root}/${modelName}/model` });
    assert.deepEqual(await call('GET', '/models?limit=2'), [200, { models: [of('a'), of('b')], nextPageToken: '2' }]);
    assert.deepEqual(await call('GET', '/models?next_page_token=2'), [200, { models: [of('m')] }]);
    assert.deepEqual(await call('GET', '/models?limit=-1&next_page_token=X'), [
      200,
      { models: [of('a'), of('b'), of('m')] },
    ]);
    assert.deepEqual(await call('GET', '/models/a'), [200, of('a')]);
    const body = [1, 2];
    assert.deepEqual(await call('POST', '/models/a/invoke', body), [200, [2.5, 3]]);
    assert.equal((await call('POST', '/models/nobody/invoke', body))[0], 404);
    assert.deepEqual(await call('DELETE', '/models/a'), [200, { status: 'Model "a" unregistered' }]);
    const gone = failure(404, 'ModelNotFoundException', 'Model not found: a');
    assert.deepEqual(await call('DELETE', '/models/a'), gone);
    assert.deepEqual(await call('GET', '/models/a'), gone);
    const inQuery = new URLSearchParams({ model_name: 'a', url: `${root}/a/model` });
    assert.deepEqual(await call('POST', `/models?${inQuery}`), [200, { status: 'Workers scaled' }]);
    assert.equal(await server.stop(), 0);
  });

  it('refuses with 507 what would not fit', async () => {
    await using workspace = await workspaceWith({ m: 'test/fixtures/models/doubler' });
    const root = `${workspace.path}/opt`;
    await cp(`${MODELS}/half-plus-two/1`, `${root}/a/model`, { recursive: true });
    const own = `127.0.0.1:${await freePort()}`;
    const sagemaker = { http: own, modelsRoot: root, memoryBudgetBytes: 10 };
    await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify({ protocols: { sagemaker } }));
    await using server = await startServer(workspace.path);
    const body = JSON.stringify({ model_name: 'a', url: `${root}/a/model` });
    const response = await fetch(`http://${own}/models`, { method: 'POST', body });
    assert.equal(response.status, 507);
    const said = (await response.json()) as { code: number; type: string };
    assert.deepEqual([said.code, said.type], [507, 'OutOfMemoryError']);
    assert.equal(await server.stop(), 0);
  });
});
