/** TensorFlow Serving's and KServe's paths over a real socket. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ownTable } from '../../src/http/routes.ts';
import { openDoor, type Door } from '../support/http-door.ts';

async function answer(response: Promise<Response>): Promise<[number, unknown]> {
  const { status, text } = await response.then(async (got) => ({ status: got.status, text: await got.text() }));
  return [status, JSON.parse(text)];
}

const post = (door: Door, path: string, body: unknown) => answer(door.post(path, body));
const get = (door: Door, path: string) => answer(door.fetch(path));

describe('TensorFlow Serving', () => {
  const instances = { instances: [[1, 2]] };

  test('instances for a handler with a route of its own are bodies', async () => {
    await using door = await openDoor();
    const ask = (body: unknown) => post(door, '/v1/models/scorer:predict', body);
    const predictions = [{ score: 0.05 }, { score: 0.1 }];
    assert.deepEqual(await ask({ instances: [{ amount: 5 }, { amount: 10 }] }), [200, { predictions }]);
    const refused = { error: 'Cannot use the body: amount: expected a number' };
    assert.deepEqual(await ask({ instances: [{ amount: 5 }, {}] }), [400, refused]);
  });

  test('predicts with the default version, a version and a label', async () => {
    await using door = await openDoor();
    assert.deepEqual(await post(door, '/v1/models/doubler:predict', instances), [200, { predictions: [[3, 6]] }]);
    assert.deepEqual(await post(door, '/v1/models/doubler/versions/1:predict', instances), [
      200,
      { predictions: [[2, 4]] },
    ]);
    assert.deepEqual(await post(door, '/v1/models/doubler/labels/old:predict', instances), [
      200,
      { predictions: [[2, 4]] },
    ]);
    assert.deepEqual(await post(door, '/v1/models/doubler:predict', { inputs: [[1, 2]] }), [
      200,
      { outputs: [[3, 6]] },
    ]);
  });

  test('classifies examples, each with the features of the context', async () => {
    await using door = await openDoor();
    const scores = [
      ['setosa', 0.25],
      ['versicolor', 0.5],
      ['virginica', 0.25],
    ];
    const examples = [{ a: 1 }, { a: [2.5], b: 2, unknown: 'x' }];
    const body = { context: { b: 1, c: 1, d: 1 }, examples };
    assert.deepEqual(await post(door, '/v1/models/iris:classify', body), [200, { results: [scores, scores] }]);
    const named = { ...body, signature_name: 'classify_X_to_probabilities' };
    assert.deepEqual(await post(door, '/v1/models/iris/versions/1:classify', named), [
      200,
      { results: [scores, scores] },
    ]);
  });

  test('has NaN, Infinity and the numbers of the original by a profile alone', async () => {
    await using lax = await openDoor({}, undefined, {
      protocols: { tensorflowServing: { profile: 'tensorflow-serving' } },
    });
    await using strict = await openDoor();
    const body = '{"instances": [[NaN, -Infinity], [1e39, 0.1], [0.00001, 4500000], [1, -0.0]], "of": "NaN"}';
    const answered = await lax.post('/v1/models/doubler/versions/1:predict', body);
    const numbers = '[[NaN,-Infinity],[Infinity,0.2],[2e-05,9e+06],[2.0,-0.0]]';
    assert.equal(await answered.text(), `{"predictions":${numbers}}`);
    assert.equal((await strict.post('/v1/models/doubler/versions/1:predict', body)).status, 400);
    const large = await strict.post('/v1/models/doubler/versions/1:predict', '{"instances": [[1e39, 0]]}');
    assert.equal(large.status, 400);
  });

  test('reads what curl -d calls a form', async () => {
    await using door = await openDoor();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    assert.equal((await door.post('/v1/models/doubler:predict', instances, headers)).status, 200);
    const browser = { ...headers, origin: door.url };
    assert.equal((await door.post('/v1/models/doubler:predict', instances, browser)).status, 415);
  });

  test('gives metrics where Prometheus looks for those of TensorFlow Serving', async () => {
    await using door = await openDoor();
    const metrics = await door.fetch('/monitoring/prometheus/metrics');
    assert.deepEqual([metrics.status, await metrics.text()], [200, '# HELP up\n']);
    assert.deepEqual(door.control.at(-1), ['metrics', 'tensorflow-serving']);
  });

  test('tells the state of versions and the signature', async () => {
    await using door = await openDoor();
    const status = { error_code: 'OK', error_message: '' };
    const of = (version: string) => ({ version, state: 'AVAILABLE', status });
    assert.deepEqual(await get(door, '/v1/models/doubler'), [200, { model_version_status: [of('1'), of('2')] }]);
    assert.deepEqual(await get(door, '/v1/models/doubler/versions/2'), [200, { model_version_status: [of('2')] }]);
    assert.deepEqual(await get(door, '/v1/models/doubler/labels/old'), [200, { model_version_status: [of('1')] }]);
    const [, late] = await get(door, '/v1/models/late');
    assert.equal((late as { model_version_status: { state: string }[] }).model_version_status[0]!.state, 'LOADING');
    const [, metadata] = await get(door, '/v1/models/doubler/metadata');
    const dim = [{ size: '-1', name: '' }, { size: '2', name: '' }]; // prettier-ignore
    const tensor = (name: string) => ({
      dtype: 'DT_FLOAT',
      tensor_shape: { dim, unknown_rank: false },
      name: `${name}:0`,
    });
    assert.deepEqual(metadata, {
      model_spec: { name: 'doubler', signature_name: '', version: '2' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: { x: tensor('x') },
              outputs: { y: tensor('y') },
              method_name: 'tensorflow/serving/predict',
              defaults: {},
            },
          },
        },
      },
    });
  });

  test('fails in its words, in an object with the error alone', async () => {
    await using door = await openDoor();
    const cases: readonly (readonly [Promise<[number, unknown]>, number, RegExp])[] = [
      [post(door, '/v1/models/nobody:predict', instances), 404, /^Servable not found for request: Latest\(nobody\)$/],
      [post(door, '/v1/models/doubler/versions/7:predict', instances), 404, /Specific\(doubler, 7\)$/],
      [get(door, '/v1/models/nobody'), 404, /^Could not find any versions of model nobody$/],
      [get(door, '/v1/models/doubler/versions/7'), 404, /^Could not find version 7 of model doubler$/],
      [get(door, '/v1/models/nobody/metadata'), 404, /^Servable not found for request: Latest\(nobody\)$/],
      [post(door, '/v1/models/doubler/versions/0:predict', instances), 404, /Specific\(doubler, 0\)$/],
      [
        post(door, `/v1/models/doubler/versions/${2n ** 64n}:predict`, instances),
        400,
        /^Failed .*: [0-9]+ to numeric\.$/,
      ],
      [
        post(door, '/v1/models/doubler/labels/new:predict', instances),
        400,
        /^Unrecognized servable version label: new$/,
      ],
      [get(door, '/v1/models/doubler/labels/new'), 400, /^Unrecognized servable version label/],
      [get(door, '/v1/models/doubler/versions/x'), 400, /^Malformed request: GET \/v1\/models\/doubler\/versions\/x$/],
      [
        post(door, '/v1/models/doubler/versions/x:predict', {}),
        400,
        /^Malformed .*POST \/v1\/models\/doubler\/versions\/x:predict$/,
      ],
      [get(door, '/v1/models/doubler:predict'), 400, /^Malformed request: GET \/v1\/models\/doubler:predict$/],
      [get(door, '/v1/models'), 400, /^Missing model name in request\.$/],
      [post(door, '/v1/models', {}), 400, /^Malformed request: POST \/v1\/models$/],
      [post(door, '/v1/models/doubler/metadata', {}), 400, /^Malformed request: POST \/v1\/models\/doubler\/metadata$/],
      [
        answer(door.fetch('/v1/models/doubler', { method: 'DELETE' })),
        400,
        /^Malformed request: DELETE \/v1\/models\/doubler$/,
      ],
      [post(door, '/v1/models/doubler', instances), 400, /^Malformed request/],
      [post(door, '/v1/models/doubler:explain', instances), 400, /^Malformed request/],
      [post(door, '/v1/models/doubler/a/b/c', instances), 400, /^Malformed request: POST/],
      [post(door, '/v1/models/doubler:predict', ''), 400, /The document is empty/],
      [post(door, '/v1/models/doubler:predict', { instances: [[1]] }), 400, /unexpected shape/],
      [post(door, '/v1/models/doubler:predict', { instances: [[1, 2], [1]] }), 400, /element: 1 .*size: 2 but got: 1$/],
      [post(door, '/v1/models/doubler:predict', {}), 400, /^Missing 'inputs' or 'instances' key$/],
      [post(door, '/v1/models/doubler:regress', instances), 400, /When method is classify, key 'examples' is expected/],
      [
        post(door, '/v1/models/doubler:regress', { examples: [{ x: [1, 2] }] }),
        400,
        /either \[batch_size\] or \[batch_/,
      ],
      [post(door, '/v1/models/iris:classify', { examples: 1 }), 400, /Expecting 'examples' value to be an list/],
      [post(door, '/v1/models/iris:classify', { examples: [] }), 400, /'examples' value is an empty array/],
      [
        post(door, '/v1/models/iris:classify', { examples: [1] }),
        400,
        /Example must be JSON object but got JSON Number/,
      ],
      [post(door, '/v1/models/iris:classify', { examples: [{ a: null }] }), 400, /^Feature: a has element .*: Null$/],
      [post(door, '/v1/models/iris:classify', { examples: [{ a: { b64: '?' } }] }), 400, /^Unable to base64 decode$/],
      [post(door, '/v1/models/iris:classify', { examples: [{ a: 1, b: 2, c: 3 }] }), 400, /"d" is missing/],
      [post(door, '/v1/models/iris:classify', { signature_name: 1, examples: [{}] }), 400, /must be a string value/],
      [
        post(door, '/v1/models/iris:classify', { signature_name: 'other', examples: [{}] }),
        400,
        /^No signature was found with the name: other$/,
      ],
      [
        post(door, '/v1/models/iris:classify', { signature_name: 'regress_X_to_probabilities', examples: [{}] }),
        400,
        /^Expected classification signature method_name to be .*classify. Was: tensorflow\/serving\/regress$/,
      ],
      [post(door, '/v1/models/late:predict', instances), 503, /ready state/],
      [post(door, '/v1/models/buggy:predict', instances), 500, /^Internal error$/],
    ];
    for (const [got, status, text] of cases) {
      const [actual, body] = await got;
      assert.deepEqual(Object.keys(body as object), ['error']);
      assert.match((body as { error: string }).error, text);
      assert.equal(actual, status, (body as { error: string }).error);
    }
  });

  test('has all below /v1 on a port of its own', async () => {
    await using own = await openDoor({}, undefined, { openTable: ownTable({ protocol: 'tensorflowServing' }) });
    await using shared = await openDoor();
    for (const method of ['GET', 'POST']) {
      const error = `Malformed request: ${method} /v1/foo`;
      assert.deepEqual(await answer(own.fetch('/v1/foo?x=1', { method })), [400, { error }]);
      assert.equal((await shared.fetch('/v1/foo', { method })).status, 404);
    }
    assert.equal((await own.fetch('/statuspage')).status, 404);
    // Its paths are read in any case, names as they are.
    assert.deepEqual(await post(own, '/V1/Models/doubler:PREDICT', instances), [200, { predictions: [[3, 6]] }]);
    const old = await post(own, '/v1/MODELS/doubler/Versions/1:Predict', instances);
    assert.deepEqual(old, [200, { predictions: [[2, 4]] }]);
    assert.equal((await own.fetch('/v1/models/doubler/METADATA')).status, 200);
    assert.deepEqual(await get(own, '/V1/MODELS'), [400, { error: 'Missing model name in request.' }]);
    assert.equal((await own.fetch('/v1/models/Doubler')).status, 404);
    assert.equal((await shared.fetch('/V1/models/doubler')).status, 404);
  });
});

describe("KServe's first protocol", () => {
  const settings = { protocols: { tensorflowServing: { enabled: false }, kserve: { enabled: true } } };

  test('predicts, lists the models and tells which is ready', async () => {
    await using door = await openDoor({}, undefined, settings);
    assert.deepEqual(await post(door, '/v1/models/doubler:predict', { instances: [[1, 2]] }), [
      200,
      { predictions: [[3, 6]] },
    ]);
    assert.deepEqual(await get(door, '/v1/models/doubler'), [200, { name: 'doubler', ready: true }]);
    const [, list] = await get(door, '/v1/models');
    assert.ok((list as { models: string[] }).models.includes('doubler'));
    assert.equal((await get(door, '/v1/models/late'))[0], 503);
    assert.equal((await get(door, '/v1/models/nobody'))[0], 404);
    assert.equal((await post(door, '/v1/models/doubler:explain', {}))[0], 501);
    const [status, body] = await post(door, '/v1/models/doubler:predict', {});
    assert.deepEqual([status, Object.keys(body as object)], [400, ['error']]);
  });
});

describe('a full queue', () => {
  test('refuses a request before reading it, and reads again when there is room', async () => {
    await using door = await openDoor();
    const row = { rows: [{ x: [1, 2] }] };
    const running = door.post('/models/gated/predict', row);
    await door.gate.entered;
    const waiting = [door.post('/models/gated/predict', row), door.post('/models/gated/predict', row)];
    // A malformed body tells which came first: reading it, or looking at the queue.
    let status = 0;
    while (status !== 503) {
      const response = await door.post('/models/gated/predict', '{');
      status = response.status;
      assert.ok(status === 400 || status === 503);
      if (status === 503) {
        assert.ok(response.headers.has('retry-after'));
        assert.equal(((await response.json()) as { code: string }).code, 'QUEUE_FULL');
      }
    }
    door.gate.open();
    await running;
    await door.gate.entered;
    door.gate.open();
    for (const response of await Promise.all(waiting)) assert.equal(response.status, 200);
    assert.equal((await door.post('/models/gated/predict', '{')).status, 400);
  });
});
