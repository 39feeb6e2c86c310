import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchRun, handlerRestarted, predictionDone, rejection, type BatchRun } from '../../../src/core/events.ts';
import type { ModelVersion } from '../../../src/core/model.ts';
import { createCollector, mergeStates, type CollectorState } from '../../../src/telemetry/collector.ts';
import { toStatistics } from '../../../src/telemetry/statistics.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const iris: ModelVersion = { name: 'iris', version: 3 };

function run(model: ModelVersion, fields: Partial<BatchRun> = {}): void {
  const usual = {
    requests: 2,
    rows: 3,
    paddedRows: 1,
    reason: 'idle',
    queuedMs: 4,
    runMs: 5,
    computeMs: 3,
    explains: false,
    failed: false,
  } as const;
  batchRun.publish({ model, ...usual, ...fields });
}

function answer(model: ModelVersion | undefined, code: 'OK' | 'QUEUE_FULL' | 'MODEL_NOT_FOUND' = 'OK'): void {
  predictionDone.publish({ model, door: 'http', rows: 1, totalMs: 2, code });
}

function statisticsOf(state: CollectorState, model = iris) {
  const [statistics] = toStatistics(state, [model]);
  return statistics!;
}

test('runs, answers and refusals become the statistics of their version', () => {
  const clock = new ManualClock();
  using collector = createCollector({ clock });
  run(iris);
  run(iris, { requests: 1, rows: 64, paddedRows: 0, reason: 'full', queuedMs: 10, runMs: 8, computeMs: 8 });
  run(iris, { requests: 1, rows: 2, paddedRows: 0, failed: true, queuedMs: 0, runMs: 1, computeMs: 1 });
  answer(iris);
  answer(iris);
  answer(iris, 'QUEUE_FULL');
  rejection.publish({ model: iris, code: 'QUEUE_FULL' });

  assert.deepEqual(statisticsOf(collector.state()), {
    model: iris,
    lastInferenceMs: clock.now(),
    rows: 67,
    runs: 3,
    success: { count: 2, ms: 4 },
    fail: { count: 1, ms: 2 },
    queue: { count: 4, ms: 14 },
    computeInput: { count: 4, ms: 4 },
    computeInfer: { count: 4, ms: 15 },
    computeOutput: { count: 4, ms: 0 },
    batches: [
      { rows: 2, count: 1, runMs: 1 },
      { rows: 4, count: 1, runMs: 5 },
      { rows: 64, count: 1, runMs: 8 },
    ],
    dispatch: { idle: 2, full: 1, deadline: 0 },
    rejected: { QUEUE_FULL: 1 },
  });
});

test('a version without an event has zeros', () => {
  using collector = createCollector();
  const { rows, runs, lastInferenceMs, batches } = statisticsOf(collector.state());
  assert.deepEqual({ rows, runs, lastInferenceMs, batches }, { rows: 0, runs: 0, lastInferenceMs: 0, batches: [] });
});

test('the states of two front ends add up, also after the way through a message', () => {
  using first = createCollector();
  run(iris);
  const early = structuredClone(first.state());
  run(iris, { rows: 64 });
  answer(iris);
  const sum = statisticsOf(mergeStates([early, structuredClone(first.state())]));
  assert.equal(sum.runs, 3);
  assert.equal(sum.success.count, 1);
  assert.deepEqual(
    sum.batches.map(({ rows, count }) => [rows, count]),
    [
      [4, 2],
      [65, 1],
    ],
  );
});

test('a state does not change after it was taken', () => {
  using collector = createCollector();
  run(iris);
  const state = collector.state();
  run(iris);
  assert.equal(statisticsOf(state).runs, 1);
});

test('the counters of a version that is released go, and its last words do not bring them back', () => {
  using collector = createCollector();
  const churn: ModelVersion = { name: 'churn', version: 1 };
  run(iris);
  run(churn);
  answer(undefined, 'MODEL_NOT_FOUND');
  collector.retain([churn]);
  answer(iris);
  handlerRestarted.publish({ model: iris, cause: 'memory' });
  const names = collector.state().versions.map(({ name }) => name);
  assert.deepEqual(names, ['', 'churn']);
});

test('a version that is loaded anew begins at zero', () => {
  using collector = createCollector();
  run(iris);
  collector.retain([]);
  const again = { ...iris };
  run(again);
  assert.equal(statisticsOf(collector.state()).runs, 1);
});

test('two objects that mean the same version share its counters', () => {
  using collector = createCollector();
  run(iris);
  run({ ...iris });
  assert.equal(statisticsOf(collector.state()).runs, 2);
});

test('sizes of runs stay few, however many there are', () => {
  using collector = createCollector();
  for (let rows = 1; rows <= 65_536; rows += 1) run(iris, { rows, paddedRows: 0 });
  const { batches } = statisticsOf(collector.state());
  assert.equal(batches.length, 1024 + 6);
  assert.equal(
    batches.reduce((sum, { count }) => sum + count, 0),
    65_536,
  );
});

test('nothing is counted after it was disposed', () => {
  const collector = createCollector();
  collector[Symbol.dispose]();
  run(iris);
  assert.deepEqual(collector.state().versions, []);
});
