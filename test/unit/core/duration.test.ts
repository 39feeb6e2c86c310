import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { duration, formatDuration, parseDuration } from '../../../src/core/duration.ts';

const CASES: readonly (readonly [string, number | undefined])[] = [
  ['250ms', 250],
  ['0s', 0],
  ['30s', 30_000],
  ['10m', 600_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['30', undefined],
  ['1.5h', undefined],
  ['-1s', undefined],
  ['1 h', undefined],
  ['1H', undefined],
  ['1w', undefined],
  ['', undefined],
  ['9999999999s', undefined],
];

for (const [text, expected] of CASES) {
  test(`"${text}" is ${expected === undefined ? 'no duration' : `${expected} ms`}`, () => {
    assert.equal(parseDuration(text), expected);
  });
}

test('a duration is printed in the largest unit that is exact', () => {
  for (const text of ['250ms', '90s', '2m', '25h', '1d']) assert.equal(formatDuration(parseDuration(text)!), text);
  assert.equal(formatDuration(120_000), '2m');
});

test('an option is a text in the configuration and milliseconds in the code', () => {
  const options = z.strictObject({ timeout: duration.prefault('10s') });
  assert.deepEqual(options.parse({}), { timeout: 10_000 });
  assert.deepEqual(options.parse({ timeout: '2m' }), { timeout: 120_000 });
  assert.match(options.safeParse({ timeout: '10' }).error?.message ?? '', /expected a duration such as/);
  assert.ok(!options.safeParse({ timeout: 10 }).success);
});
