/** A server as Vertex AI starts it: by its variables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer, workspaceWith } from '../support/workspace-server.ts';

test('answers for its only model on the routes that the variables name', async () => {
  await using workspace = await workspaceWith({ half: 'test/fixtures/models/half-plus-two' });
  const predictRoute = '/v1/endpoints/1/deployedModels/2:predict';
  const env = { AIP_HEALTH_ROUTE: '/health', AIP_PREDICT_ROUTE: predictRoute };
  await using server = await startServer(workspace.path, { env });
  assert.equal((await fetch(`${server.http}/health`)).status, 200);
  const body = '{"instances": [1.0, 2.0]}';
  const answer = await fetch(`${server.http}${predictRoute}`, { method: 'POST', body });
  assert.deepEqual([answer.status, await answer.json()], [200, { predictions: [2.5, 3] }]);
  assert.equal(await server.stop(), 0);
});
