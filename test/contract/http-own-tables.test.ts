import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STATUS, type ErrorForm } from '../../src/http/errors.ts';
import type { Route } from '../../src/http/route.ts';
import { openDoor } from '../support/http-door.ts';

const errors: ErrorForm = ({ code, message }) => ({
  status: STATUS[code],
  body: `${code}: ${message}`,
  contentType: 'text/plain',
  headers: ['x-form', 'theirs'],
});

test('a port with a table of its own answers nothing else, and fails in its own form', async () => {
  const route: Route = {
    method: 'POST',
    path: '/echo',
    scope: 'predict',
    body: { mediaTypes: ['application/json'], anyType: true },
    handle: (exchange) => exchange.send(200, 'text/plain', exchange.mediaType),
  };
  await using door = await openDoor({}, undefined, {
    openTable: () => ({ routes: [route], errors, hasHandlerRoutes: false }),
  });
  const form = 'application/x-www-form-urlencoded';
  assert.equal(await (await door.post('/echo', '{}', { 'content-type': form })).text(), form);
  for (const path of ['/v2', '/models/doubler/predict', '/score/berlin']) {
    const response = await door.post(path, {});
    assert.deepEqual(
      [response.status, response.headers.get('x-form'), await response.text()],
      [404, 'theirs', 'NOT_FOUND: Not Found'],
    );
  }
  const browser = await door.post('/echo', '{}', { 'content-type': form, 'sec-fetch-site': 'same-origin' });
  assert.deepEqual([browser.status, browser.headers.get('content-type')], [415, 'text/plain']);
});
