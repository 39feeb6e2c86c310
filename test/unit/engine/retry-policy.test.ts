import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { retryDelayMs } from '../../../src/engine/retry-policy.ts';
import { retryPolicy } from '../../support/engine-definitions.ts';

const once = { own: 1, losses: 0 };

describe('retryDelayMs', () => {
  it('grows by the factor, up to the longest delay', () => {
    const policy = retryPolicy({ attempts: 10, delayMs: 1000, factor: 3, maxDelayMs: 20_000 });
    const delays = [1, 2, 3, 4, 5].map((own) => retryDelayMs(policy, { own, losses: 0 }, 'X', ''));
    assert.deepEqual(delays, [1000, 3000, 9000, 20_000, 20_000]);
  });

  it('ends with the attempts', () => {
    assert.equal(retryDelayMs(retryPolicy({ attempts: 1 }), once, 'X', ''), undefined);
    assert.equal(retryDelayMs(retryPolicy({ attempts: 2 }), { own: 2, losses: 0 }, 'X', ''), undefined);
  });

  it('does not count attempts that died with their worker, and limits those by themselves', () => {
    const policy = retryPolicy({ attempts: 1, workerLosses: 3 });
    assert.equal(retryDelayMs(policy, { own: 0, losses: 1 }, 'WORKER_LOST', ''), 0);
    assert.equal(retryDelayMs(policy, { own: 0, losses: 2 }, 'WORKER_LOST', ''), 1000);
    assert.equal(retryDelayMs(policy, { own: 0, losses: 3 }, 'WORKER_LOST', ''), undefined);
    assert.equal(
      retryDelayMs({ ...policy, notOn: ['WORKER_LOST'] }, { own: 0, losses: 1 }, 'WORKER_LOST', ''),
      undefined,
    );
  });

  for (const [jitter, low] of [
    ['full', 0],
    ['equal', 500],
  ] as const) {
    it(`spreads ${jitter} jitter from ${low} to the delay, the same for the same seed`, () => {
      const policy = retryPolicy({ attempts: 2, jitter });
      const delays = Array.from({ length: 2000 }, (_, run) => retryDelayMs(policy, once, 'X', `run-${run} 1`)!);
      assert.deepEqual(retryDelayMs(policy, once, 'X', 'run-7 1'), delays[7]);
      assert.ok(delays.every((delay) => delay >= low && delay <= 1000));
      const middle = (low + 1000) / 2;
      const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
      assert.ok(Math.abs(mean - middle) < 30, `mean ${mean}`);
      for (const part of [0, 1, 2, 3]) {
        const from = low + ((1000 - low) / 4) * part;
        const count = delays.filter((delay) => delay >= from && delay < from + (1000 - low) / 4).length;
        assert.ok(count > 400 && count < 600, `quarter ${part} has ${count}`);
      }
    });
  }
});
