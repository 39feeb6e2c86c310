import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteBudget } from '../../../src/listening/byte-budget.ts';

describe('ByteBudget', () => {
  it('is shared by all that count with one counter, and gives back what is not held any more', () => {
    const counter = ByteBudget.createCounter();
    const [a, b] = [new ByteBudget(counter, 10_240, 'x.max'), new ByteBudget(counter, 10_240, 'x.max')];
    a.change(0, 8192);
    assert.throws(() => b.change(0, 4096), {
      code: 'QUEUE_FULL',
      retryAfterMs: 1000,
      message: /8192 of 10240 bytes \(x\.max\)/,
    });
    assert.equal(b.heldBytes, 8192);
    a.change(8192, 0);
    b.change(0, 10_240);
    assert.equal(a.heldBytes, 10_240);
  });

  it('counts what grows bit by bit once, in whole units', () => {
    const budget = new ByteBudget(ByteBudget.createCounter(), 4096, 'x.max');
    for (let bytes = 0; bytes < 4096; bytes += 1) budget.change(bytes, bytes + 1);
    assert.equal(budget.heldBytes, 4096);
    assert.throws(() => budget.change(4096, 4097), { code: 'QUEUE_FULL' });
    budget.change(4096, 1);
    assert.equal(budget.heldBytes, 1024);
    budget.change(1, 0);
    assert.equal(budget.heldBytes, 0);
  });

  it('holds more bytes than a counter of 32 bits has numbers', () => {
    const budget = new ByteBudget(ByteBudget.createCounter(), 2 ** 34, 'x.max');
    budget.change(0, 2 ** 33);
    assert.equal(budget.heldBytes, 2 ** 33);
  });
});
