/** TorchServe's inference API over a real socket: what its clients send, and what they are told when it is wrong. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ownTable } from '../../src/http/routes.ts';
import { openDoor, testKeys, type Door } from '../support/http-door.ts';

const failure = (code: number, type: string, message: string) =>
  `{\n  "code": ${code},\n  "type": "${type}",\n  "message": "${message}"\n}\n`;
const JSON_TYPE = { 'content-type': 'application/json' };
const BAD_TOKEN = 'Token Authorization failed. Token either incorrect, expired, or not provided correctly';

async function answer(response: Response | Promise<Response>) {
  const { status, headers } = await response;
  return { status, type: headers.get('content-type'), text: await (await response).text() };
}

describe("TorchServe's inference API", () => {
  let door: Door;
  let own: Door;
  before(async () => {
    door = await openDoor();
    own = await openDoor({}, undefined, { openTable: ownTable({ protocol: 'torchserve' }) });
  });
  after(async () => {
    await door[Symbol.asyncDispose]();
    await own[Symbol.asyncDispose]();
  });

  const predict = (
    path: string,
    body: NonNullable<RequestInit['body']>,
    headers: Record<string, string> = {},
    method = 'POST',
  ) => answer(door.fetch(`/predictions/${path}`, { method, body, headers }));

  for (const [what, body, expected] of [
    ['a row by its inputs', '{"x": [1, 2]}', '[3,6]'],
    ['a row that is a list', '[1, 2]', '[3,6]'],
    ['a list of rows', '[[1, 2], [3, 4]]', '[[3,6],[9,12]]'],
    ['a list of objects', '[{"x": [1, 2]}]', '[[3,6]]'],
    ['instances', '{"instances": [[1, 2]]}', '{"predictions":[[3,6]]}'],
    [
      'instances with their data',
      '{"instances": [{"data": [1, 2]}, {"data": [3, 4]}]}',
      '{"predictions":[[3,6],[9,12]]}',
    ],
    ['instances with their bodies', '{"instances": [{"body": [1, 2]}]}', '{"predictions":[[3,6]]}'],
  ] as const) {
    it(`answers ${what} in its form`, async () => {
      assert.deepEqual(await predict('doubler', body, JSON_TYPE), {
        status: 200,
        type: 'application/json',
        text: expected,
      });
    });
  }

  it('answers several outputs by their names, and versions by their numbers', async () => {
    const iris = await predict('iris', '{"a": 1, "b": 2, "c": 3, "d": 4}', JSON_TYPE);
    assert.equal(iris.text, '{"label":1,"probabilities":[0.25,0.5,0.25]}');
    for (const version of ['1', '1.0']) {
      assert.equal((await predict(`doubler/${version}`, '[1, 2]', JSON_TYPE)).text, '[2,4]');
    }
  });

  it('reads JSON under any name, and without one', async () => {
    for (const type of ['application/octet-stream', 'text/plain', 'application/x-www-form-urlencoded']) {
      assert.equal((await predict('doubler', '[1, 2]', { 'content-type': type })).text, '[3,6]');
    }
    // As `curl -T` sends a file.
    assert.equal((await predict('doubler', new Blob(['[1, 2]']), {}, 'PUT')).text, '[3,6]');
  });

  it('reads forms: fields by the names of features, and a lone data or body', async () => {
    assert.equal((await predict('iris', new URLSearchParams({ a: '1', b: '2', c: '3', d: '4' }))).status, 200);
    for (const name of ['data', 'body']) {
      const form = new FormData();
      form.append(name, new Blob(['[1, 2]']), 'row.json');
      assert.equal((await predict('doubler', form)).text, '[3,6]');
    }
    const named = new FormData();
    named.append('x', '[1, 2]');
    assert.equal((await predict('doubler', named)).text, '[3,6]');
  });

  it('asks a handler that has a route of its own with the body as it is', async () => {
    assert.equal((await predict('scorer', '{"amount": 250}', JSON_TYPE)).text, '{"score":2.5}');
    assert.deepEqual(await predict('scorer', '{"amount": "x"}', JSON_TYPE), {
      status: 400,
      type: 'application/json',
      text: failure(400, 'BadRequestException', 'Cannot use the body: amount: expected a number'),
    });
  });

  const noWorker =
    'has no worker to serve inference request. Please use scale workers API to add workers. If this is a sequence inference, please check if it is closed, or expired; or exceeds maxSequenceJobQueueSize';
  for (const [what, path, body, code, type, message] of [
    ['an unknown model', 'predictions/nobody', '[1,2]', 404, 'ModelNotFoundException', 'Model not found: nobody'],
    ['an unknown model and version', 'predictions/a/3', '[1]', 404, 'ModelNotFoundException', 'Model not found: a'],
    ['a name that is none', 'predictions/a@b', '[1]', 404, 'ModelNotFoundException', 'Model not found: a@b'],
    [
      'an unknown version',
      'predictions/doubler/7',
      '[1,2]',
      404,
      'ModelVersionNotFoundException',
      'Model version: 7 does not exist for model: doubler',
    ],
    [
      'a version that is no number',
      'predictions/doubler/new',
      '[1,2]',
      404,
      'ModelVersionNotFoundException',
      'Model version: new does not exist for model: doubler',
    ],
    ['a row that does not fit', 'predictions/doubler', '[1]', 400, 'BadRequestException', undefined],
    [
      'instances of which one has more than its data',
      'predictions/doubler',
      '{"instances": [{"data": [1, 2]}, {"data": [1, 2], "x": [1, 2]}]}',
      400,
      'BadRequestException',
      undefined,
    ],
    [
      'no JSON',
      'predictions/doubler',
      '{"x":',
      400,
      'BadRequestException',
      'Cannot read the body: it is not valid JSON',
    ],
    ['an empty body', 'predictions/doubler', '', 400, 'BadRequestException', 'Cannot read the body: it is empty'],
    ['a model that fails', 'predictions/failing', '[1,2]', 503, 'InternalServerException', 'Prediction failed'],
    ['a bug', 'predictions/buggy', '[1,2]', 500, 'InternalServerException', 'Internal error'],
    ['an explanation', 'explanations/doubler', '[1,2]', 503, 'InternalServerException', 'Prediction failed'],
  ] as const) {
    it(`refuses ${what} in its words`, async () => {
      const given = await answer(door.post(`/${path}`, body));
      assert.deepEqual([given.status, given.type], [code, 'application/json']);
      if (message === undefined) assert.equal((JSON.parse(given.text) as { type: string }).type, type);
      else assert.equal(given.text, failure(code, type, message));
    });
  }

  it('says that a full model has no worker', async () => {
    await using full = await openDoor();
    const ask = () => full.post('/predictions/gated', '[[1, 2], [3, 4]]');
    const first = ask();
    await full.gate.entered;
    // One waits in the queue, and the other finds no room.
    const refused = await Promise.race([ask(), ask()]);
    const message = `Model \\"gated\\" ${noWorker}`;
    assert.deepEqual(
      [refused.status, await refused.text()],
      [503, failure(503, 'ServiceUnavailableException', message)],
    );
    full.gate.open();
    assert.equal((await first).status, 200);
  });

  it('wants a token in its form, and calls any other a bad request', async () => {
    const { auth, predict: good, admin } = testKeys();
    await using locked = await openDoor({}, auth);
    const ask = (headers: Record<string, string>) => answer(locked.post('/predictions/doubler', '[1, 2]', headers));
    assert.equal((await ask({ authorization: `Bearer ${good}` })).status, 200);
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: `Bearer ${admin}` }]) {
      assert.deepEqual(await ask(headers as Record<string, string>), {
        status: 400,
        type: 'application/json',
        text: failure(400, 'InvalidKeyException', BAD_TOKEN),
      });
    }
  });

  it('tells its health on both ports', async () => {
    await using other = await openDoor();
    const posted = await own.post('/ping', '');
    assert.equal(posted.status, 200);
    for (const one of [other, own]) {
      const text = '{\n  "status": "Healthy"\n}\n';
      assert.deepEqual(await answer(one.fetch('/ping')), { status: 200, type: 'application/json', text });
    }
    other.setReady(false);
    const text = '{\n  "status": "Unhealthy"\n}\n';
    assert.deepEqual(await answer(other.fetch('/ping')), { status: 500, type: 'application/json', text });
  });

  it('describes itself on a port of its own', async () => {
    for (const [method, path] of [
      ['OPTIONS', '/'],
      ['GET', '/api-description'],
    ] as const) {
      const response = await own.fetch(path, { method });
      const { openapi, info, paths } = (await response.json()) as Record<string, Record<string, unknown>>;
      assert.deepEqual([response.status, openapi, info?.['title']], [200, '3.0.1', 'TorchServe APIs']);
      assert.ok('/predictions/{model_name}' in paths! && '/metrics' in paths);
    }
    const model = await own.fetch('/predictions/doubler', { method: 'OPTIONS' });
    assert.deepEqual(Object.keys(((await model.json()) as { paths: object }).paths), [
      '/prediction/doubler',
      '/v1/models/{model_name}:predict',
      '/v2/models/{model_name}/infer',
    ]);
    const unknown = await answer(own.fetch('/models'));
    const lost = 'Requested resource is not found, please refer to API document.';
    assert.deepEqual([unknown.status, unknown.text], [404, failure(404, 'ResourceNotFoundException', lost)]);
    const method = await answer(own.fetch('/api-description', { method: 'DELETE' }));
    const refused = 'Requested method is not allowed, please refer to API document.';
    assert.deepEqual([method.status, method.text], [405, failure(405, 'MethodNotAllowedException', refused)]);
  });

  it('answers under its other names on a port of its own', async () => {
    for (const path of ['models/doubler/invoke', 'doubler/predict', 'doubler/1/predict', 'v1/models/doubler:predict']) {
      const { status, text } = await answer(own.post(`/${path}`, '{"instances": [[1, 2]]}'));
      assert.deepEqual(
        [path, status, text],
        [path, 200, `{"predictions":[${path.includes('1/p') ? '[2,4]' : '[3,6]'}]}`],
      );
    }
    const tensor = { name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] };
    const infer = await own.post('/v2/models/doubler/infer', { inputs: [tensor] });
    assert.deepEqual(((await infer.json()) as { outputs: { data: number[] }[] }).outputs[0]?.data, [3, 6]);
    const ready = '{\n  "name": "doubler",\n  "ready": true\n}\n';
    assert.equal((await answer(own.fetch('/v1/models/doubler'))).text, ready);
    const failed = await answer(own.post('/v1/models/doubler:explain', '{"instances": [[1, 2]]}'));
    assert.equal(failed.text, failure(503, 'InternalServerException', 'Prediction failed'));
    assert.equal((await own.post('/v1/models/doubler:other', '[]')).status, 404);
    assert.equal((await door.post('/doubler/predict', '[1, 2]')).status, 404);
  });

  it('finds the model of an invocation in the query or in a form', async () => {
    const invoke = (query: string, init: RequestInit) => answer(own.fetch(`/invocations${query}`, init));
    const body = '[1, 2]';
    for (const method of ['POST', 'PUT']) {
      assert.equal((await invoke('?model_name=doubler', { method, body })).text, '[3,6]');
    }
    const form = new FormData();
    form.append('model_name', 'doubler');
    form.append('data', new Blob([body]), 'row.json');
    assert.equal((await invoke('', { method: 'POST', body: form })).text, '[3,6]');
    const required = failure(400, 'BadRequestException', 'Parameter model_name is required.');
    for (const query of ['', '?model_name=']) {
      assert.deepEqual(await invoke(query, { method: 'POST', body }), {
        status: 400,
        type: 'application/json',
        text: required,
      });
    }
    const unknown = await invoke('?model_name=nobody', { method: 'POST', body });
    assert.equal(unknown.status, 404);
    assert.equal((await door.post('/invocations?model_name=doubler', body)).status, 404);
  });

  it('takes a query for a form where there is no body', async () => {
    const asked = 'a=1&b=2&c=3&d=4';
    for (const [method, path] of [
      ['GET', `/iris/predict?${asked}`],
      ['GET', `/iris/1/predict?${asked}`],
      ['PUT', `/models/iris/invoke?${asked}`],
      ['GET', `/invocations?model_name=iris&${asked}`],
    ] as const) {
      const { text } = await answer(own.fetch(path, { method }));
      assert.equal(text, '{"label":1,"probabilities":[0.25,0.5,0.25]}', path);
    }
    const row = 'data=%5B1%2C2%5D';
    assert.equal((await answer(own.fetch(`/doubler/predict?${row}`))).text, '[3,6]');
  });

  it('names an unknown model in every path as in its own', async () => {
    const text = failure(404, 'ModelNotFoundException', 'Model not found: nobody');
    const tensor = { name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] };
    for (const path of [
      'v1/models/nobody:predict',
      'v2/models/nobody/infer',
      'v2/models/nobody/explain',
      'nobody/predict',
    ]) {
      const given = await answer(own.post(`/${path}`, { inputs: [tensor] }));
      assert.deepEqual([path, given.status, given.text], [path, 404, text]);
    }
  });

  it('leaves what stands behind the version to the handler', async () => {
    for (const path of ['predictions/doubler/1/v1/chat/completion', 'predictions/doubler/1.0/x']) {
      assert.equal((await answer(door.post(`/${path}`, '[1, 2]'))).text, '[2,4]');
    }
    assert.equal((await door.post('/predictions/doubler/7/x', '[1, 2]')).status, 404);
  });

  it('says the id of every request', async () => {
    for (const [path, id] of [
      ['predictions/doubler'],
      ['predictions/doubler', 'mine'],
      ['predictions/nobody'],
    ] as const) {
      const headers: Record<string, string> = id === undefined ? {} : { 'x-request-id': id };
      const { headers: given } = await door.post(`/${path}`, '[1, 2]', headers);
      if (id === undefined) assert.match(given.get('x-request-id') ?? '', /^[^, ]{8,}$/);
      else assert.equal(given.get('x-request-id'), id);
    }
  });

  it('gives its metrics on a port of their own, all or those that are named', async () => {
    const openTable = ownTable({ protocol: 'torchserve', option: 'metrics' });
    await using metrics = await openDoor({}, undefined, { openTable });
    assert.equal((await answer(metrics.fetch('/metrics'))).text, '# HELP up\n');
    assert.equal((await answer(metrics.fetch('/metrics?name[]=up&name[]=x'))).text, '# HELP up\n');
    assert.equal((await answer(metrics.fetch('/metrics?name[]=QueueTime'))).text, '');
    assert.deepEqual(metrics.control.at(-1), ['metrics', 'torchserve']);
    assert.equal((await metrics.fetch('/ping')).status, 404);
    assert.equal((await answer(own.fetch('/metrics'))).text, '# HELP up\n');
  });

  it('lets no page of somebody else predict by a form', async () => {
    const headers = { 'content-type': 'text/plain', 'sec-fetch-site': 'same-origin' };
    assert.equal((await predict('doubler', '[1, 2]', headers)).status, 400);
  });
});
