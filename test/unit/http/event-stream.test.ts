import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { parseEvents } from '../../../src/client/event-source.ts';
import { encodeEvent, EventStream, StreamSlots } from '../../../src/http/event-stream.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** A stream, and the answer as its client has it; nothing of it is read yet. */
async function openStream(clock: ManualClock) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const opened = Promise.withResolvers<EventStream>();
  server.on('request', (_, response) => opened.resolve(new EventStream(response, [], clock)));
  const client = request({ port: (server.address() as AddressInfo).port });
  client.end();
  const [[answer], stream] = await Promise.all([
    once(client, 'response') as Promise<[IncomingMessage]>,
    opened.promise,
  ]);
  return {
    stream,
    answer,
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const LARGE = 'x'.repeat(32 * 1024 * 1024);

test('a client that takes nothing is waited for, and then cut off', async () => {
  const clock = new ManualClock();
  await using at = await openStream(clock);
  at.answer.on('error', () => {});
  let isSent = false;
  const sent = at.stream.send([{ data: LARGE }]).then(() => (isSent = true));
  await new Promise((later) => setImmediate(later));
  assert.deepEqual([isSent, at.stream.isOpen, clock.pendingTimers], [false, true, 1]);
  clock.advance(15_000);
  await sent;
  assert.equal(at.stream.isOpen, false);
});

test('more is sent as soon as the client has taken what there was', async () => {
  const clock = new ManualClock();
  await using at = await openStream(clock);
  const sent = at.stream.send([{ data: LARGE }]);
  at.answer.resume();
  await sent;
  assert.deepEqual([at.stream.isOpen, clock.pendingTimers], [true, 0]);
});

test('a connection on which nothing happens is kept alive by comments', async () => {
  const clock = new ManualClock();
  await using at = await openStream(clock);
  await at.stream.send([]);
  clock.advance(15_000);
  await at.stream.send([]);
  at.stream.end();
  let text = '';
  for await (const chunk of at.answer) text += String(chunk);
  assert.equal(text, ': nothing new\n\n');
});

test('a door has only so many streams', () => {
  const slots = new StreamSlots(1);
  {
    using _first = slots.take();
    assert.throws(() => slots.take(), { code: 'QUEUE_FULL' });
  }
  slots.take();
});

test('the client reads what the server writes, however it is cut', async () => {
  const events = [
    { id: '1', event: 'log', data: 'one line' },
    { id: '2', event: 'log', data: 'two\nlines of 한국어' },
    { id: '3', event: 'end', data: '' },
  ];
  const bytes = new TextEncoder().encode(`: a comment\n\n${events.map(encodeEvent).join('')}data: cut off`);
  for (const size of [1, 2, 3, 7, 1000]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.slice(i * size, (i + 1) * size),
    );
    const read: unknown[] = [];
    for await (const event of parseEvents(ReadableStream.from(pieces))) read.push(event);
    assert.deepEqual(read, events, `pieces of ${size}`);
  }
});

test('line breaks of every kind are one to a client', async () => {
  const body = ReadableStream.from([
    new TextEncoder().encode('data: a\r'),
    new TextEncoder().encode('\ndata: b\r\n\r\n'),
  ]);
  const read: string[] = [];
  for await (const { data } of parseEvents(body)) read.push(data);
  assert.deepEqual(read, ['a\nb']);
});
