import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServeryError } from '../../../src/core/errors.ts';
import { Target, type Method, type Route } from '../../../src/http/route.ts';
import { Router, splitPath, splitUrl } from '../../../src/http/router.ts';
import { chooseCoding } from '../../../src/http/compression.ts';
import { HostRule } from '../../../src/http/web-rules.ts';
import { childTraceparent, createRequestId, isRequestId } from '../../../src/http/trace.ts';

function route(method: Method, path: string): Route {
  return { method, path, scope: 'none', handle: () => {}, docs: { tag: 'Server', summary: path } };
}

const router = new Router([
  route('GET', '/'),
  route('GET', '/a'),
  route('GET', '/a/fixed'),
  route('GET', '/a/:name'),
  route('POST', '/a/:name'),
  route('GET', '/a/:name/:verb'),
  route('GET', '/a/fixed/deeper/still'),
]);

function find(path: string, method: Method = 'GET'): readonly [string, object] | undefined {
  const target = router.find(splitPath(path))?.get(method)?.();
  return target && [target.route.path, target.params];
}

test('a literal segment wins over a parameter', () => {
  assert.deepEqual(find('/a/fixed'), ['/a/fixed', {}]);
  assert.deepEqual(find('/a/other'), ['/a/:name', { name: 'other' }]);
});

test('where the literal leads nowhere, the parameter is tried', () => {
  assert.deepEqual(find('/a/fixed/x'), ['/a/:name/:verb', { name: 'fixed', verb: 'x' }]);
  assert.equal(find('/a/fixed/deeper/x'), undefined);
});

test('a star takes what nothing else does, however long', () => {
  const starred = new Router([
    route('GET', '/v1/*'),
    route('GET', '/v1/models/:name'),
    route('GET', '/v1/models/:name/on'),
  ]);
  const found = (path: string) => starred.find(splitPath(path))?.get('GET')?.()?.route.path;
  assert.equal(found('/v1/models/a'), '/v1/models/:name');
  for (const path of ['/v1', '/v1/models', '/v1/x/y/z', '/v1/models/a/off']) assert.equal(found(path), '/v1/*', path);
  assert.equal(found('/v2'), undefined);
});

test('a path has its methods, and a method its own route', () => {
  assert.deepEqual(Array.from(router.find(['a', 'x'])!.keys()), ['GET', 'POST']);
  assert.deepEqual(find('/a/x', 'POST'), ['/a/:name', { name: 'x' }]);
});

test('one slash at the end makes no difference, two do', () => {
  assert.deepEqual(find('/a/'), ['/a', {}]);
  assert.deepEqual(find('/'), ['/', {}]);
  assert.equal(find('//'), undefined);
});

test('segments are split before they are decoded', () => {
  assert.deepEqual(find('/a/x%2Fy'), ['/a/:name', { name: 'x/y' }]);
  assert.deepEqual(find('/a/%2e%2e'), ['/a/:name', { name: '..' }]);
  assert.throws(() => splitPath('/a/%zz'), { code: 'INVALID_REQUEST' });
  assert.throws(() => splitPath('/a/%ff'), { code: 'INVALID_REQUEST' });
});

test('the target of a request is a path, or a whole URL', () => {
  assert.deepEqual(splitUrl('/v2?a=b&c'), { path: '/v2', query: 'a=b&c' });
  assert.deepEqual(splitUrl('http://localhost:8080/v2?a'), { path: '/v2', query: 'a' });
  assert.deepEqual(splitUrl('/v2#x?y'), { path: '/v2', query: '' });
  assert.deepEqual(splitUrl('http://localhost'), { path: '', query: '' });
});

const REFS: readonly (readonly [string, string | undefined, object | undefined])[] = [
  ['iris', undefined, { name: 'iris' }],
  ['iris@champion', undefined, { name: 'iris', alias: 'champion' }],
  ['iris', '7', { name: 'iris', version: 7 }],
  ['iris@champion', '7', undefined],
  ['iris', '0', undefined],
  ['iris', '07', undefined],
  ['iris', '1e3', undefined],
  ['iris/7', undefined, undefined],
  ['..', undefined, undefined],
  ['', undefined, undefined],
  ['iris\n', undefined, undefined],
  [' iris', undefined, undefined],
  ['x'.repeat(200), undefined, undefined],
];

for (const [model, version, expected] of REFS) {
  test(`"${model.slice(0, 20)}" and version ${version} mean ${JSON.stringify(expected)}`, () => {
    const params = { model, ...(version === undefined ? {} : { version }) };
    const target = new Target(route('GET', '/:model'), params);
    if (expected === undefined) assert.throws(() => target.model, { code: 'MODEL_NOT_FOUND' });
    else assert.deepEqual({ ...target.model }, expected);
  });
}

test('the best coding that a client accepts is chosen', () => {
  const cases = { gzip: 'gzip', 'gzip, deflate, br': 'gzip', 'deflate;q=1, gzip;q=0.5': 'deflate', '*': 'gzip' };
  for (const [accepted, coding] of Object.entries(cases)) assert.equal(chooseCoding(accepted), coding);
  for (const accepted of ['', 'br', 'identity', 'gzip;q=0', 'gzip;q=x', ';;,']) {
    assert.equal(chooseCoding(accepted), undefined);
  }
});

test('a trace goes on as a child, with a span of its own', () => {
  const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const child = childTraceparent(parent)!;
  assert.match(child, /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
  assert.notEqual(child, parent);
  for (const broken of [
    '',
    'x',
    parent.toUpperCase(),
    `${parent}-x`,
    parent.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
  ]) {
    assert.equal(childTraceparent(broken), undefined, broken);
  }
});

test('request ids are bounded and printable', () => {
  assert.ok(isRequestId(createRequestId()));
  assert.notEqual(createRequestId(), createRequestId());
  for (const id of ['', 'a b', 'a\nb', 'é', 'x'.repeat(129)]) assert.equal(isRequestId(id), false);
});

const runs = process.env.SERVERY_LONG === '1' ? 1_000_000 : 10_000;

test('no target of a request does more than be refused', () => {
  const target = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc
      .array(fc.constantFrom('/', '%', '%2f', '%2e', '..', 'a', '?', '#', 'http://', '@', '\0', '\n'), {
        maxLength: 20,
      })
      .map((parts) => parts.join('')),
  );
  const hosts = new HostRule(['*.example.com']);
  hosts.boundAddress = '127.0.0.1';
  fc.assert(
    fc.property(target, (text) => {
      for (const attempt of [() => router.find(splitPath(splitUrl(text).path)), () => hosts.check(text)]) {
        try {
          attempt();
        } catch (error) {
          assert.ok(error instanceof ServeryError);
        }
      }
      chooseCoding(text);
      childTraceparent(text);
    }),
    { numRuns: runs, seed: 7 },
  );
});
