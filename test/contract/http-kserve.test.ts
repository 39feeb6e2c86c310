/** KServe's first protocol over a real socket, where it is more than instances: CloudEvents, bodies, refusals. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openDoor, type Door } from '../support/http-door.ts';

const PROTOCOLS = { protocols: { tensorflowServing: { enabled: false }, kserve: { enabled: true } } };
const EVENT_TYPE = 'application/cloudevents+json';
const ATTRIBUTES = { specversion: '1.0', id: 'a-1', source: 'here', type: 'question', time: '2026-11-25T00:00:00Z' };
const BINARY = Object.fromEntries(Object.entries(ATTRIBUTES).map(([name, value]) => [`ce-${name}`, value]));
const DATA = { instances: [[1, 2]] };

const open = () => openDoor({}, undefined, PROTOCOLS);
const predict = (door: Door, body: unknown, headers: Record<string, string>) =>
  door.post('/v1/models/doubler:predict', body, headers);

function checkAttributes({ specversion, id, source, type, time }: Readonly<Record<string, unknown>>): void {
  assert.deepEqual([specversion, source, type], ['1.0', 'io.kserve.inference.doubler', 'io.kserve.inference.response']);
  assert.match(String(id), /^[0-9a-f-]{36}$/);
  assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000);
}

describe('CloudEvents', () => {
  test('in headers are answered in headers', async () => {
    await using door = await open();
    const response = await predict(door, DATA, BINARY);
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'application/json']);
    const names = ['specversion', 'id', 'source', 'type', 'time'];
    checkAttributes(Object.fromEntries(names.map((name) => [name, response.headers.get(`ce-${name}`)])));
    assert.deepEqual(await response.json(), { predictions: [[3, 6]] });
  });

  test('around the data are answered so, with the data as JSON or in base64', async () => {
    await using door = await open();
    const base64 = Buffer.from(JSON.stringify(DATA)).toString('base64');
    for (const event of [
      { ...ATTRIBUTES, data: DATA },
      { ...ATTRIBUTES, specversion: '0.3', data_base64: base64 },
    ]) {
      const response = await predict(door, event, { 'content-type': EVENT_TYPE });
      assert.deepEqual([response.status, response.headers.get('content-type')], [200, EVENT_TYPE]);
      const answer = (await response.json()) as Record<string, unknown>;
      checkAttributes(answer);
      assert.deepEqual(answer['data'], { predictions: [[3, 6]] });
    }
  });

  test('that are none are refused, and what only looks like one is not', async () => {
    await using door = await open();
    const cases: readonly (readonly [unknown, Record<string, string>, RegExp])[] = [
      [DATA, { ...BINARY, 'ce-specversion': '2.0' }, /specversion is not one of 1\.0, 0\.3$/],
      [DATA, { 'content-type': EVENT_TYPE }, /attribute "specversion" is missing$/],
      [{ ...ATTRIBUTES, id: undefined, data: DATA }, { 'content-type': EVENT_TYPE }, /attribute "id" is missing$/],
      [ATTRIBUTES, { 'content-type': EVENT_TYPE }, /it has no data$/],
      ['[]', { 'content-type': EVENT_TYPE }, /attribute "specversion" is missing$/],
      ['{', { 'content-type': EVENT_TYPE }, /not valid JSON/],
    ];
    for (const [body, headers, message] of cases) {
      const response = await predict(door, body, headers);
      const { error } = (await response.json()) as { error: string };
      assert.match(error, message);
      assert.equal(response.status, 400);
    }
    const plain = await predict(door, DATA, { 'ce-id': 'alone' });
    assert.deepEqual([plain.status, plain.headers.get('ce-id')], [200, null]);
  });
});

test('instances for a handler with a route of its own are bodies', async () => {
  await using door = await open();
  const ask = async (body: unknown) => {
    const response = await door.post('/v1/models/scorer:predict', body);
    return [response.status, await response.json()];
  };
  const predictions = [{ score: 0.05 }, { score: 0.1 }];
  assert.deepEqual(await ask({ instances: [{ amount: 5 }, { amount: 10 }] }), [200, { predictions }]);
  const refused = { error: 'Cannot use the body: amount: expected a number' };
  assert.deepEqual(await ask({ instances: [{ amount: 5 }, {}] }), [400, refused]);
  assert.equal((await ask({ instances: [] }))[0], 400);
});

test('a model without an explainer says so', async () => {
  await using door = await open();
  const response = await door.post('/v1/models/doubler:explain', DATA);
  const error = 'Cannot explain: model "doubler" has no explainer';
  assert.deepEqual([response.status, await response.json()], [501, { error }]);
});
