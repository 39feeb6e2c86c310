import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApiKey, createKeyRing, hashOfKey, presentedKey } from '../../../src/core/api-keys.ts';
import { authOptions } from '../../../src/core/auth-options.ts';
import type { ServeryError } from '../../../src/core/errors.ts';

const shop = createApiKey();
const operator = createApiKey();
const ring = createKeyRing(
  authOptions.parse({
    keys: [
      { name: 'shop', hash: shop.hash, scopes: ['predict'] },
      { name: 'operator', hash: operator.hash, scopes: ['admin'] },
    ],
  }),
);
const code = (wanted: string) => (error: unknown) => (error as ServeryError).code === wanted;

test('without keys everyone is let in', () => {
  const open = createKeyRing(authOptions.parse({}));
  assert.equal(open.isRequired, false);
  open.check(undefined, 'admin');
});

test('the key of the user who runs the server opens everything, and is no other', () => {
  const owned = createKeyRing(
    authOptions.parse({ keys: [{ name: 'shop', hash: shop.hash, scopes: ['predict'] }] }),
    hashOfKey('mine'),
  );
  owned.check('mine', 'admin');
  assert.ok(owned.isOwner('mine'));
  for (const key of [undefined, '', 'Mine', shop.key]) assert.equal(owned.isOwner(key), false);
  assert.throws(() => owned.check('Mine', 'read'), code('UNAUTHENTICATED'));
  // Where nobody needs a key, it is told apart all the same.
  const open = createKeyRing(authOptions.parse({}), hashOfKey('mine'));
  assert.deepEqual([open.isRequired, open.isOwner('mine'), open.isOwner('other')], [false, true, false]);
  assert.equal(ring.isOwner(shop.key), false);
});

test('a key opens what its scopes name, and reading', () => {
  ring.check(shop.key, 'predict');
  ring.check(shop.key, 'read');
  ring.check(operator.key, 'admin');
  ring.check(operator.key, 'read');
  assert.throws(() => ring.check(shop.key, 'admin'), code('FORBIDDEN'));
  assert.throws(() => ring.check(operator.key, 'predict'), code('FORBIDDEN'));
});

test('no key and a wrong key open only what is open to all', () => {
  for (const key of [undefined, '', 'wrong', shop.hash, `${shop.key}x`, shop.key.toUpperCase()]) {
    ring.check(key, 'none');
    for (const scope of ['read', 'predict', 'admin'] as const) {
      assert.throws(() => ring.check(key, scope), code('UNAUTHENTICATED'), `${key} ${scope}`);
    }
  }
});

test('a configuration holds digests, never keys', () => {
  assert.match(shop.hash, /^sha256:[0-9a-f]{64}$/);
  assert.ok(!shop.hash.includes(shop.key));
  assert.ok(!authOptions.safeParse({ keys: [{ name: 'x', hash: shop.key, scopes: ['predict'] }] }).success);
  assert.notEqual(createApiKey().key, createApiKey().key);
});

test('a key is read from Authorization or X-Api-Key', () => {
  assert.equal(presentedKey('Bearer abc', undefined), 'abc');
  assert.equal(presentedKey('bearer  abc ', undefined), 'abc');
  assert.equal(presentedKey(undefined, 'abc'), 'abc');
  assert.equal(presentedKey('Basic abc', undefined), undefined);
  assert.equal(presentedKey(undefined, undefined), undefined);
});
