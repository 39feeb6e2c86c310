import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createConnection, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { predictionDone, requestDone, type PredictionDone, type RequestDone } from '../../src/core/events.ts';
import { INFER_BODY, openDoor, rawExchange, requestText, type Door } from '../support/http-door.ts';

const GATED = '/v2/models/gated/infer';
const text = JSON.stringify(INFER_BODY);
const statuses = (answer: string) => Array.from(answer.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => Number(status));

/** Tries until the model takes a request again: its queue and its runner are free. */
async function answersAgain(door: Door): Promise<void> {
  const opening = setInterval(() => door.gate.open(), 2);
  try {
    assert.equal((await door.post(GATED, INFER_BODY)).status, 200);
  } finally {
    clearInterval(opening);
  }
}

test('a deadline answers with 504 while the model is still running', async () => {
  await using door = await openDoor();
  const response = await door.post(GATED, INFER_BODY, { 'servery-timeout-ms': '30' });
  assert.equal(response.status, 504);
  assert.equal(((await response.json()) as { code: string }).code, 'DEADLINE_EXCEEDED');
});

test('a deadline frees the place in the queue', async () => {
  await using door = await openDoor();
  const running = door.post(GATED, INFER_BODY);
  await door.gate.entered;
  const queued = await Promise.all([1, 2].map(() => door.post(GATED, INFER_BODY, { 'servery-timeout-ms': '30' })));
  assert.deepEqual(
    queued.map(({ status }) => status),
    [504, 504],
  );
  const waiting = door.post(GATED, INFER_BODY);
  const opening = setInterval(() => door.gate.open(), 2);
  assert.deepEqual([(await running).status, (await waiting).status], [200, 200]);
  clearInterval(opening);
});

test("the protocol's own timeout bounds the wait in the queue only", async () => {
  await using door = await openDoor();
  const running = door.post(GATED, { ...INFER_BODY, parameters: { timeout: 20_000 } });
  await door.gate.entered;
  const queued = await door.post(GATED, { ...INFER_BODY, parameters: { timeout: 20_000 } });
  assert.equal(queued.status, 504);
  door.gate.open();
  assert.equal((await running).status, 200);
});

test('a deadline also cuts a body that does not come', async () => {
  await using door = await openDoor();
  const head = `POST ${GATED} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nservery-timeout-ms: 40\r\n`;
  const socket = createConnection({ port: door.port, host: '127.0.0.1' }).setEncoding('latin1');
  socket.write(`${head}content-length: 1000\r\n\r\n{`);
  const [answer] = (await once(socket, 'data')) as [string];
  assert.deepEqual(statuses(answer), [504]);
  socket.destroy();
});

test('a deadline that is none is refused', async () => {
  await using door = await openDoor();
  for (const value of ['0', '-1', 'soon', '1e3', '', '999999999', '0.0', 'NaN']) {
    const response = await door.post('/v2/models/doubler/infer', INFER_BODY, { 'servery-timeout-ms': value });
    assert.equal(response.status, 400, value);
  }
  const response = await door.post('/v2/models/doubler/infer', INFER_BODY, { 'servery-timeout-ms': '2500.5' });
  assert.equal(response.status, 200);
});

test('a client that disconnects frees its place in the queue', async () => {
  await using door = await openDoor();
  const done: RequestDone[] = [];
  using _listening = requestDone.subscribe((message) => done.push(message));
  const running = door.post(GATED, INFER_BODY);
  await door.gate.entered;
  // Two rows may wait: these take both places, then go away.
  const sockets = [1, 2].map(() => {
    const socket = createConnection({ port: door.port, host: '127.0.0.1' });
    socket.write(requestText('POST', GATED, text));
    return socket;
  });
  await untilRefused(door);
  for (const socket of sockets) socket.destroy();
  while (done.filter(({ code }) => code === 'CANCELLED').length < 2) await sleep(1);
  const waiting = door.post(GATED, INFER_BODY);
  const opening = setInterval(() => door.gate.open(), 2);
  assert.deepEqual([(await running).status, (await waiting).status], [200, 200]);
  clearInterval(opening);
});

async function untilRefused(door: Door): Promise<void> {
  for (;;) {
    const response = await door.post(GATED, INFER_BODY, { 'servery-timeout-ms': '5' });
    if (response.status === 503) return;
  }
}

test('a client that disconnects in the middle of its body leaves nothing behind', async () => {
  await using door = await openDoor();
  for (let i = 0; i < 20; i += 1) {
    const socket = createConnection({ port: door.port, host: '127.0.0.1' });
    socket.write(requestText('POST', GATED, text).slice(0, -5));
    await once(socket, 'connect');
    socket.destroy();
  }
  await answersAgain(door);
});

test('requests of one connection are answered in their order', async () => {
  await using door = await openDoor();
  const ids = ['a', 'b', 'c', 'd'];
  const requests = ids.map((id, i) =>
    requestText('POST', '/v2/models/doubler/infer', JSON.stringify({ id, ...INFER_BODY }), {
      connection: i === ids.length - 1 ? 'close' : 'keep-alive',
    }),
  );
  const answer = await rawExchange(door.port, [requests.join('')]);
  assert.deepEqual(
    Array.from(answer.matchAll(/"id":"(\w)"/g), ([, id]) => id),
    ids,
  );
});

