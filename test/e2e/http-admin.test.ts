import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openDoor } from '../support/http-door.ts';

const door = await openDoor();
after(() => door[Symbol.asyncDispose]());
const put = (path: string, body: unknown) =>
  door.fetch(path, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

test('models are listed and shown', async () => {
  const { models } = (await (await door.fetch('/api/models')).json()) as { models: { name: string }[] };
  assert.deepEqual(
    models.map(({ name }) => name),
    ['doubler'],
  );
  assert.equal((await door.fetch('/api/models/doubler')).status, 200);
  assert.equal((await door.fetch('/api/models/nothing')).status, 404);
});

test('an alias is set, removed and rolled back', async () => {
  assert.equal((await put('/api/models/doubler/aliases/champion', { version: 2 })).status, 200);
  assert.deepEqual(door.control.at(-1), ['setAlias', 'doubler', 'champion', 2]);
  assert.equal((await door.fetch('/api/models/doubler/aliases/champion', { method: 'DELETE' })).status, 200);
  assert.deepEqual(door.control.at(-1), ['removeAlias', 'doubler', 'champion']);
  assert.equal((await door.post('/api/models/doubler/rollback', { alias: 'champion' })).status, 200);
  assert.deepEqual(door.control.at(-1), ['rollback', 'doubler', 'champion']);
  assert.equal((await door.fetch('/api/models/doubler/rollback', { method: 'POST' })).status, 200);
  assert.deepEqual(door.control.at(-1), ['rollback', 'doubler', undefined]);
});

test('a version is a positive integer, a name a name', async () => {
  for (const version of [0, -1, 1.5, '2', null, 1e300, undefined]) {
    assert.equal((await put('/api/models/doubler/aliases/champion', { version })).status, 400, String(version));
  }
  assert.equal((await put('/api/models/doubler/aliases/a%2fb', { version: 1 })).status, 400);
  assert.equal((await put('/api/models/..%2fx/aliases/champion', { version: 1 })).status, 400);
  assert.equal((await door.post('/api/models/doubler/rollback', { alias: 7 })).status, 400);
});

test('metrics are text, documents are documents, and a browser is led to them', async () => {
  const metrics = await door.fetch('/metrics');
  assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.equal(((await (await door.fetch('/openapi.json')).json()) as { openapi: string }).openapi, '3.1.0');
  assert.match((await door.fetch('/docs')).headers.get('content-type') ?? '', /^text\/html/);
  const root = await door.fetch('/');
  assert.deepEqual([root.status, root.headers.get('location')], [302, '/docs']);
});
