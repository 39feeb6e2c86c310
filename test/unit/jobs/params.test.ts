import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { paramsOptions, resolveParams } from '../../../src/jobs/params.ts';

const SCHEMAS = paramsOptions.parse({
  day: { type: 'string', format: 'date' },
  limit: { type: 'integer', minimum: 1, default: 100 },
  mode: { enum: ['fast', 'full'], default: 'fast' },
  tags: { type: 'array', items: { type: 'string' }, default: [] },
});

describe('resolveParams()', () => {
  it('lays what was given over the defaults', () => {
    const given = { day: '2026-11-01', mode: 'full' };
    assert.deepEqual(resolveParams(SCHEMAS, given), { day: '2026-11-01', limit: 100, mode: 'full', tags: [] });
  });

  for (const [what, given, problem] of [
    ['one that is missing', {}, /"day" is missing/],
    ['one that nobody knows', { day: '2026-11-01', dya: 1 }, /there is no "dya", expected day, limit, mode, tags/],
    ['a wrong type', { day: '2026-11-01', limit: '5' }, /"limit": /],
    ['one out of range', { day: '2026-11-01', limit: 0 }, /"limit": /],
    ['a text of the wrong form', { day: 'yesterday' }, /"day": /],
    ['every problem at once', { mode: 'slow', tags: [1] }, /"day" is missing.*"mode": .*"tags": /s],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => resolveParams(SCHEMAS, given), { code: 'INVALID_REQUEST', message: problem });
    });
  }

  it('refuses a schema that is none', () => {
    assert.match(paramsOptions.safeParse({ a: { type: 'day' } }).error!.message, /expected a JSON Schema/);
  });
});
