import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { after, test } from 'node:test';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { requestDone } from '../../src/core/events.ts';
import { INFER_BODY, openDoor, rawExchange, requestText } from '../support/http-door.ts';

const door = await openDoor({
  maxBodyBytes: 200_000,
  maxDecompressedBytes: 100_000,
  maxNesting: 20,
  maxElements: 1000,
  maxParts: 2000,
});
const impatient = await openDoor({ headersTimeout: '250ms', requestTimeout: '600ms', maxHeaderBytes: 2048 });
after(() => Promise.all([door, impatient].map((one) => one[Symbol.asyncDispose]())));

const INFER = '/v2/models/doubler/infer';
const text = JSON.stringify(INFER_BODY);
const statusOf = (answer: string) => Number(answer.split(' ')[1]);
const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as Record<string, string>;
const head = (headers: string) =>
  `POST ${INFER} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${headers}\r\n`;

test('a body that declares itself too large is refused before it is sent', async () => {
  const answer = await rawExchange(door.port, [
    head('content-length: 99999999\r\nexpect: 100-continue\r\nconnection: close\r\n'),
  ]);
  assert.equal(statusOf(answer), 413);
  assert.match(bodyOf(answer).error ?? '', /http\.maxBodyBytes/);
});

test('a client that waits for leave to send its body gets it', async () => {
  const socket = createConnection({ port: door.port, host: '127.0.0.1' }).setEncoding('latin1');
  socket.write(head(`content-length: ${text.length}\r\nexpect: 100-continue\r\nconnection: close\r\n`));
  let answer = '';
  for await (const chunk of socket) {
    answer += chunk as string;
    if (answer === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write(text);
  }
  assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
});

test('a body that goes on without end is refused at the limit', async () => {
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
  const parts = [
    head('transfer-encoding: chunked\r\nconnection: close\r\n'),
    ...new Array<string>(40).fill(chunk),
    '0\r\n\r\n',
  ];
  assert.equal(statusOf(await rawExchange(door.port, parts)), 413);
});

test('where the answer ends the connection, a refused body goes by first: a reset would take the answer with it', async () => {
  const socket = createConnection({ port: door.port, host: '127.0.0.1' }).setEncoding('latin1');
  let answer = '';
  socket.on('data', (chunk: string) => (answer += chunk));
  const refused = new Promise((resolve) => {
    const listening = requestDone.subscribe(({ status }) => {
      listening[Symbol.dispose]();
      resolve(status);
    });
  });
  socket.write(requestText('POST', INFER, text, { 'content-type': 'text/html' }).slice(0, -10));
  assert.equal(await refused, 415);
  await door.post(INFER, INFER_BODY); // time enough for an answer to arrive
  assert.equal(answer, '');
  socket.write(text.slice(-10));
  await once(socket, 'close');
  assert.equal(statusOf(answer), 415);
});

test('after a body that was refused the connection goes on', async () => {
  const large = 'x'.repeat(300_000);
  const parts = [head(`content-length: ${large.length}\r\n`), large, requestText('POST', INFER, text)];
  const answer = await rawExchange(door.port, parts);
  assert.deepEqual(
    Array.from(answer.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => status),
    ['413', '200'],
  );
});

test('thousands of tiny chunks make one body', async () => {
  const padded = text + ' '.repeat(5000);
  const chunks = Array.from(padded, (character) => `1\r\n${character}\r\n`);
  const parts = [head('transfer-encoding: chunked\r\nconnection: close\r\n')];
  for (let i = 0; i < chunks.length; i += 7) parts.push(chunks.slice(i, i + 7).join(''));
  assert.equal(statusOf(await rawExchange(door.port, [...parts, '0\r\n\r\n'])), 200);
});

test('bodies are decompressed, whatever deflate means to the client', async () => {
  for (const [encoding, body] of [
    ['gzip', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['identity', Buffer.from(text)],
    ['GZIP', gzipSync(text)],
  ] as const) {
    const response = await door.post(INFER, body, { 'content-encoding': encoding });
    assert.equal(response.status, 200, encoding);
  }
});

test('a bomb is refused before it has gone off', async () => {
  for (const [encoding, body] of [
    ['gzip', gzipSync(Buffer.alloc(50_000_000))],
    ['deflate', deflateSync(Buffer.alloc(50_000_000))],
  ] as const) {
    assert.ok(body.length < 200_000);
    const response = await door.post(INFER, body, { 'content-encoding': encoding });
    assert.equal(response.status, 413);
    assert.match(((await response.json()) as { error: string }).error, /http\.maxDecompressedBytes/);
  }
});

test('damaged and unknown encodings are refused', async () => {
  const whole = gzipSync(text);
  for (const body of [whole.subarray(0, whole.length - 5), Buffer.from('no gzip'), Buffer.alloc(0), Buffer.alloc(1)]) {
    assert.equal((await door.post(INFER, body, { 'content-encoding': 'gzip' })).status, 400);
    assert.equal((await door.post(INFER, body, { 'content-encoding': 'deflate' })).status, 400);
  }
  for (const encoding of ['br', 'gzip, gzip', 'constructor', '__proto__']) {
    const response = await door.post(INFER, whole, { 'content-encoding': encoding });
    assert.deepEqual([response.status, response.headers.get('accept-encoding')], [415, 'gzip, deflate'], encoding);
  }
});

test('nesting and elements have limits of their own', async () => {
  const nested = (depth: number) =>
    `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":${'['.repeat(depth)}1,2${']'.repeat(depth)}}]}`;
  assert.equal((await door.post(INFER, nested(120))).status, 400);
  assert.equal((await door.post(INFER, nested(1500))).status, 400);
  const data = new Array<number>(4000).fill(0);
  const many = { inputs: [{ name: 'x', datatype: 'FP32', shape: [2000, 2], data }] };
  assert.ok([400, 413].includes((await door.post(INFER, many)).status));
});

test('what a text makes of itself is counted before it is read', async () => {
  const rows = (unit: string, count: number) => `{"rows":[${Array.from({ length: count }, () => unit).join()}]}`;
  for (const [body, status] of [
    [rows('{}', 2500), 413],
    [rows('[]', 2500), 413],
    [rows('{"x":[1,2]}', 1000), 413],
    [rows('1', 2500), 400],
    [rows('{"x":[1,2]}', 300), 200],
  ] as const) {
    const answer = await door.post('/models/doubler/predict', body);
    const { code, error } = (await answer.json()) as { code?: string; error?: string };
    assert.equal(answer.status, status, body.slice(0, 40));
    if (status === 413) assert.match(`${code} ${error}`, /^PAYLOAD_TOO_LARGE .+`http\.maxParts` is 2000$/);
  }
  for (const csv of [`x\n${'1\n'.repeat(2500)}`, `x${','.repeat(2500)}\n`]) {
    assert.equal((await door.post('/models/doubler/predict', csv, { 'content-type': 'text/csv' })).status, 413);
  }
  // Bytes of tensors are no text, whatever they look like.
  const json = '{"inputs":[{"name":"x","datatype":"FP32","shape":[400,2],"parameters":{"binary_data_size":3200}}]}';
  const tensors = await door.post(INFER, Buffer.concat([Buffer.from(json), Buffer.alloc(3200, '[')]), {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(json.length),
  });
  assert.equal(tensors.status, 200);
});

test('a head that is too large is refused in JSON', async () => {
  const answer = await rawExchange(impatient.port, [requestText('GET', '/v2', '', { 'x-large': 'x'.repeat(4000) })]);
  assert.equal(statusOf(answer), 431);
  assert.match(bodyOf(answer).error ?? '', /http\.maxHeaderBytes/);
});

test('a client that is slow with its headers is cut off', async () => {
  const answer = await rawExchange(impatient.port, ['GET /v2 HTTP/1.1\r\nhost: localhost\r\n']);
  assert.equal(statusOf(answer), 408);
  assert.equal(bodyOf(answer).code, 'INVALID_REQUEST');
});

test('a client that is slow with its body is cut off', async () => {
  const answer = await rawExchange(impatient.port, [head('content-length: 1000\r\n'), '{"inputs"']);
  assert.equal(statusOf(answer), 408);
  assert.match(bodyOf(answer).error ?? '', /did not come in time/);
});

test('a connection that says nothing at all is cut off', async () => {
  await rawExchange(impatient.port, []);
});
