import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createClient } from '../../../src/client/index.ts';

test('an answer that begins in time and does not end in time is late', async () => {
  const server = createServer((_, response) => response.writeHead(200).write('{"model":'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = createClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  try {
    const late = { code: 'DEADLINE_EXCEEDED' };
    await assert.rejects(client.predict('iris', [[1, 2, 3, 4]] as never, { timeoutMs: 50 }), late);
    await assert.rejects(client.infer('iris', {}, { timeoutMs: 50 }), late);
    await assert.rejects(client.run('r', { timeoutMs: 50 }), late);
    await assert.rejects(client.waitForRun('r', { timeoutMs: 50 }), late);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
