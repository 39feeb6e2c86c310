import assert from 'node:assert/strict';
import { METHODS } from 'node:http';
import { after, test } from 'node:test';
import { Random } from '../support/fuzz.ts';
import { INFER_BODY, openDoor, rawExchange, requestText } from '../support/http-door.ts';

const door = await openDoor({ maxBodyBytes: 100_000 });
after(() => door[Symbol.asyncDispose]());

const text = JSON.stringify(INFER_BODY);
const statuses = (answer: string) => Array.from(answer.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => Number(status));

/** A failure that the client caused is never 5xx, and always JSON with a code. */
function checkRefusal(answer: string, what: string): void {
  const [status = 0] = statuses(answer);
  assert.ok(status >= 200 && status !== 500, `${what} got ${answer.slice(0, 200)}`);
  if (status < 400 || answer.endsWith('\r\n\r\n')) return;
  const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>;
  assert.ok(typeof body.error === 'string' && typeof body.code === 'string', what);
}

const PATHS = [
  '/', '/v2', '/v2/', '/v2/health/live', '/v2/health/ready', '/v2/models', '/v2/models/', '/v2/models/stats',
  '/v2/models/doubler', '/v2/models/doubler/ready', '/v2/models/doubler/infer', '/v2/models/doubler/versions/1/infer',
  '/v2/models/doubler/versions/x/infer', '/v2/models/doubler/config', '/v2/models/doubler/generate', '/v2/models//infer',
  '/v2/repository/index', '/v2/repository/models/doubler/load', '/v2/repository/models//load', '/v2/logging',
  '/v2/trace/setting', '/v2/systemsharedmemory/status', '/models/iris/predict', '/models/iris/versions/1/predict',
  '/api/models', '/api/models/doubler', '/api/models/doubler/aliases/x', '/api/models/doubler/rollback', '/metrics',
  '/openapi.json', '/docs', '/score/x', '/nothing', '/v2/%', '/%2e%2e/%2e%2e/etc/passwd', '/../../etc/passwd', '//', '/\u00e9',
]; // prettier-ignore

test('every method on every path has an answer, and none is 500', async () => {
  for (const method of METHODS) {
    if (method === 'CONNECT') continue;
    for (const path of PATHS) {
      for (const body of ['', '{}', '[]', 'x']) {
        const answer = await rawExchange(door.port, [requestText(method, path, body)]);
        checkRefusal(answer, `${method} ${path} with ${JSON.stringify(body)}`);
      }
    }
  }
});

test('a wrong method names those that are right', async () => {
  const answer = await rawExchange(door.port, [requestText('PATCH', '/v2/models/doubler')]);
  assert.deepEqual(statuses(answer), [405]);
  assert.match(answer, /allow: GET, HEAD, OPTIONS\r\n/i);
  const options = await rawExchange(door.port, [requestText('OPTIONS', '/v2/models/doubler/infer')]);
  assert.deepEqual(statuses(options), [204]);
  assert.match(options, /allow: POST, OPTIONS\r\n/i);
  assert.deepEqual(statuses(await rawExchange(door.port, [requestText('OPTIONS', '*')])), [204]);
});

test('HEAD is GET without the body', async () => {
  const answer = await rawExchange(door.port, [requestText('HEAD', '/v2')]);
  assert.deepEqual(statuses(answer), [200]);
  assert.match(answer, /content-length: [1-9]\d+\r\n/i);
  assert.ok(answer.endsWith('\r\n\r\n'));
});

