import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { INFER_BODY, openDoor, rawExchange, requestText, testKeys } from '../support/http-door.ts';

const keys = testKeys();
const open = await openDoor();
const closed = await openDoor({}, keys.auth);
const shared = await openDoor({ cors: ['https://app.example.com'], allowedHosts: ['predict.example.com'] });
after(() => Promise.all([open, closed, shared].map((door) => door[Symbol.asyncDispose]())));

const INFER = '/v2/models/doubler/infer';
const text = JSON.stringify(INFER_BODY);
const statusOf = (answer: string) => Number(answer.split(' ')[1]);
const send = async (port: number, path: string, headers: Record<string, string>, method = 'POST', body = text) =>
  rawExchange(port, [requestText(method, path, body, headers)]);

test('without keys configured, nobody needs one', async () => {
  assert.equal((await open.post(INFER, INFER_BODY)).status, 200);
});

test('health is open to probes, everything else asks for a key', async () => {
  for (const path of ['/v2/health/live', '/v2/health/ready', '/docs']) {
    assert.equal((await closed.fetch(path)).status, 200, path);
  }
  for (const path of ['/v2', '/v2/models', '/v2/models/iris', '/metrics', '/openapi.json', '/api/models']) {
    const response = await closed.fetch(path);
    assert.deepEqual([response.status, response.headers.get('www-authenticate')], [401, 'Bearer'], path);
  }
});

test('health that is not ready names models only where nobody needs a key', async () => {
  for (const door of [closed, open]) door.setReady(false);
  const says = async (door: typeof open) => (await door.fetch('/v2/health/ready')).text();
  assert.match(await says(open), /late\/1 is loading/);
  assert.doesNotMatch(await says(closed), /late/);
  for (const door of [closed, open]) door.setReady(true);
});

test('a key of either form opens what its scope names', async () => {
  const forms = (key: string) => [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }];
  for (const headers of forms(keys.predict)) {
    assert.equal((await closed.post(INFER, INFER_BODY, headers)).status, 200);
    assert.equal((await closed.post('/score/x', { amount: 1 }, headers)).status, 200);
    assert.equal((await closed.fetch('/metrics', { headers })).status, 200);
    const refused = await closed.post('/v2/repository/models/doubler/unload', '', headers);
    assert.equal(refused.status, 403);
    assert.match(((await refused.json()) as { error: string }).error, /"admin"/);
  }
  for (const headers of forms(keys.admin)) {
    assert.equal((await closed.post('/v2/repository/models/doubler/unload', '', headers)).status, 200);
    assert.equal((await closed.post(INFER, INFER_BODY, headers)).status, 403);
  }
  for (const headers of forms('wrong')) assert.equal((await closed.post(INFER, INFER_BODY, headers)).status, 401);
});

test('a path that is not there says so without a key, and reveals no model', async () => {
  assert.equal((await closed.fetch('/nothing')).status, 404);
  for (const model of ['doubler', 'nothing']) {
    assert.equal((await closed.post(`/v2/models/${model}/infer`, INFER_BODY)).status, 401);
  }
});

test('a page that bound its own name to this address is not answered', async () => {
  for (const host of ['evil.example.com', `evil.example.com:${open.port}`, '10.1.1.1', '']) {
    const answer = await send(open.port, INFER, { host });
    assert.equal(statusOf(answer), 403, host);
    assert.match(answer, /HOST_NOT_ALLOWED/);
  }
  assert.equal(statusOf(await send(open.port, '/v2/health/live', { host: 'evil.example.com' }, 'GET', '')), 403);
  for (const host of ['localhost', `localhost:${open.port}`, `127.0.0.1:${open.port}`]) {
    assert.equal(statusOf(await send(open.port, INFER, { host })), 200, host);
  }
  assert.equal(statusOf(await send(shared.port, INFER, { host: 'predict.example.com' })), 200);
});

test('the name in an absolute URL is no way around the Host rule', async () => {
  const answer = await send(open.port, `http://localhost${INFER}`, { host: 'evil.example.com' });
  assert.equal(statusOf(answer), 403);
});

test('a foreign origin is refused, with every method', async () => {
  for (const [method, path] of [
    ['POST', INFER],
    ['POST', '/v2/repository/models/doubler/unload'],
    ['GET', '/v2/models'],
    ['OPTIONS', INFER],
  ] as const) {
    const answer = await send(open.port, path, { origin: 'https://evil.example.com' }, method);
    assert.equal(statusOf(answer), 403, `${method} ${path}`);
    assert.match(answer, /ORIGIN_NOT_ALLOWED/);
    assert.doesNotMatch(answer, /access-control-allow-origin/i);
  }
});

test('pages of this server itself may call it', async () => {
  const headers = { host: `localhost:${open.port}`, origin: `http://localhost:${open.port}` };
  assert.equal(statusOf(await send(open.port, INFER, headers)), 200);
});

test('a listed origin is answered, and may ask first', async () => {
  const origin = 'https://app.example.com';
  const answer = await send(shared.port, INFER, { origin });
  assert.match(answer, /access-control-allow-origin: https:\/\/app\.example\.com\r\n/i);
  assert.match(answer, /vary: origin\r\n/i);
  const preflight = await send(shared.port, INFER, { origin, 'access-control-request-method': 'POST' }, 'OPTIONS', '');
  assert.equal(statusOf(preflight), 204);
  assert.match(preflight, /access-control-allow-methods: POST, OPTIONS\r\n/i);
  assert.match(preflight, /access-control-allow-headers: .*content-type/i);
  // An error is readable for the page as well.
  const failed = await send(shared.port, '/v2/models/nothing/infer', { origin });
  assert.match(failed, /access-control-allow-origin/i);
});

test('what a foreign form can send neither predicts nor changes anything', async () => {
  const calls = open.control.length;
  const paths = [INFER, '/models/iris/predict', '/v2/repository/models/doubler/unload', '/api/models/doubler/rollback'];
  for (const path of [...paths, '/score/x']) {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      for (const origin of [{ 'sec-fetch-site': 'same-site' }, { origin: `http://127.0.0.1:${open.port}` }]) {
        const host = `127.0.0.1:${open.port}`;
        const answer = await send(open.port, path, { host, 'content-type': type, ...origin });
        assert.equal(statusOf(answer), 415, `${path} ${type}`);
      }
    }
  }
  assert.equal(open.control.length, calls);
});

test('a program that declares no type is taken at its word, a browser is not', async () => {
  const bare = (extra: string) =>
    rawExchange(open.port, [
      `POST ${INFER} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${extra}content-length: ${text.length}\r\n\r\n${text}`,
    ]);
  assert.equal(statusOf(await bare('')), 200);
  assert.equal(statusOf(await bare('sec-fetch-site: same-origin\r\n')), 415);
});

test('errors tell a client nothing about the inside', async () => {
  const response = await open.post('/v2/models/buggy/infer', INFER_BODY);
  const body = await response.text();
  assert.equal(response.status, 500);
  assert.doesNotMatch(body, /secret|TypeError|\.ts|\/work/);
  assert.deepEqual(Object.keys(JSON.parse(body) as object), ['error', 'code', 'hint']);
});