test('nonsense after a request takes the place of no answer, and ends the connection', async () => {
  await using door = await openDoor();
  const opening = setInterval(() => door.gate.open(), 2);
  const socket = createConnection({ port: door.port, host: '127.0.0.1' }).setEncoding('latin1');
  let answer = '';
  socket.on('data', (chunk: string) => (answer += chunk)).on('error', () => {});
  socket.write(`${requestText('POST', GATED, text, { connection: 'keep-alive' })}NONSENSE\r\n\r\n`);
  await once(socket, 'close');
  clearInterval(opening);
  assert.deepEqual(statuses(answer), [200]);
});

test('while draining: not ready, alive, no new requests, and those in flight are answered', async () => {
  await using door = await openDoor();
  const inFlight = door.post(GATED, INFER_BODY);
  await door.gate.entered;
  door.server.beginDrain();

  const ready = await door.fetch('/v2/health/ready');
  assert.deepEqual([ready.status, ((await ready.json()) as { ready: boolean }).ready], [503, false]);
  assert.equal((await door.fetch('/v2/health/live')).status, 200);
  const refused = await door.post('/v2/models/doubler/infer', INFER_BODY);
  assert.equal(refused.status, 503);
  assert.deepEqual([refused.headers.get('connection'), refused.headers.get('retry-after')], ['close', '1']);
  assert.equal(((await refused.json()) as { code: string }).code, 'SHUTTING_DOWN');

  const closing = door.server.close(5000);
  door.gate.open();
  assert.equal((await inFlight).status, 200);
  assert.equal(await closing, 0);
  await assert.rejects(door.fetch('/v2/health/live'));
});

test('a large request that comes while draining gets its refusal, not a reset', async () => {
  await using door = await openDoor();
  door.server.beginDrain();
  const response = await door.post('/v2/models/doubler/infer', 'x'.repeat(5_000_000));
  assert.equal(response.status, 503);
});

test('what is not answered within the grace time is told so', async () => {
  await using door = await openDoor();
  const stuck = door.post(GATED, INFER_BODY);
  await door.gate.entered;
  assert.equal(await door.server.close(20), 1);
  const response = await stuck;
  assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [503, 'SHUTTING_DOWN']);
});

test('idle connections do not hold up the end', async () => {
  const door = await openDoor();
  const socket = createConnection({ port: door.port, host: '127.0.0.1' });
  await once(socket, 'connect');
  await (await door.fetch('/v2')).text();
  const gone = once(socket, 'close');
  socket.resume();
  await door.server.close(5000);
  await gone;
});

test('a client that goes on sending on its connection gets an answer and no reset when the server stops', async () => {
  await using door = await openDoor();
  const socket = createConnection({ port: door.port, host: '127.0.0.1' }).setEncoding('latin1');
  const gone = once(socket, 'close');
  const request = requestText('POST', '/v2/models/doubler/infer', text, { connection: 'keep-alive' });
  let answer = '';
  socket.on('data', (chunk: string) => (answer += chunk));
  socket.write(request);
  await once(socket, 'data');
  const closing = door.server.close(5000);
  for (let i = 0; i < 20; i += 1) await turn();
  socket.write(request);
  await gone;
  await closing;
  assert.deepEqual(statuses(answer), [200, 503]);
  assert.match(answer, /connection: close/i);
});

test('a taken port is an error with a code', async () => {
  await using door = await openDoor();
  await using other = await openDoor();
  await other.server.close(0);
  await assert.rejects(other.server.listen({ host: '127.0.0.1', port: door.port }), { code: 'ADDRESS_IN_USE' });
});

test('the listener works inside a server of somebody else', async () => {
  await using door = await openDoor();
  const host = createServer(door.server.listener).listen(0, '127.0.0.1');
  await once(host, 'listening');
  const { port } = host.address() as AddressInfo;
  const answer = await rawExchange(port, [requestText('POST', '/v2/models/doubler/infer', text)]);
  assert.deepEqual(statuses(answer), [200]);
  host.close();
});

test('request ids and trace context go through, to the answer and to the log', async () => {
  await using door = await openDoor();
  const done: RequestDone[] = [];
  const predictions: PredictionDone[] = [];
  using _requests = requestDone.subscribe((message) => done.push(message));
  using _predictions = predictionDone.subscribe((message) => predictions.push(message));
  const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const response = await door.post('/v2/models/doubler/infer', INFER_BODY, {
    'x-request-id': 'r-1',
    traceparent: parent,
  });
  assert.equal(response.headers.get('x-request-id'), 'r-1');
  const child = response.headers.get('traceparent') ?? '';
  assert.match(child, /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
  const [{ requestId, traceparent, route, status, code } = {} as RequestDone] = done;
  assert.deepEqual([requestId, traceparent, status, code], ['r-1', child, 200, 'OK']);
  assert.equal(route, '/v2/models/:model/infer');
  assert.deepEqual(
    [predictions[0]?.model, predictions[0]?.rows, predictions[0]?.door],
    [{ name: 'doubler', version: 2 }, 1, 'http'],
  );

  const failed = await door.post('/v2/models/doubler/infer', '{}', { 'x-request-id': 'not an id' });
  assert.notEqual(failed.headers.get('x-request-id'), 'not an id');
  assert.equal(failed.headers.get('x-request-id'), done.at(-1)?.requestId);
  assert.equal(predictions.at(-1)?.code, 'INVALID_REQUEST');
});
