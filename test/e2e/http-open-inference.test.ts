import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { gunzipSync, inflateSync } from 'node:zlib';
import { INFER_BODY, openDoor, rawExchange, requestText } from '../support/http-door.ts';

const door = await openDoor();
after(() => door[Symbol.asyncDispose]());

interface Infer {
  readonly model_name: string;
  readonly model_version: string;
  readonly id?: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly data: readonly number[];
    readonly shape: readonly number[];
  }[];
}

const json = async <T = Record<string, unknown>>(response: Response): Promise<T> => (await response.json()) as T;

test('a request in JSON is answered in JSON, by the default version', async () => {
  const response = await door.post('/v2/models/doubler/infer', { id: 'a-1', ...INFER_BODY });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/json');
  const { model_name, model_version, id, outputs } = await json<Infer>(response);
  assert.deepEqual([model_name, model_version, id, outputs[0]?.data], ['doubler', '2', 'a-1', [3, 6]]);
});

test('a version or an alias in the path is the one that answers', async () => {
  for (const path of ['doubler/versions/1', 'doubler@old', 'doubler%40old']) {
    const { model_version, outputs } = await json<Infer>(await door.post(`/v2/models/${path}/infer`, INFER_BODY));
    assert.deepEqual([model_version, outputs[0]?.data], ['1', [2, 4]], path);
  }
});

test('models, versions and aliases that are not there are 404, those that are not ready 503', async () => {
  for (const path of [
    'nothing',
    'doubler/versions/7',
    'doubler@nothing',
    'doubler@pending',
    '..%2fdoubler',
    '%20doubler',
  ]) {
    const response = await door.post(`/v2/models/${path}/infer`, INFER_BODY);
    assert.equal(response.status, 404, path);
    assert.equal((await json(response)).code, 'MODEL_NOT_FOUND', path);
  }
  const response = await door.post('/v2/models/late/infer', INFER_BODY);
  assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '1']);
});

test('binary tensors come after the JSON, both ways', async () => {
  const tensor = new Uint8Array(new Float32Array([1, 2]).buffer);
  const header = Buffer.from(
    JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } }],
      outputs: [{ name: 'y', parameters: { binary_data: true } }],
    }),
  );
  const response = await door.post('/v2/models/doubler/infer', Buffer.concat([header, tensor]), {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(header.length),
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/octet-stream');
  const length = Number(response.headers.get('inference-header-content-length'));
  const body = await response.bytes();
  const { outputs } = JSON.parse(Buffer.from(body.subarray(0, length)).toString()) as Infer;
  assert.deepEqual((outputs[0] as unknown as { parameters: object }).parameters, { binary_data_size: 8 });
  assert.deepEqual(Array.from(new Float32Array(body.slice(length).buffer)), [3, 6]);
});

test('the whole body may be the one input', async () => {
  const response = await door.post('/v2/models/doubler/infer', new Uint8Array(new Float32Array([4, 5]).buffer), {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': '0',
  });
  assert.equal(response.status, 200);
  const length = Number(response.headers.get('inference-header-content-length'));
  const body = await response.bytes();
  assert.deepEqual(Array.from(new Float32Array(body.slice(length).buffer)), [12, 15]);
});

test('a large binary tensor reaches the model in memory that threads can share, without a copy', async () => {
  for (const padding of [0, 1, 2, 3]) {
    const shape = [4, 65_536 / 4];
    const request = { inputs: [{ name: 'x', datatype: 'FP32', shape, parameters: { binary_data_size: 262_144 } }] };
    const header = Buffer.from(JSON.stringify(request) + ' '.repeat(padding));
    const response = await door.post('/v2/models/wide/infer', Buffer.concat([header, Buffer.alloc(262_144)]), {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(header.length),
    });
    const { outputs } = await json<Infer>(response);
    assert.deepEqual(outputs[0]?.data, [true, true, true, true], `${padding} bytes of padding`);
  }
});

test('framing of binary tensors that does not fit the body is refused', async () => {
  for (const length of ['99999999999', '-1', 'x', '1e2', '9', '0x10']) {
    const response = await door.post('/v2/models/doubler/infer', INFER_BODY, {
      'inference-header-content-length': length,
    });
    assert.equal(response.status, 400, length);
  }
});

