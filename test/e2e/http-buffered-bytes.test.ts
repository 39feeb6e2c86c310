/** The bound over all bodies that are being received, with two front ends that share it. */
import assert from 'node:assert/strict';
import { createConnection, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { ByteBudget } from '../../src/listening/byte-budget.ts';
import { INFER_BODY, openDoor } from '../support/http-door.ts';

const MAX = 128 * 1024;
const counter = ByteBudget.createCounter();
const budget = new ByteBudget(counter, MAX, 'http.maxBufferedBytes');
const options = { maxBufferedBytes: MAX, maxBodyBytes: MAX, maxDecompressedBytes: 4 * MAX };
const first = await openDoor(options, undefined, { bufferedBytes: counter });
const second = await openDoor(options, undefined, { bufferedBytes: counter });
after(() => Promise.all([first, second].map((one) => one[Symbol.asyncDispose]())));

const INFER = '/v2/models/doubler/infer';
const head = (headers: string) =>
  `POST ${INFER} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n${headers}\r\n\r\n`;
/** A good body of any size: white space is part of JSON. */
const bodyOf = (bytes: number) => JSON.stringify(INFER_BODY).padEnd(bytes);
/** Sends a body in two pieces, so that it has to be kept for a while. */
async function send(port: number, bytes: number): Promise<string> {
  const text = bodyOf(bytes);
  const before = budget.heldBytes;
  const socket = createConnection({ port, host: '127.0.0.1' }).setEncoding('latin1');
  socket.write(head(`content-length: ${bytes}`) + text.slice(0, 1024));
  while (budget.heldBytes === before) await sleep(5);
  socket.write(text.slice(1024));
  let answer = '';
  for await (const chunk of socket) answer += chunk as string;
  return answer;
}

/** Sends a part of a body and stops. */
async function stall(port: number, bytes: number): Promise<Socket> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  const before = budget.heldBytes;
  socket.write(head(`content-length: ${bytes + 1}`) + bodyOf(bytes));
  while (budget.heldBytes - before < bytes) await sleep(5);
  return socket;
}

const isFree = async () => {
  while (budget.heldBytes > 0) await sleep(5);
};

test('bodies beyond it are refused with a time to come back, on every front end; when others are done they are taken', async () => {
  const stalled = [await stall(first.port, 50_000), await stall(second.port, 50_000)];
  const refused = await send(second.port, 60_000);
  assert.match(refused, /^HTTP\/1\.1 503 /);
  assert.match(refused, /retry-after: 1\r\n/i);
  assert.match(refused, /"code":"QUEUE_FULL"/);
  assert.match(refused, /http\.maxBufferedBytes/);
  assert.equal((await first.post(INFER, INFER_BODY)).status, 200, 'a small body in one piece needs no room');
  for (const socket of stalled) socket.destroy();
  await isFree();
  assert.match(await send(second.port, 60_000), /^HTTP\/1\.1 200 /);
  await isFree();
});

test('a body counts as large as it is without its compression', async () => {
  const packed = (bytes: number) => gzipSync(bodyOf(bytes));
  const headers = { 'content-encoding': 'gzip' };
  assert.equal((await first.post(INFER, packed(2 * MAX), headers)).status, 503);
  assert.equal((await first.post(INFER, packed(MAX / 2), headers)).status, 200);
  await isFree();
});

test('nothing stays behind: more bytes in all than may be held at once', async () => {
  for (let times = 0; times < 8; times += 1) {
    assert.match(await send(times % 2 === 0 ? first.port : second.port, 50_000), /^HTTP\/1\.1 200 /);
  }
  await isFree();
});
