import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServeryError } from '../../../src/core/errors.ts';
import { checkMediaType, HostRule, OriginRule } from '../../../src/http/web-rules.ts';

const code = (wanted: string) => (error: unknown) => (error as ServeryError).code === wanted;

interface HostCase {
  readonly bound: string;
  readonly allowed?: readonly string[];
  readonly hosts: readonly string[];
  readonly foreign: readonly string[];
}

const HOST_CASES: readonly HostCase[] = [
  {
    bound: '127.0.0.1',
    hosts: ['127.0.0.1:8080', '127.0.0.1', 'localhost:8080', 'LOCALHOST', 'localhost.', '[::1]:8080', '127.0.0.2'],
    foreign: [
      'evil.example.com',
      'localhost.evil.example.com',
      '10.0.0.1',
      '0.0.0.0',
      '',
      'a:b:c',
      '127.0.0.1.evil.com',
      '[x',
    ],
  },
  { bound: '::1', hosts: ['[::1]:8080', 'localhost'], foreign: ['[::2]', 'evil.example.com'] },
  { bound: '10.0.0.5', hosts: ['10.0.0.5:80', 'localhost'], foreign: ['10.0.0.6', 'evil.example.com', '127.0.0.1'] },
  { bound: '0.0.0.0', hosts: ['10.0.0.5', '127.0.0.1', '[::1]', 'localhost'], foreign: ['evil.example.com', '1.2.3'] },
  {
    bound: '0.0.0.0',
    allowed: ['Predict.example.com', '*.shop.example'],
    hosts: ['predict.example.com:443', 'a.shop.example', 'a.b.shop.example'],
    foreign: ['example.com', 'shop.example', 'evilshop.example', 'x.predict.example.com'],
  },
  { bound: '127.0.0.1', allowed: ['*'], hosts: ['anything.example.com'], foreign: [] },
];

for (const { bound, allowed = [], hosts, foreign } of HOST_CASES) {
  test(`on ${bound}, allowing [${allowed.join(', ')}]`, () => {
    const rule = new HostRule(allowed);
    rule.boundAddress = bound;
    // Twice: the second answer is remembered.
    for (const host of [...hosts, ...hosts]) rule.check(host);
    for (const host of [...foreign, ...foreign]) assert.throws(() => rule.check(host), code('HOST_NOT_ALLOWED'), host);
  });
}

test('an origin is ours, listed, or refused', () => {
  const rule = new OriginRule(['https://app.example.com']);
  const headers = (origin?: string) => ({ host: '127.0.0.1:8080', ...(origin === undefined ? {} : { origin }) });
  assert.equal(rule.check(headers(), 'POST'), undefined);
  assert.equal(rule.check(headers('http://127.0.0.1:8080'), 'POST'), undefined);
  assert.equal(rule.check(headers('https://app.example.com'), 'POST'), 'https://app.example.com');
  for (const origin of [
    'https://evil.example.com',
    'null',
    'http://127.0.0.1:9090',
    'https://app.example.com.evil.com',
  ]) {
    assert.throws(() => rule.check(headers(origin), 'GET'), code('ORIGIN_NOT_ALLOWED'), origin);
  }
});

test('a browser that leaves out the origin of a foreign form is refused all the same', () => {
  const rule = new OriginRule([]);
  assert.throws(() => rule.check({ 'sec-fetch-site': 'cross-site' }, 'POST'), code('ORIGIN_NOT_ALLOWED'));
  assert.equal(rule.check({ 'sec-fetch-site': 'cross-site' }, 'GET'), undefined);
  assert.equal(rule.check({ 'sec-fetch-site': 'same-origin' }, 'POST'), undefined);
});

const RULE = { mediaTypes: ['application/json', 'text/csv'] };

test('a declared type that the route reads is taken, whatever its case and parameters', () => {
  for (const type of ['application/json', 'Application/JSON; charset=UTF-8', 'application/json;charset="utf-8"']) {
    assert.equal(checkMediaType({ 'content-type': type }, RULE), 'application/json');
  }
  assert.equal(checkMediaType({ 'content-type': 'text/csv; header=present' }, RULE), 'text/csv');
});

test('types that a plain form of a foreign page can send are refused', () => {
  for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain', '']) {
    assert.throws(() => checkMediaType({ 'content-type': type }, RULE), code('UNSUPPORTED_MEDIA_TYPE'), type);
  }
  assert.throws(
    () => checkMediaType({ 'content-type': 'application/x-www-form-urlencoded' }, RULE),
    (error) => (error as ServeryError).hint.includes("-H 'content-type: application/json'"),
  );
});

test('other encodings of text are refused', () => {
  assert.throws(() => checkMediaType({ 'content-type': 'application/json; charset=latin1' }, RULE));
});

test('no type at all is taken from a program and refused from a browser', () => {
  assert.equal(checkMediaType({}, RULE), 'application/json');
  assert.throws(() => checkMediaType({ origin: 'http://localhost' }, RULE), code('UNSUPPORTED_MEDIA_TYPE'));
  assert.throws(() => checkMediaType({ 'sec-fetch-site': 'none' }, RULE), code('UNSUPPORTED_MEDIA_TYPE'));
});

test('text is taken only where a route says so, and never from a browser', () => {
  const rule = { ...RULE, allowsText: true };
  const text = { 'content-type': 'text/plain; charset=utf-8' };
  assert.equal(checkMediaType(text, rule), 'application/json');
  assert.throws(() => checkMediaType({ ...text, origin: 'http://localhost' }, rule), code('UNSUPPORTED_MEDIA_TYPE'));
});
