import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fromHalf, toHalf } from '../../../src/protocol/half.ts';
import { fuzz } from '../../support/fuzz.ts';

it('reads half-precision numbers as IEEE 754 says', () => {
  const known: [half: number, number][] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333_251_953_125],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65_504],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
    [0x7e00, NaN],
  ];
  for (const [half, number] of known) assert.ok(Object.is(fromHalf(half), number), `0x${half.toString(16)}`);
});

it('gives back the bits of every number it has read', () => {
  for (let half = 0; half < 0x1_0000; half += 1) {
    const number = fromHalf(half);
    if (!Number.isNaN(number)) assert.equal(toHalf(number), half);
  }
  assert.ok(Number.isNaN(fromHalf(toHalf(NaN))));
});

it('rounds to the nearest, ties to even', () => {
  assert.equal(toHalf(65_519.99), 0x7bff);
  assert.equal(toHalf(65_520), 0x7c00);
  assert.equal(toHalf(1 + 2 ** -11), 0x3c00);
  assert.equal(toHalf(1 + 3 * 2 ** -11), 0x3c02);
  assert.equal(toHalf(2 ** -25), 0x0000);
  assert.equal(toHalf(2 ** -25 * 1.000_001), 0x0001);
  assert.equal(toHalf(0.999_999_999_999), 0x3c00);
  fuzz((random) => {
    const value = (random.bits() / 2 ** 32 - 0.5) * 2 ** (random.below(45) - 28);
    const half = toHalf(value) & 0x7fff;
    const error = Math.abs(fromHalf(half) - Math.abs(value));
    for (const other of [half - 1, half + 1]) {
      if (other >= 0 && other < 0x7c00) assert.ok(error <= Math.abs(fromHalf(other) - Math.abs(value)), String(value));
    }
  });
});
