/** Vertex AI's paths over a real socket. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ServeryError } from '../../src/core/errors.ts';
import { predictionDone } from '../../src/core/events.ts';
import { openDoor, type Door } from '../support/http-door.ts';

const LOCATION = 'projects/p/locations/us-central1';
const at = (target: string, version = 'v1') => `/${version}/${LOCATION}/endpoints/${target}`;

async function post(door: Door, path: string, body: unknown): Promise<[number, unknown]> {
  const response = await door.post(path, body);
  return [response.status, await response.json()];
}

const doubled = (id: string, version: string, predictions: unknown) => ({
  predictions,
  deployedModelId: id,
  model: `${LOCATION}/models/doubler`,
  modelDisplayName: 'doubler',
  modelVersionId: version,
});

describe('Vertex AI', () => {
  const instances = [[1, 2]];

  test('predicts with the model of the name, whatever project, version of the API and query', async () => {
    await using door = await openDoor();
    const expected = [200, doubled('2', '2', [[3, 6]])];
    assert.deepEqual(await post(door, at('doubler:predict'), { instances }), expected);
    const query = '?$alt=json%3Benum-encoding=int';
    const asJs = { instances, labels: {}, parameters: null };
    assert.deepEqual(await post(door, at(`doubler:predict${query}`, 'v1beta1'), asJs), expected);
    const asPython = '{"instances": [[1.0, 2.0]], "parameters": {}}';
    assert.deepEqual(await post(door, at('doubler:predict?%24alt=json%3Benum-encoding%3Dint'), asPython), expected);
    assert.deepEqual(await post(door, at('doubler:predict'), { instances: [{ x: [1, 2] }] }), expected);
  });

  test('answers raw bytes in the form of the question, with its origin in the headers', async () => {
    await using door = await openDoor();
    const bare = await door.post(at('doubler:rawPredict'), { instances });
    assert.equal(await bare.text(), '{"predictions":[[3,6]]}');
    assert.equal(bare.headers.get('content-type'), 'application/json');
    const origin = ['endpoint-id', 'deployed-model-id', 'model', 'model-version-id'];
    assert.deepEqual(
      origin.map((name) => bare.headers.get(`X-Vertex-AI-${name}`)),
      ['doubler', '2', `${LOCATION}/models/doubler`, '2'],
    );
    const data = Buffer.from(JSON.stringify({ instances })).toString('base64');
    const httpBody = { contentType: 'application/json', data };
    const wrapped = {
      contentType: 'application/json',
      data: Buffer.from('{"predictions":[[3,6]]}').toString('base64'),
    };
    assert.deepEqual(await post(door, at('doubler:rawPredict'), { httpBody }), [200, wrapped]);
    assert.deepEqual(await post(door, at('doubler:streamRawPredict'), { httpBody }), [200, [wrapped]]);
    assert.deepEqual(await post(door, at('doubler:streamRawPredict'), { instances }), [200, { predictions: [[3, 6]] }]);
  });

  test('splits the traffic of an endpoint as the configuration says', async () => {
    const split = [
      { id: '11', model: 'doubler/1', traffic: 0 },
      { id: '22', model: 'doubler', traffic: 100 },
    ];
    const halves = split.map((model) => ({ ...model, traffic: 50 }));
    const endpoints = [
      { id: '7', deployedModels: split },
      { id: '8', deployedModels: halves },
    ];
    await using door = await openDoor({}, undefined, { protocols: { vertex: { endpoints } } });
    for (let i = 0; i < 10; i += 1) {
      assert.deepEqual(await post(door, at('7:predict'), { instances }), [200, doubled('22', '2', [[3, 6]])]);
    }
    const seen = new Set<unknown>();
    for (let i = 0; i < 60; i += 1) {
      const [, answer] = await post(door, at('8:predict'), { instances });
      seen.add((answer as { deployedModelId: string }).deployedModelId);
    }
    assert.deepEqual([...seen].sort(), ['11', '22']);
    const resource = await door.fetch(at('7'));
    const of = (id: string, version: string) => ({
      id,
      model: `${LOCATION}/models/doubler`,
      displayName: 'doubler',
      modelVersionId: version,
    });
    assert.deepEqual(await resource.json(), {
      name: `${LOCATION}/endpoints/7`,
      displayName: '7',
      deployedModels: [of('11', '1'), of('22', '2')],
      trafficSplit: { '11': 0, '22': 100 },
      createTime: new Date(performance.timeOrigin).toISOString(),
    });
  });

  test('fails with a google.rpc.Status, byte by byte', async () => {
    await using door = await openDoor();
    const nobody = await door.post(at('nobody:predict'), { instances });
    assert.equal(
      await nobody.text(),
      '{"error":{"code":404,"message":"Endpoint \\"projects/p/locations/us-central1/endpoints/nobody\\" is not found.",' +
        '"status":"NOT_FOUND","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo",' +
        '"reason":"MODEL_NOT_FOUND","domain":"servery"}]}}',
    );
    assert.equal(nobody.status, 404);
    const predict = at('doubler:predict');
    const cases: readonly (readonly [string, unknown, number, string, RegExp])[] = [
      [predict, '{', 400, 'INVALID_ARGUMENT', /not valid JSON/],
      [predict, [], 400, 'INVALID_ARGUMENT', /^Invalid JSON payload received\. Root element must be a message\.$/],
      [predict, { inputs: instances }, 400, 'INVALID_ARGUMENT', /Unknown name "inputs": Cannot find field\.$/],
      [predict, {}, 400, 'INVALID_ARGUMENT', /non-empty array/],
      [predict, '', 400, 'INVALID_ARGUMENT', /non-empty array/],
      [predict, { instances: { 0: 1, 1: 2 } }, 400, 'INVALID_ARGUMENT', /non-empty array/],
      [predict, { instances, parameters: [1] }, 400, 'INVALID_ARGUMENT', /"parameters" to be an object/],
      [predict, { instances, parameters: { a: [1] } }, 400, 'INVALID_ARGUMENT', /parameter "a" to be a single value/],
      [predict, { instances: [[1]] }, 400, 'INVALID_ARGUMENT', /unexpected shape/],
      [at('doubler:rawPredict'), { httpBody: { data: '?' } }, 400, 'INVALID_ARGUMENT', /expected "data" in base64/],
      [at('doubler:rawPredict'), { httpBody: 1 }, 400, 'INVALID_ARGUMENT', /expected "data" in base64/],
      [
        at('doubler:explain'),
        { instances },
        501,
        'UNIMPLEMENTED',
        /^Cannot explain: model "doubler" has no explainer$/,
      ],
      [at('doubler:other'), { instances }, 404, 'NOT_FOUND', /^Method not found: "doubler:other"$/],
      [at('doubler'), { instances }, 404, 'NOT_FOUND', /^Method not found/],
      ['/v1/projects/p/locations', {}, 404, 'NOT_FOUND', /^Method not found/],
      [at('bad name:predict'), { instances }, 404, 'NOT_FOUND', /is not found\.$/],
      [at('late:predict'), { instances }, 503, 'UNAVAILABLE', /ready state/],
      [at('buggy:predict'), { instances }, 500, 'INTERNAL', /^Internal error$/],
    ];
    for (const [path, body, code, status, message] of cases) {
      const [actual, answer] = await post(door, path, body);
      const { error } = answer as { error: { code: number; message: string; status: string } };
      assert.match(error.message, message);
      assert.deepEqual([actual, error.code, error.status], [code, code, status], error.message);
    }
    const missing = await door.fetch(at('nobody'));
    assert.equal(missing.status, 404);
  });

  test('reads members by both of their names, and writes the datatype of a tensor as the client asks', async () => {
    await using door = await openDoor();
    const wrapped = (body: unknown) => Buffer.from(JSON.stringify(body)).toString('base64');
    const raw = { http_body: { content_type: 'application/json', data: wrapped({ instances }) } };
    const [status, answer] = await post(door, at('doubler:rawPredict'), raw);
    assert.deepEqual([status, (answer as { data: string }).data], [200, wrapped({ predictions: [[3, 6]] })]);
    const inputs = [{ dtype: 'FLOAT', shape: ['1', '2'], float_val: [1, 2] }];
    const tensor = { shape: ['1', '2'], floatVal: [3, 6] };
    assert.deepEqual(await post(door, at('doubler:directPredict'), { inputs }), [
      200,
      { outputs: [{ dtype: 'FLOAT', ...tensor }] },
    ]);
    for (const query of ['?$alt=json;enum-encoding=int', '?%24alt=json%3Benum-encoding%3Dint']) {
      assert.deepEqual(await post(door, at(`doubler:directPredict${query}`), { inputs }), [
        200,
        { outputs: [{ dtype: 3, ...tensor }] },
      ]);
    }
    const [refused, unknown] = await post(door, at('doubler:directPredict'), { inputs, other_thing: 1 });
    assert.equal(refused, 400);
    assert.match(JSON.stringify(unknown), /Unknown name \\"other_thing\\": Cannot find field\./);
  });

  test('passes a raw direct prediction on to the method that it names, which counts it', async () => {
    const asked: unknown[] = [];
    await using door = await openDoor({}, undefined, {
      rpc: (path) => {
        if (path !== '/a.Service/Method') return undefined;
        return async (message, call) => {
          asked.push([message.toString(), call.deadline === undefined]);
          if (message.length === 0) throw new ServeryError('INVALID_INPUT', 'It is empty');
          return Buffer.from([0xff, 0xfe]);
        };
      },
    });
    const counted: (string | undefined)[] = [];
    using _ = predictionDone.subscribe(({ code }) => counted.push(code));
    const input = Buffer.from('in').toString('base64');
    const path = at('doubler:directRawPredict');
    for (const methodName of ['/a.Service/Method', '/a.Service/Method/', 'a.Service/Method']) {
      assert.deepEqual(await post(door, path, { methodName, input }), [200, { output: '//4=' }]);
    }
    assert.deepEqual(await post(door, path, { method_name: '/a.Service/Method', input, endpoint: 'any' }), [
      200,
      { output: '//4=' },
    ]);
    assert.deepEqual(asked, Array(4).fill(['in', true]));
    assert.equal((await post(door, path, { methodName: '/a.Service/Method' }))[0], 400);
    assert.deepEqual(counted, []);
    for (const [body, status, message] of [
      [{ methodName: '/a.Service/Other', input }, 501, /no method .* that predicts/],
      [{ methodName: 1, input }, 400, /"methodName" to be text/],
      [{ methodName: '/a.Service/Method', input: '?' }, 400, /"input" to be bytes in base64/],
      [{ methodName: '/a.Service/Method', inputs: [] }, 400, /Unknown name "inputs"/],
      [[], 400, /Root element must be a message/],
    ] as const) {
      const [code, answer] = await post(door, path, body);
      assert.match((answer as { error: { message: string } }).error.message, message);
      assert.equal(code, status);
    }
    assert.deepEqual(counted, ['UNSUPPORTED', ...Array<string>(4).fill('INVALID_REQUEST')]);
    assert.equal((await post(door, at('nobody:directRawPredict'), { methodName: '/a.Service/Method' }))[0], 404);
  });

  test('says of nothing that it does not exist while the server starts', async () => {
    const vertex = { healthRoute: '/health', predictRoute: '/predict' };
    await using door = await openDoor({}, undefined, { protocols: { vertex } });
    door.beginStarting();
    const direct = { methodName: '/tensorflow.serving.PredictionService/Predict', input: '' };
    for (const [path, body] of [
      [at('doubler:predict'), { instances }],
      [at('doubler:rawPredict'), { instances }],
      [at('doubler:explain'), { instances }],
      [at('doubler:directPredict'), { inputs: [] }],
      [at('doubler:directRawPredict'), direct],
      ['/predict', { instances }],
    ] as const) {
      const response = await door.post(path, body);
      assert.deepEqual([path, response.status, response.headers.get('retry-after')], [path, 503, '1']);
    }
    assert.equal((await door.fetch(at('doubler'))).status, 503);
  });

  test('is a model container on the routes that are configured', async () => {
    const vertex = { healthRoute: '/health', predictRoute: '/v1/endpoints/1/deployedModels/2:predict' };
    await using door = await openDoor({}, undefined, { protocols: { vertex: { ...vertex, model: 'doubler/1' } } });
    assert.equal((await door.fetch('/health')).status, 200);
    assert.deepEqual(await post(door, vertex.predictRoute, { instances }), [200, { predictions: [[2, 4]] }]);
    const [status, answer] = await post(door, vertex.predictRoute, { instances: [[1]] });
    assert.deepEqual([status, Object.keys(answer as object)], [400, ['error']]);
    await using several = await openDoor({}, undefined, { protocols: { vertex } });
    const [unclear, said] = await post(several, vertex.predictRoute, { instances });
    assert.equal(unclear, 404);
    assert.match((said as { error: string }).error, /^Cannot tell which model is invoked: there are \d+ models$/);
  });
});
