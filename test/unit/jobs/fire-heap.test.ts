import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FireHeap } from '../../../src/jobs/fire-heap.ts';

test('takes what is due, the earliest first, and nothing else', () => {
  const heap = new FireHeap();
  heap.set('late', 30);
  heap.set('early', 10);
  heap.set('middle', 20);
  assert.equal(heap.nextMs, 10);
  assert.deepEqual(heap.takeDue(20, 1), ['early']);
  assert.deepEqual(heap.takeDue(20, 100), ['middle']);
  assert.equal(heap.nextMs, 30);
  assert.deepEqual(heap.takeDue(29, 100), []);
});

test('only the last instant of a job counts', () => {
  const heap = new FireHeap();
  heap.set('a', 10);
  heap.set('a', 50);
  heap.set('b', 20);
  heap.set('b', undefined);
  assert.equal(heap.nextMs, 50);
  assert.deepEqual(heap.takeDue(40, 100), []);
  heap.set('a', 5);
  assert.deepEqual(heap.takeDue(100, 100), ['a']);
  assert.equal(heap.nextMs, undefined);
});

test('does what a sorted list would do', () => {
  const instants = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.option(fc.integer({ min: 0, max: 50 }))));
  fc.assert(
    fc.property(instants, fc.integer({ min: 0, max: 60 }), (changes, nowMs) => {
      const heap = new FireHeap();
      const model = new Map<string, number>();
      for (const [job, atMs] of changes) {
        heap.set(`job${job}`, atMs ?? undefined);
        if (atMs === null) model.delete(`job${job}`);
        else model.set(`job${job}`, atMs);
      }
      const due = heap.takeDue(nowMs, 100);
      const expected = Array.from(model).filter(([, atMs]) => atMs <= nowMs);
      assert.deepEqual(due.toSorted(), expected.map(([job]) => job).toSorted());
      assert.deepEqual(
        due.map((job) => model.get(job)),
        expected.map(([, atMs]) => atMs).sort((a, b) => a - b),
      );
    }),
  );
});
