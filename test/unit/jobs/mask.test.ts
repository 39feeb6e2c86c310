import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createMask, maskText } from '../../../src/jobs/command/mask.ts';

describe('mask', () => {
  it('hides a secret that is split over chunks', () => {
    const mask = createMask(['hunter2']);
    const shown = ['pass=hun', 'te', 'r2 and hunt', 'ing'].map((piece) => mask.push(Buffer.from(piece)).toString());
    assert.deepEqual([...shown, mask.end().toString()], ['pass=', '', '*** and ', 'hunting', '']);
  });

  it('holds nothing back that cannot become a secret', () => {
    const mask = createMask(['hunter2']);
    assert.equal(mask.push(Buffer.from('50 %, please')).toString(), '50 %, please');
  });

  it('hides the longer of two secrets that begin alike', () => {
    assert.equal(maskText('key-and-more key', ['key', 'key-and-more']), '*** ***');
  });

  it('hides every secret however the output is cut', () => {
    const secrets = ['aab', 'abab', 'ü€'];
    const text = fc
      .array(fc.constantFrom('a', 'b', 'ü', '€', 'x', 'aab'), { maxLength: 40 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 60 }), { maxLength: 6 }), (whole, cuts) => {
        const bytes = Buffer.from(whole);
        const borders = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const mask = createMask(secrets);
        const shown = borders.slice(1).map((end, i) => mask.push(bytes.subarray(borders[i], end)));
        const masked = Buffer.concat([...shown, mask.end()]).toString();
        for (const secret of secrets) assert.ok(!masked.includes(secret), `${masked} has ${secret}`);
      }),
    );
  });
});
