/** A request that comes while the server starts: no door says for good that what is asked for does not exist. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ownTable } from '../../src/http/routes.ts';
import { openDoor } from '../support/http-door.ts';

const JSON_ROWS = [[1, 2]];
const CASES: readonly (readonly [what: string, path: string, body: unknown, status: number])[] = [
  ['a route of a handler', '/score/berlin', { amount: 1 }, 503],
  ['the plain door', '/models/doubler/predict', { rows: JSON_ROWS }, 503],
  ['the Open Inference Protocol', '/v2/models/doubler/infer', { inputs: [] }, 503],
  ['TensorFlow Serving', '/v1/models/doubler:predict', { instances: JSON_ROWS }, 503],
  ['MLflow', '/invocations', { inputs: JSON_ROWS }, 503],
  ['TorchServe', '/predictions/doubler', JSON_ROWS, 503],
  ['SageMaker', '/endpoints/doubler/invocations', JSON_ROWS, 429],
  ['a stream of SageMaker', '/endpoints/doubler/invocations-response-stream', JSON_ROWS, 429],
  ['Vertex AI', '/v1/projects/p/locations/l/endpoints/doubler:predict', { instances: JSON_ROWS }, 503],
];

describe('while the server starts', () => {
  for (const [what, path, body, status] of CASES) {
    test(`${what} asks to come back`, async () => {
      await using door = await openDoor();
      door.beginStarting();
      const response = await door.post(path, body);
      assert.equal(response.status, status, await response.text());
      assert.equal(response.headers.get('retry-after'), '1');
    });
  }

  test('a container of SageMaker takes no model for the only one', async () => {
    await using door = await openDoor({}, undefined, { protocols: { sagemaker: { container: true } } });
    door.beginStarting();
    assert.equal((await door.post('/invocations', JSON_ROWS)).status, 503);
  });

  test("SageMaker's multi-model API does not say that a model is not loaded", async () => {
    const openTable = ownTable({ protocol: 'sagemaker', option: 'http' });
    await using door = await openDoor({}, undefined, { openTable });
    door.beginStarting();
    assert.equal((await door.post('/models/doubler/invoke', JSON_ROWS)).status, 503);
    assert.equal((await door.fetch('/models/other')).status, 503);
  });

  test('what is not there later is not found', async () => {
    await using door = await openDoor();
    assert.equal((await door.post('/not/a/route', {})).status, 404);
  });
});
