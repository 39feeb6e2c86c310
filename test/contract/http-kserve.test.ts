/** KServe's first protocol over a real socket, where it is more than instances: CloudEvents, bodies, refusals. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ownTable } from '../../src/http/routes.ts';
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
      [
        { ...ATTRIBUTES, data_base64: '{"instances":[]}' },
        { 'content-type': EVENT_TYPE },
        /data_base64 is not base64$/,
      ],
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

test('a list of inputs is one of instances, and an object of them has its outputs', async () => {
  await using door = await open();
  const ask = async (body: unknown) => (await predict(door, body, {})).json();
  assert.deepEqual(await ask({ inputs: [[1, 2]] }), { predictions: [[3, 6]] });
  assert.deepEqual(await ask({ inputs: { x: [[1, 2]] } }), { outputs: [[3, 6]] });
  assert.match(
    JSON.stringify(await ask({ inputs: [[1, 2]], instances: [[1, 2]] })),
    /only one of 'inputs' or 'instances'/,
  );
});

test('failures have the words of the original', async () => {
  await using door = await open();
  const cases: readonly (readonly [string, unknown, number, RegExp])[] = [
    ['nobody:predict', DATA, 404, /^Model with name nobody does not exist\.$/],
    ['nobody:explain', DATA, 404, /^Model with name nobody does not exist\.$/],
    ['late:predict', DATA, 503, /^Model with name late is not ready\.$/],
    ['doubler:predict', '{', 400, /^Unrecognized request format: it is not valid JSON/],
    ['doubler:predict', '', 400, /^Unrecognized request format: The document is empty$/],
    ['doubler:predict', { instances: [[1]] }, 400, /unexpected shape/],
    ['failing:predict', DATA, 500, /^Model failing\/1 failed$/],
  ];
  for (const [target, body, status, message] of cases) {
    const response = await door.post(`/v1/models/${target}`, body);
    const { error } = (await response.json()) as { error: string };
    assert.match(error, message);
    assert.equal(response.status, status);
  }
  for (const [name, status, error] of [
    ['nobody', 404, 'Model with name nobody does not exist.'],
    ['late', 503, 'Model with name late is not ready.'],
  ] as const) {
    const response = await door.fetch(`/v1/models/${name}`);
    assert.deepEqual([response.status, await response.json()], [status, { error }]);
  }
});

test('a port of its own has both protocols, the metrics, and loads models', async () => {
  await using door = await openDoor({}, undefined, { openTable: ownTable({ protocol: 'kserve', option: 'http' }) });
  const read = async (path: string) => {
    const response = await door.fetch(path);
    return [response.status, await response.json()] as const;
  };
  assert.deepEqual(await read('/'), [200, { status: 'alive' }]);
  const names = ['doubler', 'gated', 'iris', 'wide', 'scorer', 'failing', 'buggy', 'late'];
  assert.deepEqual(await read('/v1/models'), [200, { models: names }]);
  assert.deepEqual(await read('/v2/models'), [200, { models: names }]);
  assert.deepEqual(await read('/v2/health/ready'), [200, { ready: true }]);
  assert.deepEqual(await read('/v2/models/nobody'), [404, { error: 'Model with name nobody does not exist.' }]);
  assert.deepEqual(await read('/unknown_path'), [404, { detail: 'Not Found' }]);
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }];
  const inferred = await door.post('/v2/models/doubler/infer', { inputs });
  assert.deepEqual(((await inferred.json()) as { outputs: { data: unknown }[] }).outputs[0]!.data, [3, 6]);
  assert.equal((await door.fetch('/metrics')).status, 200);
  for (const action of ['load', 'unload']) {
    const response = await door.fetch(`/v2/repository/models/doubler/${action}`, { method: 'POST' });
    assert.deepEqual([response.status, await response.json()], [200, { name: 'doubler', [action]: true }]);
  }
  const calls = [
    ['metrics', 'kserve'],
    ['load', 'doubler', undefined],
    ['unload', 'doubler'],
  ];
  assert.deepEqual(door.control, calls);
  const wrong = await door.fetch('/v1/models', { method: 'DELETE' });
  assert.deepEqual([wrong.status, await wrong.json()], [405, { detail: 'Method Not Allowed' }]);
});