test('answers are compressed for those who ask, when there is something to compress', async () => {
  const rows = 400;
  const data = new Array<number>(rows * 2).fill(1);
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, 2], data }] });
  for (const [coding, undo] of [
    ['gzip', gunzipSync],
    ['deflate', inflateSync],
  ] as const) {
    const answer = await rawExchange(door.port, [
      requestText('POST', '/v2/models/doubler/infer', body, { 'accept-encoding': coding }),
    ]);
    const [head = '', bytes = ''] = answer.split('\r\n\r\n');
    assert.match(head, new RegExp(`content-encoding: ${coding}`));
    assert.match(head, /vary: accept-encoding/);
    const { outputs } = JSON.parse(undo(Buffer.from(bytes, 'latin1')).toString()) as Infer;
    assert.deepEqual(outputs[0]?.shape, [rows, 2]);
  }
  const small = await rawExchange(door.port, [
    requestText('POST', '/v2/models/doubler/infer', JSON.stringify(INFER_BODY), { 'accept-encoding': 'gzip' }),
  ]);
  assert.doesNotMatch(small, /content-encoding/);
});

test('the server says its name, its version and what it can', async () => {
  for (const path of ['/v2', '/v2/', '/v2?query=ignored']) {
    const { name, version, extensions } = await json(await door.fetch(path));
    assert.equal(name, 'servery');
    assert.match(String(version), /^\d+\.\d+\.\d+/);
    assert.ok((extensions as string[]).includes('binary_tensor_data'));
  }
});

test('a model shows its signature, its configuration and its statistics', async () => {
  const metadata = await json(await door.fetch('/v2/models/iris'));
  assert.deepEqual(metadata.inputs, [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }]);
  assert.deepEqual(metadata.versions, ['1']);
  assert.deepEqual((await json(await door.fetch('/v2/models/doubler/versions/1'))).versions, ['1', '2']);

  const config = await json(await door.fetch('/v2/models/iris/config'));
  assert.deepEqual([config.max_batch_size, config.input], [64, [{ name: 'X', data_type: 'TYPE_FP32', dims: [4] }]]);

  for (const [path, call] of [
    ['/v2/models/stats', ['statistics', undefined, undefined]],
    ['/v2/models/doubler/stats', ['statistics', 'doubler', undefined]],
    ['/v2/models/doubler@old/stats', ['statistics', 'doubler', 1]],
    ['/v2/models/doubler/versions/2/stats', ['statistics', 'doubler', 2]],
  ] as const) {
    const { model_stats } = await json<{ model_stats: Record<string, unknown>[] }>(await door.fetch(path));
    assert.deepEqual(door.control.at(-1), call);
    assert.equal(model_stats[0]?.inference_count, 3);
    assert.deepEqual((model_stats[0]?.inference_stats as Record<string, unknown>).success, { count: 2, ns: 1_500_000 });
  }
});

test('models are listed by name', async () => {
  const { models } = await json<{ models: string[] }>(await door.fetch('/v2/models'));
  assert.ok(models.includes('iris') && models.includes('late'));
});

test('health says what is ready, and why something is not', async () => {
  assert.deepEqual(await json(await door.fetch('/v2/health/live')), { live: true });
  assert.deepEqual(await json(await door.fetch('/v2/health/ready')), { ready: true });
  assert.deepEqual(await json(await door.fetch('/v2/models/doubler/versions/1/ready')), {
    name: 'doubler',
    ready: true,
  });
  const late = await door.fetch('/v2/models/late/ready');
  assert.equal(late.status, 503);
  const view = await json(late);
  assert.deepEqual([view.name, view.ready, view.code], ['late', false, 'MODEL_NOT_READY']);
  assert.equal((await door.fetch('/v2/models/nothing/ready')).status, 404);

  door.setReady(false);
  const server = await door.fetch('/v2/health/ready');
  assert.equal(server.status, 503);
  assert.match(String((await json(server)).error), /late\/1 is loading/);
  door.setReady(true);
});