const MALFORMED: readonly (readonly [string, string])[] = [
  ['no HTTP at all', 'hello\r\n\r\n'],
  ['TLS to a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['an unknown method', 'BREW /v2 HTTP/1.1\r\nhost: localhost\r\n\r\n'],
  ['an unknown version', 'GET /v2 HTTP/9.9\r\nhost: localhost\r\n\r\n'],
  ['no Host', 'GET /v2 HTTP/1.1\r\nconnection: close\r\n\r\n'],
  ['a space in the path', 'GET /v2 /x HTTP/1.1\r\nhost: localhost\r\n\r\n'],
  ['a header without a colon', 'GET /v2 HTTP/1.1\r\nhost: localhost\r\nnonsense\r\n\r\n'],
  ['a control character in a header', 'GET /v2 HTTP/1.1\r\nhost: localhost\r\nx: a\x00b\r\n\r\n'],
  ['two lengths', 'POST /v2 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
  [
    'a length and chunks',
    'POST /v2 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a negative length', 'POST /v2 HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n'],
  [
    'a broken chunk',
    'POST /v2/models/doubler/infer HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
  ],
];

for (const [what, bytes] of MALFORMED) {
  test(`${what} is 400 in JSON`, async () => {
    const answer = await rawExchange(door.port, [Buffer.from(bytes, 'latin1')]);
    assert.deepEqual(statuses(answer), [400]);
    checkRefusal(answer, what);
  });
}

test('this server is no proxy', async () => {
  const answer = await rawExchange(door.port, ['CONNECT example.com:443 HTTP/1.1\r\nhost: localhost\r\n\r\n']);
  assert.deepEqual(statuses(answer), [405]);
  checkRefusal(answer, 'CONNECT');
});

test('a body without a declared length is an empty one', async () => {
  const answer = await rawExchange(door.port, [
    `POST /v2/models/doubler/infer HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n${text}`,
  ]);
  assert.deepEqual(statuses(answer).slice(0, 1), [400]);
});

test('HTTP/1.0 without a Host is answered', async () => {
  const answer = await rawExchange(door.port, ['GET /v2/health/live HTTP/1.0\r\n\r\n']);
  assert.deepEqual(statuses(answer), [200]);
});

test('an upgrade is ignored', async () => {
  const upgrade = { connection: 'close, upgrade', upgrade: 'websocket' };
  assert.deepEqual(statuses(await rawExchange(door.port, [requestText('GET', '/v2', '', upgrade)])), [200]);
});

const BODIES: readonly (readonly [string, string | Uint8Array])[] = [
  ['empty', ''],
  ['white space', ' \n'],
  ['bytes after the JSON', `${text}x`],
  ['duplicate keys', '{"inputs":[],"inputs":[]}'],
  ['a bare NaN', text.replace('"data":[1,2]', '"data":[NaN,2]')],
  ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
  ['deep nesting', '['.repeat(50_000)],
  ['a huge number', text.replace('"data":[1,2]', '"data":[1e999,2]')],
  ['a negative shape', text.replace('"shape":[1,2]', '"shape":[-1,2]')],
  ['a fractional shape', text.replace('"shape":[1,2]', '"shape":[0.5,2]')],
  ['a shape beyond 2^64', text.replace('"shape":[1,2]', '"shape":[4294967296,4294967296,4294967296]')],
  ['too little data', text.replace('"data":[1,2]', '"data":[1]')],
  ['too much data', text.replace('"data":[1,2]', '"data":[1,2,3]')],
  ['the prototype', '{"__proto__":{"inputs":[]}}'],
  ['a null', 'null'],
];

for (const [what, body] of BODIES) {
  test(`a body of ${what} is 400`, async () => {
    for (const path of ['/v2/models/doubler/infer', '/models/doubler/predict']) {
      const response = await door.post(path, body);
      assert.equal(response.status, 400, path);
      const { code } = (await response.json()) as { code: string };
      assert.match(code, /^INVALID_(REQUEST|INPUT)$/);
    }
  });
}

test('random requests over one socket after another never bring it down', async () => {
  const words = [
    'POST',
    'GET',
    ' ',
    '/v2/models/',
    'doubler',
    '/infer',
    ' HTTP/1.1\r\n',
    'host: localhost\r\n',
    '\r\n',
    '\r\n\r\n',
  ];
  const more = [
    'content-length: 5\r\n',
    'transfer-encoding: chunked\r\n',
    '5\r\n',
    'connection: close\r\n',
    text,
    '\0',
    'é',
    '%',
    '{',
  ];
  const pieces = [...words, ...more];
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = new Random(seed);
    const bytes = Array.from({ length: 1 + (random.bits() % 20) }, () => pieces[random.bits() % pieces.length]).join(
      '',
    );
    const answer = await rawExchange(door.port, [bytes, '\r\n\r\nX\r\n\r\n']);
    for (const status of statuses(answer)) assert.notEqual(status, 500, `seed ${seed}`);
  }
  assert.equal((await door.post('/v2/models/doubler/infer', INFER_BODY)).status, 200);
});
