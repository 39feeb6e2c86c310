import assert from 'node:assert/strict';
import { it } from 'node:test';
import { countAllKeys, parseJson, parseJsonExactly, refuseDuplicateKeys } from '../../../src/protocol/json.ts';
import { refusalOf } from '../../support/client-error.ts';
import { fuzz, type Random } from '../../support/fuzz.ts';

it('finds a key that is given twice, in any text', () => {
  fuzz((random) => {
    const made = document(random, 3);
    const keys = countAllKeys(JSON.parse(made.text), 100);
    const refusal = refusalOf(() => refuseDuplicateKeys(made.text, keys));
    assert.equal(refusal !== undefined, made.hasDuplicate, JSON.stringify(made.text));
  });
});

/** JSON with odd keys, texts and spaces, and whether an object in it has a key twice. */
function document(random: Random, depth: number): { text: string; hasDuplicate: boolean } {
  const space = (): string => random.pick(['', '', ' ', '\n\t']);
  switch (random.below(depth > 0 ? 6 : 3)) {
    case 0:
      return { text: random.pick(['1', '-0.5e3', 'true', 'null']), hasDuplicate: false };
    case 1:
    case 2:
      return { text: JSON.stringify(random.text(4)), hasDuplicate: false };
    case 3: {
      const items = random.list(random.below(4), () => document(random, depth - 1));
      return {
        text: `[${items.map(({ text }) => space() + text).join(',')}]`,
        hasDuplicate: items.some(({ hasDuplicate }) => hasDuplicate),
      };
    }
    default: {
      // Without backslashes, which V8 cannot be trusted with: see below.
      const keys = random.list(random.below(4), () => random.text(1).replaceAll('\\', '/'));
      const values = keys.map(() => document(random, depth - 1));
      return {
        text: `{${keys.map((key, i) => `${space()}${JSON.stringify(key)}${space()}:${values[i]!.text}`).join(',')}}`,
        hasDuplicate: new Set(keys).size < keys.length || values.some(({ hasDuplicate }) => hasDuplicate),
      };
    }
  }
}

it('reads integers beyond 2^53 without losing a digit', () => {
  assert.deepEqual(parseJsonExactly('[9007199254740993,-9223372036854775808,18446744073709551615]'), [
    9_007_199_254_740_993n,
    -(2n ** 63n),
    2n ** 64n - 1n,
  ]);
});

it('leaves other numbers as they are', () => {
  const numbers = [0, -1, 1.5, 1e300, 2 ** 53 - 1, 1e20];
  assert.deepEqual(parseJsonExactly(`[0,-1,1.5,1e300,9007199254740991,1e20]`), numbers);
  // Too long for any datatype; a bigint of a million digits would take long to make.
  assert.deepEqual(parseJsonExactly(`[${'9'.repeat(400)}]`), [Infinity]);
});

it('reads exactly what is in any place, and leaves alone what only looks like it', () => {
  const long = '9007199254740993';
  const text = `{"a":[${long}, {"b" :-${long}}],"${long}":"${long}","__proto__":${long},"t":"x\\"${long},${long}"}`;
  const read = parseJsonExactly(text) as Record<string, unknown>;
  assert.deepEqual(Object.entries(read), [
    ['a', [BigInt(long), { b: -BigInt(long) }]],
    [long, long],
    ['__proto__', BigInt(long)],
    ['t', `x"${long},${long}`],
  ]);
  const parts = [`0.${long}`, `${long}.5`, `${long}e3`, `1e-${long}`, `-0.${long}e1`, '1000000000000000'];
  assert.deepEqual(parseJsonExactly(`[${parts.join()}]`), parts.map(Number));
  assert.equal(parseJsonExactly(long), BigInt(long));
  assert.equal(parseJsonExactly(`"${long}"`), long);
});

it('reads millions of numbers exactly in no more than some times the time', () => {
  const text = `[9007199254740993${',1'.repeat(2_000_000)}]`;
  const began = performance.now();
  JSON.parse(text);
  const parsed = performance.now();
  const exact = parseJsonExactly(text) as unknown[];
  assert.ok(performance.now() - parsed < 20 * (parsed - began) + 1500);
  assert.deepEqual([exact[0], exact.length], [9007199254740993n, 2_000_001]);
});

it('refuses keys that would change how the next body is read', () => {
  // Were the first one parsed, V8 would read the key of the second as `\\u0`.
  for (const key of ['\\\\u0', '\\u005cu0', '\\u005Cu0']) {
    const refusal = refusalOf(() => parseJson(`{"at the same place":1,"${key}" :2}`));
    assert.match(refusal?.message ?? '', /a key has a backslash/);
  }
  assert.deepEqual(parseJson('{"at the same place":1,"\\u00e9t\\u00e9":2}'), { 'at the same place': 1, été: 2 });
  assert.deepEqual(parseJson('{"path":"C:\\\\:\\\\","x":["\\\\"]}'), { path: 'C:\\:\\', x: ['\\'] });
});
