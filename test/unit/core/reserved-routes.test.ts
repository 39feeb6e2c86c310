import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReservedRoute } from '../../../src/core/reserved-routes.ts';

test('a handler may have a path of its own, also with parameters', () => {
  for (const path of ['/score', '/shops/:shop/score', '/predict', '/v3', '/model', '/a/b/c/d']) {
    assert.equal(isReservedRoute('POST', path), false, path);
  }
});

test('whatever is or may become built in is reserved, with all below it', () => {
  const paths = ['/', '/v2', '/v2/models/x/infer', '/v2/new', '/models/x/predict', '/api/x', '/docs', '/openapi.json'];
  for (const path of [...paths, '/metrics', '/console/x', '/v1/models/x']) {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      assert.equal(isReservedRoute(method, path), true, path);
    }
  }
});

test('a parameter in front would answer for built-in paths', () => {
  assert.equal(isReservedRoute('POST', '/:anything'), true);
  assert.equal(isReservedRoute('POST', '/:a/:b/predict'), true);
});

test('methods and paths that no request has are refused', () => {
  assert.equal(isReservedRoute('HEAD', '/score'), true);
  assert.equal(isReservedRoute('post', '/score'), true);
  for (const path of [
    'score',
    '/score/',
    '//score',
    '/score/../v2',
    '/./score',
    '/sc%6fre',
    '/score?x',
    '/*',
    '/a/:',
  ]) {
    assert.equal(isReservedRoute('POST', path), true, path);
  }
});
