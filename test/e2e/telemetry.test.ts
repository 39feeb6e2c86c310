/** Metrics and statistics of a server with two front ends: each request is counted once, whichever answered it. */
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { startServer } from '../../src/app/server.ts';
import { openWorkspace } from '../../src/app/workspace.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const REQUESTS = 60;

const opened = new AsyncDisposableStack();
after(() => opened.disposeAsync());
const folder = opened.use(await temporaryFolder());
await cp(resolve(import.meta.dirname, '../../examples/quickstart/models/iris'), join(folder.path, 'models/iris'), {
  recursive: true,
});
const flags = { 'listen.http': '127.0.0.1:0', 'listen.grpc': 'off', 'log.level': 'off', frontEnds: 2 };
const server = opened.use(await startServer(await openWorkspace(folder.path, {}, flags)));
await server.firstReady;

/** On a connection of its own, so that the system spreads them over the front ends. */
function predict(): Promise<number> {
  const { promise, resolve: settle, reject } = Promise.withResolvers<number>();
  const agent = new Agent({ keepAlive: false });
  const headers = { 'content-type': 'application/json' };
  const sent = request(`${server.http}/models/iris/predict`, { method: 'POST', headers, agent }, (response) => {
    response.resume().on('end', () => settle(response.statusCode ?? 0));
  });
  sent.on('error', reject).end('{"rows":[[5.1,3.5,1.4,0.2],[6.5,3,5.8,2.2]]}');
  return promise;
}

async function scrape(): Promise<Map<string, number>> {
  const text = await (await fetch(`${server.http}/metrics`)).text();
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

test('metrics and statistics are those of all front ends together, and each of these gives the same', async () => {
  const before = await scrape();
  assert.equal(before.get('servery_front_ends'), 2);
  const statuses = await Promise.all(Array.from({ length: REQUESTS }, predict));
  assert.deepEqual([...new Set(statuses)], [200]);

  for (let asked = 0; asked < 8; asked += 1) {
    const metrics = await scrape();
    const labels = 'model="iris",version="1"';
    assert.equal(metrics.get(`servery_requests_total{${labels},door="http",code="OK"}`), REQUESTS);
    assert.equal(metrics.get(`servery_request_duration_seconds_count{${labels},stage="total"}`), REQUESTS);
    assert.equal(metrics.get(`servery_request_duration_seconds_count{${labels},stage="compute"}`), REQUESTS);
    assert.equal(metrics.get(`servery_rows_total{${labels}}`), 2 * REQUESTS);
    assert.equal(metrics.get(`servery_queued_rows{${labels}}`), 0);

    const response = await fetch(`${server.http}/v2/models/iris/stats`);
    const {
      model_stats: [stats],
    } = (await response.json()) as { model_stats: [Record<string, unknown>] };
    assert.equal(stats.inference_count, 2 * REQUESTS);
    assert.equal((stats.inference_stats as { success: { count: number } }).success.count, REQUESTS);
  }
});
