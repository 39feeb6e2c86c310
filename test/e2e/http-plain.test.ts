import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openDoor } from '../support/http-door.ts';

const door = await openDoor();
after(() => door[Symbol.asyncDispose]());
const ROWS = { rows: [{ a: 1, b: 2, c: 3, d: 4 }, [5, 6, 7, 8]] };

test('rows come as objects or lists, and answers carry the outputs by name', async () => {
  const response = await door.post('/models/iris/predict', ROWS);
  assert.equal(response.status, 200);
  const row = { label: 1, probabilities: [0.25, 0.5, 0.25] };
  assert.deepEqual(await response.json(), { model: 'iris', version: 1, rows: [row, row] });
});

test('labels are given when they are asked for', async () => {
  const response = await door.post('/models/iris/predict?labels=true&unknown=1', ROWS);
  const { rows } = (await response.json()) as { rows: Record<string, unknown>[] };
  assert.equal(rows[0]?.label, 'versicolor');
  assert.equal(rows[0]?.['probabilities.setosa'], 0.25);
  assert.equal((await door.post('/models/iris/predict?labels=maybe', ROWS)).status, 400);
});

test('a version or an alias is part of the path', async () => {
  for (const [path, version] of [
    ['doubler', 2],
    ['doubler@old', 1],
    ['doubler/versions/1', 1],
  ] as const) {
    const response = await door.post(`/models/${path}/predict`, { rows: [{ x: [1, 2] }] });
    assert.equal(((await response.json()) as { version: number }).version, version, path);
  }
});

test('NDJSON is answered in NDJSON, CSV in CSV, with the version in a header', async () => {
  const lines = await door.post('/models/iris/predict', '{"a":1,"b":2,"c":3,"d":4}\n[5,6,7,8]\n', {
    'content-type': 'application/x-ndjson',
  });
  assert.match(lines.headers.get('content-type') ?? '', /^application\/x-ndjson/);
  assert.equal(lines.headers.get('servery-model'), 'iris/1');
  assert.equal((await lines.text()).trim().split('\n').length, 2);

  const table = await door.post('/models/iris/predict?labels=true', 'a,b,c,d\n1,2,3,4\n', {
    'content-type': 'text/csv',
  });
  assert.match(table.headers.get('content-type') ?? '', /^text\/csv/);
  const [header = '', row = ''] = (await table.text()).trim().split(/\r?\n/);
  assert.equal(header, 'label,probabilities.setosa,probabilities.versicolor,probabilities.virginica');
  assert.match(row, /^versicolor,0\.25,/);
});

test('what curl sends without a content type of ours is refused with the way to say it', async () => {
  const response = await door.post('/models/iris/predict', ROWS, {
    'content-type': 'application/x-www-form-urlencoded',
  });
  const { code, hint } = (await response.json()) as Record<string, string>;
  assert.deepEqual([response.status, code], [415, 'UNSUPPORTED_MEDIA_TYPE']);
  assert.match(hint ?? '', /-H 'content-type: application\/json'/);
});

test('a row that does not fit is the request that is wrong', async () => {
  for (const body of [{ rows: [{ a: 1 }] }, { rows: [] }, { rows: 7 }, {}, '', '{', '[1,2']) {
    const response = await door.post('/models/iris/predict', body);
    assert.equal(response.status, 400, JSON.stringify(body));
    const { error, code, hint } = (await response.json()) as Record<string, string>;
    assert.ok(error && code && hint);
  }
});

test('a handler with a route of its own answers there, with the parameters of the path', async () => {
  const response = await door.post('/score/seoul', { amount: 50 });
  assert.deepEqual(await response.json(), { shop: 'seoul', score: 0.5 });
});

test("a body that a handler's schema refuses says where and what", async () => {
  const response = await door.post('/score/seoul', { amount: 'much' });
  assert.equal(response.status, 422);
  const { detail, code } = (await response.json()) as { detail: unknown; code: string };
  assert.equal(code, 'INVALID_INPUT');
  assert.deepEqual(detail, [{ loc: ['body', 'amount'], msg: 'expected a number', type: 'invalid_type' }]);
});

test("a handler's route has its methods like any other", async () => {
  const response = await door.fetch('/score/seoul');
  assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST, OPTIONS']);
});