test("a server that stands in for Triton answers with Triton's name and status", async () => {
  await using triton = await openDoor({ serverName: 'triton', readyStatus: 'triton' });
  assert.equal((await json(await triton.fetch('/v2'))).name, 'triton');
  assert.equal((await triton.fetch('/v2/models/late/ready')).status, 400);
  triton.setReady(false);
  assert.equal((await triton.fetch('/v2/health/ready')).status, 400);
});

test('the repository lists every version with its state', async () => {
  const index = await json<Record<string, string>[]>(await door.post('/v2/repository/index', ''));
  assert.ok(index.some(({ name, version, state }) => name === 'doubler' && version === '1' && state === 'READY'));
  assert.ok(index.some(({ name, state }) => name === 'late' && state === 'LOADING'));
  const ready = await json<Record<string, string>[]>(await door.post('/v2/repository/index', { ready: true }));
  assert.ok(ready.every(({ state }) => state === 'READY'));
  assert.equal((await door.post('/v2/repository/index', { ready: 'yes' })).status, 400);
});

test('a model is loaded, with files or without, and unloaded', async () => {
  const load = await door.post('/v2/repository/models/doubler/load', '');
  assert.deepEqual([load.status, await load.text()], [200, '']);
  assert.deepEqual(door.control.at(-1), ['load', 'doubler', undefined]);

  const parameters = { 'file:3/model.onnx': Buffer.from('model').toString('base64'), config: '{}' };
  assert.equal((await door.post('/v2/repository/models/doubler/load', { parameters })).status, 200);
  const [, , files] = door.control.at(-1) as [string, string, Record<string, Uint8Array>];
  assert.deepEqual(Object.keys(files), ['3/model.onnx']);
  assert.equal(Buffer.from(files['3/model.onnx']!).toString(), 'model');

  const unload = await door.post('/v2/repository/models/doubler/unload', { parameters: { unload_dependents: true } });
  assert.deepEqual([unload.status, door.control.at(-1)], [200, ['unload', 'doubler']]);
  assert.equal((await door.post('/v2/repository/models/nothing/load', '')).status, 404);
});

test('a load that brings a configuration or a damaged file is refused', async () => {
  const calls = door.control.length;
  const refused: readonly (readonly [object, number])[] = [
    [{ 'file:1/model.onnx': 'not base64!' }, 400],
    [{ 'file:1/model.onnx': 7 }, 400],
    [{ config: '{"max_batch_size": 8}' }, 501],
  ];
  for (const [parameters, status] of refused) {
    const response = await door.post('/v2/repository/models/doubler/load', { parameters });
    assert.equal(response.status, status, JSON.stringify(parameters));
  }
  assert.equal((await door.post('/v2/repository/models/doubler/load', { parameters: [] })).status, 400);
  assert.equal((await door.post('/v2/repository/models/doubler/load', '[]')).status, 400);
  assert.equal(door.control.length, calls);
});

test('odd names are refused before anything is loaded', async () => {
  const calls = door.control.length;
  const names = ['..%2f..%2fetc', '%2e%2e', 'a%5cb', '%20', '%09', 'a%0ab', 'a%00b', 'x'.repeat(300)];
  for (const name of names) {
    for (const verb of ['load', 'unload']) {
      const response = await door.post(`/v2/repository/models/${name}/${verb}`, '');
      assert.ok([400, 404].includes(response.status), `${name} ${response.status}`);
    }
  }
  assert.equal(door.control.length, calls);
});

test('extensions that are not offered say so', async () => {
  for (const path of [
    '/v2/logging',
    '/v2/trace/setting',
    '/v2/models/iris/trace/setting',
    '/v2/systemsharedmemory/status',
  ]) {
    const response = await door.fetch(path);
    assert.deepEqual([response.status, (await json(response)).code], [501, 'UNSUPPORTED'], path);
  }
  assert.equal((await door.post('/v2/models/iris/generate', {})).status, 501);
});

test('a queue that is full refuses with the time to come back', async () => {
  const requests = Array.from({ length: 8 }, () => door.post('/v2/models/gated/infer', INFER_BODY));
  await door.gate.entered;
  const refused = await Promise.race(requests);
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal((await json(refused)).code, 'QUEUE_FULL');
  const opening = setInterval(() => door.gate.open(), 5);
  const statuses = (await Promise.all(requests)).map(({ status }) => status);
  clearInterval(opening);
  assert.ok(statuses.includes(200));
});
