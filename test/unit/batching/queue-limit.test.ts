import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { batchingOptions, type BatchingOptions } from '../../../src/batching/options.ts';
import { QueueLimit } from '../../../src/batching/queue-limit.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function setup(msPerRow: number, options: Partial<BatchingOptions> = {}, concurrency = 1) {
  const clock = new ManualClock();
  const all = batchingOptions.parse(options);
  return {
    clock,
    limit: new QueueLimit(
      all,
      (rows) => rows * msPerRow,
      () => concurrency,
      clock,
    ),
  };
}

describe('QueueLimit', () => {
  it('lets a burst fill the whole bound', () => {
    assert.equal(setup(1).limit.rows, 1024);
  });

  it('is what the latency budget has room for once something was refused', () => {
    const { limit } = setup(0.25);
    limit.refused();
    assert.equal(limit.rows, 192); // three batches of 64 rows, 16 ms each
  });

  it('keeps a batch for a model that is slower than the budget', () => {
    const { limit } = setup(40);
    limit.refused();
    assert.equal(limit.rows, 1);
  });

  it('counts the runs that may be under way at once', () => {
    const { limit } = setup(0.25, {}, 2);
    limit.refused();
    assert.equal(limit.rows, 384);
  });

  it('never exceeds the bound, nor guesses where nothing is known of the model', () => {
    for (const { limit } of [setup(0.001, { maxQueuedRows: 100 }), setup(0, { maxQueuedRows: 100 })]) {
      limit.refused();
      assert.equal(limit.rows, 100);
    }
  });

  it('is the bound again after a second without refusals', () => {
    const { clock, limit } = setup(0.25);
    limit.refused();
    clock.advance(900);
    limit.refused();
    clock.advance(900);
    assert.equal(limit.rows, 192);
    clock.advance(101);
    assert.equal(limit.rows, 1024);
  });
});
