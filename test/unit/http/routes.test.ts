import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ERROR_CATALOG, ServeryError, type ErrorCode } from '../../../src/core/errors.ts';
import { isReservedRoute } from '../../../src/core/reserved-routes.ts';
import { STATUS, toErrorAnswer } from '../../../src/http/errors.ts';
import { openDoor } from '../../support/http-door.ts';

const door = await openDoor();
after(() => door[Symbol.asyncDispose]());
const { routes } = door.server;

test('no handler can take the place of a built-in route', () => {
  for (const { method, path } of routes) assert.ok(isReservedRoute(method, path), `${method} ${path}`);
});

test('no two routes are the same', () => {
  const names = routes.map(({ method, path }) => `${method} ${path.replaceAll(/:\w+/g, ':')}`);
  assert.equal(new Set(names).size, names.length);
});

const posting = routes.filter(({ method }) => method !== 'GET');
// A list that is asked for by POST.
const isGuarded = ({ path, scope }: (typeof posting)[number]) =>
  path === '/v2/repository/index' || (scope !== 'none' && scope !== 'read');

test('a route that predicts or changes state needs a scope and a declared content type', () => {
  const changing = posting.filter(isGuarded);
  assert.ok(changing.length >= 8);
  for (const { method, path, scope, body, predicts = false } of changing) {
    const what = `${method} ${path}`;
    // What is predicted later is counted then.
    const isPrediction = predicts || path.endsWith('/async-invocations');
    const expected = isPrediction ? 'predict' : /^\/api\/(jobs|runs|backfills)\//.test(path) ? 'jobs' : 'admin';
    assert.equal(scope, path === '/v2/repository/index' ? 'read' : expected, what);
    // No plain form can send a DELETE.
    if (method !== 'DELETE') assert.ok((body?.mediaTypes.length ?? 0) > 0, what);
  }
});

test('a route that needs no such scope does nothing but refuse', async () => {
  const others = posting.filter((route) => !isGuarded(route));
  assert.ok(others.length >= 4);
  for (const { method, path } of others) await refuses(method, path);
});

async function refuses(method: string, path: string): Promise<void> {
  const url = `${door.url}${path.replaceAll(/:\w+|\*/g, 'anything')}`;
  const { status } = await fetch(url, { method, body: '{}', headers: { 'content-type': 'text/plain' } });
  assert.ok([400, 404, 405, 501].includes(status), `${method} ${path} answers ${status}`);
}

test('only health, the documentation page and the way to it are open to all', () => {
  const open = routes.filter(({ scope }) => scope === 'none').map(({ path }) => path);
  assert.deepEqual(open.toSorted(), ['/', '/docs', '/ping', '/v2/health/live', '/v2/health/ready']);
});

test('every error has a status, and those worth a retry say when', () => {
  for (const code of Object.keys(ERROR_CATALOG) as ErrorCode[]) {
    const { status, body, headers } = toErrorAnswer(new ServeryError(code, 'It did not work', { retryAfterMs: 2500 }));
    assert.equal(status, STATUS[code]);
    assert.equal((JSON.parse(String(body)) as { code: string }).code, code);
    assert.equal(headers.includes('retry-after'), ERROR_CATALOG[code].retryable && status === 503, code);
    if (status === 503) assert.deepEqual(headers, ['retry-after', '3'], code);
  }
});

test('what is no error of ours tells nothing', () => {
  for (const error of [new TypeError('/etc/secret'), 'text', undefined, new ServeryError('INTERNAL', '/etc/secret')]) {
    const { status, body } = toErrorAnswer(error);
    assert.deepEqual([status, String(body).includes('secret')], [500, false]);
  }
});
