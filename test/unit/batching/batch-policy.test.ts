import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { nextBatch, type WaitingRequest } from '../../../src/batching/batch-policy.ts';

const limits = { maxRows: 4, latencyBudgetMs: 10 };
const now = 100;
/** A model that needs 1 ms and 1 ms more for each row. */
const linear = (rows: number) => 1 + rows;

for (const { when, rows, deadlines = [], budget = 10, then } of [
  { when: 'one request waits', rows: [1], then: { take: 1, rows: 1, reason: 'idle' } },
  { when: 'all that wait fit', rows: [1, 2], then: { take: 2, rows: 3, reason: 'idle' } },
  { when: 'the rows fill a batch exactly', rows: [1, 3], then: { take: 2, rows: 4, reason: 'full' } },
  { when: 'the next request does not fit', rows: [3, 2], then: { take: 1, rows: 3, reason: 'full' } },
  { when: 'a request alone is larger than a batch', rows: [9, 1], then: { take: 1, rows: 9, reason: 'full' } },
  {
    when: 'one more row would exceed the latency budget',
    rows: [1, 1, 1],
    budget: 3,
    then: { take: 2, rows: 2, reason: 'full' },
  },
  {
    when: 'even one request exceeds the latency budget',
    rows: [1, 1],
    budget: 0,
    then: { take: 1, rows: 1, reason: 'full' },
  },
  {
    when: 'company would make the oldest late',
    rows: [1, 1],
    deadlines: [102.5],
    then: { take: 1, rows: 1, reason: 'deadline' },
  },
  {
    when: 'company is late in any batch, and makes nobody else late',
    rows: [2, 1],
    deadlines: [Infinity, 103],
    then: { take: 2, rows: 3, reason: 'idle' },
  },
  {
    when: 'the oldest cannot be helped, but the second can',
    rows: [1, 1, 1],
    deadlines: [101, 103.5],
    then: { take: 2, rows: 2, reason: 'deadline' },
  },
  {
    when: 'the oldest is late in any case',
    rows: [1, 1],
    deadlines: [101],
    then: { take: 2, rows: 2, reason: 'idle' },
  },
]) {
  test(`nextBatch() gives ${JSON.stringify(then)} when ${when}`, () => {
    const waiting = rows.map((n, i) => ({ rows: n, deadline: deadlines[i] ?? Infinity }));
    assert.deepEqual(nextBatch(waiting, now, { ...limits, latencyBudgetMs: budget }, linear), then);
  });
}

describe('nextBatch(), for any queue', () => {
  const request = fc.record({
    rows: fc.integer({ min: 1, max: 20 }),
    deadline: fc.oneof(fc.constant(Infinity), fc.integer({ min: 101, max: 200 })),
  });
  const queue = fc.array(request, { minLength: 1, maxLength: 40 });
  const anyLimits = fc.record({
    maxRows: fc.integer({ min: 1, max: 64 }),
    latencyBudgetMs: fc.integer({ min: 0, max: 100 }),
  });

  const check = (property: (waiting: WaitingRequest[], l: typeof limits) => void) =>
    fc.assert(fc.property(queue, anyLimits, property), { numRuns: 2000, seed: 1 });

  it('takes at least one request, and counts the rows of those that it takes', () => {
    check((waiting, l) => {
      const { take, rows } = nextBatch(waiting, now, l, linear);
      assert.ok(take >= 1 && take <= waiting.length);
      assert.equal(
        rows,
        waiting.slice(0, take).reduce((sum, w) => sum + w.rows, 0),
      );
    });
  });

  it('exceeds neither cap with more than one request', () => {
    check((waiting, l) => {
      const { take, rows } = nextBatch(waiting, now, l, linear);
      if (take > 1) assert.ok(rows <= l.maxRows && linear(rows) <= l.latencyBudgetMs);
    });
  });

  it('never makes a request late that was in time when it joined', () => {
    check((waiting, l) => {
      const { take, rows } = nextBatch(waiting, now, l, linear);
      let before = 0;
      for (const { rows: own, deadline } of waiting.slice(0, take)) {
        before += own;
        if (now + linear(before) <= deadline) assert.ok(now + linear(rows) <= deadline);
      }
    });
  });

  it('leaves nobody behind without a reason', () => {
    check((waiting, l) => {
      const { take, reason } = nextBatch(waiting, now, l, linear);
      if (take < waiting.length) assert.notEqual(reason, 'idle');
    });
  });
});
