/** BentoML's port over a real socket, byte by byte where its clients see it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { ownTable } from '../../src/http/routes.ts';
import { openDoor, testKeys, type Door } from '../support/http-door.ts';

const open = (auth?: Parameters<typeof openDoor>[1]) =>
  openDoor({}, auth, { openTable: ownTable({ protocol: 'bentoml' }) });

async function answer(response: Promise<Response>): Promise<[number, string]> {
  const { status, text } = await response.then(async (got) => ({ status: got.status, text: await got.text() }));
  return [status, text];
}

const post = (door: Door, path: string, body: unknown, headers?: Record<string, string>) =>
  answer(door.post(path, body, headers));

test('a model is a method of its name, which may have an alias', async () => {
  await using door = await open();
  assert.deepEqual(await post(door, '/doubler', { x: [[1, 2]] }), [200, '[[3,6]]']);
  assert.deepEqual(await post(door, '/doubler', { x: [1, 2] }), [200, '[3,6]']);
  assert.deepEqual(await post(door, '/doubler@old', { x: [1, 2] }), [200, '[2,4]']);
  const [, iris] = await post(door, '/iris', { X: [1, 2, 3, 4] });
  assert.equal(iris, '{"label":1,"probabilities":[0.25,0.5,0.25]}');
  assert.deepEqual(await post(door, '/scorer', { amount: 50 }), [200, '{"score":0.5}']);
  const response = await door.post('/doubler', { x: [1, 2] });
  assert.ok(response.headers.has('x-bentoml-request-id'));
  await response.text();
});

test('it says whether it lives and is ready, and lists its methods', async () => {
  await using door = await open();
  for (const path of ['/livez', '/healthz', '/readyz']) assert.deepEqual(await answer(door.fetch(path)), [200, '\n']);
  door.setReady(false);
  assert.deepEqual(await answer(door.fetch('/readyz')), [503, 'Runners are not ready.']);
  assert.equal((await answer(door.fetch('/livez')))[0], 200);
  assert.deepEqual(await answer(door.fetch('/metrics')), [200, '# HELP up\n']);
  const schema = JSON.parse((await answer(door.fetch('/schema.json')))[1]) as {
    routes: { name: string }[];
    paths: Record<string, object>;
  };
  const { routes, paths } = schema;
  assert.deepEqual(paths['/doubler'], { mounted: false });
  const page = await door.fetch('/');
  assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8']);
  assert.match(await page.text(), /POST \/doubler/);
  const names = routes.map(({ name }) => name);
  assert.ok(names.includes('doubler') && names.includes('scorer') && !names.includes('late'), names.join());
  const document = JSON.parse((await answer(door.fetch('/docs.json')))[1]) as { paths: object };
  assert.ok(Object.hasOwn(document.paths, '/doubler'));
  const { valid, errors } = await new Validator().validate(document);
  assert.equal(valid, true, JSON.stringify(errors));
});

test('an input with named features takes a data frame, by records or by columns', async () => {
  await using door = await open();
  const records = [{ d: 4, c: 3, b: 2, a: 1 }];
  const answer = '{"label":[1],"probabilities":[[0.25,0.5,0.25]]}';
  assert.deepEqual(await post(door, '/iris', { X: records }), [200, answer]);
  assert.deepEqual(await post(door, '/iris', { X: { a: [1], b: [2], c: [3], d: [4] } }), [200, answer]);
  const [status, text] = await post(door, '/iris', { X: [{ a: 1, b: 2, c: 3 }] });
  assert.deepEqual(
    [status, text],
    [
      400,
      '{"error":"1 validation error for Input","detail":[{"type":"value_error","loc":["X"],"msg":"Value error, Cannot use input \\"X\\": column \\"d\\" is missing"}]}',
    ],
  );
});

test('it fails in the words of the original', async () => {
  await using door = await open();
  const detail = (msg: string) =>
    JSON.stringify({ error: '1 validation error for Input', detail: [{ type: 'value_error', loc: [], msg }] });
  const generic = '{"error":"An unexpected error has occurred, please check the server log."}';
  const wrongShape = `Cannot use input "x": unexpected shape [1, 3], expected [*, 2]`;
  assert.deepEqual(await post(door, '/doubler', { x: [[1, 2, 3]] }), [400, detail(wrongShape)]);
  assert.equal((await post(door, '/doubler', '{'))[0], 400);
  assert.deepEqual(await post(door, '/doubler', {}), [
    400,
    '{"error":"1 validation error for Input","detail":[{"type":"missing","loc":["x"],"msg":"Field required"}]}',
  ]);
  assert.deepEqual(await post(door, '/scorer', { amount: 'x' }), [
    400,
    '{"error":"1 validation error for Input","detail":[{"type":"invalid_type","loc":["amount"],"msg":"expected a number"}]}',
  ]);
  assert.deepEqual(await post(door, '/nobody', {}), [404, 'Not Found']);
  assert.deepEqual(await post(door, '/a/b', {}), [404, 'Not Found']);
  assert.deepEqual(await answer(door.fetch('/doubler')), [405, 'Method Not Allowed']);
  // What is no method is no path either, by any other verb.
  for (const path of ['/nobody', '/favicon.ico', '/ping']) {
    for (const method of ['GET', 'PUT', 'OPTIONS']) {
      const response = await door.fetch(path, { method });
      assert.deepEqual([response.status, await response.text()], [404, 'Not Found'], `${method} ${path}`);
      assert.equal(response.headers.get('allow'), null);
    }
  }
  assert.deepEqual(await post(door, '/failing', { x: [1, 2] }), [500, generic]);
  assert.deepEqual(await post(door, '/buggy', { x: [1, 2] }), [500, generic]);
  assert.equal((await post(door, '/late', { x: [1, 2] }))[0], 503);
  const pickle = { 'content-type': 'application/vnd.bentoml+pickle' };
  assert.deepEqual(await post(door, '/doubler', 'x', pickle), [
    415,
    '[{"error":"application/vnd.bentoml+pickle is not allowed in main server"}]',
  ]);
});

test('without a key that may predict it says so in one sentence', async () => {
  const keys = testKeys();
  await using door = await open(keys.auth);
  const refused = '{"error":"Authorization error"}';
  assert.deepEqual(await post(door, '/doubler', { x: [1, 2] }), [401, refused]);
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  assert.deepEqual(await post(door, '/doubler', { x: [1, 2] }, bearer(keys.jobs)), [403, refused]);
  assert.deepEqual(await post(door, '/doubler', { x: [1, 2] }, bearer(keys.predict)), [200, '[3,6]']);
  assert.equal((await answer(door.fetch('/livez')))[0], 200);
});
