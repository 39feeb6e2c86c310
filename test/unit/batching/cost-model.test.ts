import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CostModel } from '../../../src/batching/cost-model.ts';

describe('CostModel', () => {
  it('expects nothing of a model it has never seen', () => {
    assert.equal(new CostModel([]).estimate(8), 0);
  });

  it('answers a measured size with what was measured', () => {
    const costs = new CostModel([
      { rows: 1, runMs: 2 },
      { rows: 8, runMs: 5 },
    ]);
    assert.deepEqual([costs.estimate(1), costs.estimate(8)], [2, 5]);
  });

  it('answers a size between two powers of two with the larger one', () => {
    assert.equal(new CostModel([{ rows: 8, runMs: 5 }]).estimate(5), 5);
  });

  it('scales the nearest smaller size up, as batching is never worse than that', () => {
    assert.equal(new CostModel([{ rows: 1, runMs: 2 }]).estimate(16), 32);
  });

  it('follows what is observed', () => {
    const costs = new CostModel([{ rows: 1, runMs: 10 }]);
    for (let i = 0; i < 30; i += 1) costs.observe(1, 1);
    assert.ok(costs.estimate(1) < 1.1);
  });

  it('lets the smaller sizes of which it is made correct a size that a bad moment made dear', () => {
    const costs = new CostModel([]);
    for (const rows of [1, 8, 64]) costs.observe(rows, 500);
    for (let i = 0; i < 60; i += 1) costs.observe(1, 1);
    assert.ok(costs.estimate(8) < 8.1);
    for (let i = 0; i < 60; i += 1) costs.observe(8, 2);
    assert.ok(costs.estimate(64) < 16.1);
  });

  it('expects no more of a size than of a larger one', () => {
    const costs = new CostModel([
      { rows: 1, runMs: 80 },
      { rows: 32, runMs: 10 },
    ]);
    assert.deepEqual([costs.estimate(1), costs.estimate(2), costs.estimate(32)], [10, 10, 10]);
  });

  it('has room for the largest cap', () => {
    const costs = new CostModel([{ rows: 65_536, runMs: 7 }]);
    assert.equal(costs.estimate(1_000_000), 7);
  });
});
