/** Handlers behind a batcher, as requests reach them; and the handlers that are examples and fixtures. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Batcher } from '../../../../src/batching/batcher.ts';
import { batchingOptions } from '../../../../src/batching/options.ts';
import { SharedQueue } from '../../../../src/batching/shared-queue.ts';
import { decodeEnvelope } from '../../../../src/core/handler-envelope.ts';
import type { ModelArtifact } from '../../../../src/core/model.ts';
import { checkInputs } from '../../../../src/core/signature.ts';
import type { BytesElement } from '../../../../src/core/tensor.ts';
import { createHandlerRuntime } from '../../../../src/runtime/handler/handler-runtime.ts';
import { openHandlerRunner } from '../../../../src/runtime/handler/open-handler-runner.ts';
import { runtimeOptions } from '../../../../src/runtime/options.ts';
import type { PredictRows } from '../../../../src/runtime/runtime.ts';
import { floats, onX, openHandler, texts, type OpenHandler } from './open-handler.ts';

function batch({ model, runner }: OpenHandler, requests: readonly (readonly number[])[]) {
  const batcher = new Batcher((parts, call) => runner.run(parts, call), {
    model: { name: 'subject', version: 1 },
    options: batchingOptions.parse({}),
    batched: true,
    batchable: true,
    minRows: 1,
    counters: SharedQueue.createCounters(),
    costs: [],
    concurrency: () => runner.concurrency,
  });
  const submit = async (x: readonly number[]) => {
    const inputs = checkInputs(model.signature, [{ name: 'x', ...floats(x) }]);
    const [output] = await batcher.submit(inputs, {});
    return Array.from(output!.data as Float32Array);
  };
  return Promise.allSettled(requests.map(submit));
}

const outcome = (result: PromiseSettledResult<number[]>) =>
  result.status === 'fulfilled' ? result.value : (result.reason as { code: string }).code;

describe('requests that share a call', () => {
  it('each get their own rows', async () => {
    await using handler = await openHandler(
      onX('predict: (rows) => rows.map(({ x }) => ({ y: x * 1000 + rows.length }))'),
    );
    const results = await batch(handler, [[1], [2, 3], [4]]);
    assert.deepEqual(results.map(outcome), [[1004], [2004, 3004], [4004]]);
  });

  for (const { name, fails, code } of [
    { name: 'an error', fails: `throw new Error('negative')`, code: 'HANDLER_FAILED' },
    { name: 'a refusal', fails: `throw new ServeryError('INVALID_INPUT', 'x is negative')`, code: 'INVALID_INPUT' },
    { name: 'a wrong result', fails: `return rows.map(() => ({ y: 'negative' }))`, code: 'HANDLER_FAILED' },
  ]) {
    it(`are not failed by ${name} over another one's row`, async () => {
      const source = onX(
        `predict(rows) { if (rows.some(({ x }) => x < 0)) { ${fails}; } return rows.map(({ x }) => ({ y: x })); }`,
      );
      await using handler = await openHandler(source);
      const results = await batch(handler, [[1], [2], [-3], [4], [5]]);
      assert.deepEqual(results.map(outcome), [[1], [2], code, [4], [5]]);
    });
  }

  it('all fail, once, by the name of the model, when it gives a wrong number of rows', async () => {
    const source = onX(
      'predict(rows, { log }) { log.info(`rows: ${rows.length}`); return rows.slice(1).map(({ x }) => ({ y: x })); }',
    );
    await using handler = await openHandler(source);
    const results = await batch(handler, [[1], [2], [3]]);
    for (const { reason } of results as PromiseRejectedResult[]) {
      assert.equal((reason as Error).message, 'Model subject/1 gave 2 rows for 3');
    }
    assert.deepEqual(
      handler.notices.map(({ message }) => message),
      ['rows: 3'],
    );
  });
});

async function open(artifact: Pick<ModelArtifact, 'name' | 'folder'>) {
  await using opened = new AsyncDisposableStack();
  const runtime = opened.use(createHandlerRuntime());
  const model = opened.use(
    await runtime.load({ ...artifact, version: 1, format: 'handler', file: 'handler.ts' }, runtimeOptions.parse({})),
  );
  const runner = opened.use(await openHandlerRunner(model.connect().message));
  const resources = opened.move();
  return { model, runner, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

const root = new URL('../../../../', import.meta.url).pathname;

describe('the example churn-rules', () => {
  it('gives risk and label of a customer', async () => {
    await using rules = await open({ name: 'churn-rules', folder: `${root}examples/quickstart/models/churn-rules/1` });
    const customers = checkInputs(rules.model.signature, [
      { name: 'contract', ...texts(['monthly', 'two-year', 'monthly']) },
      { name: 'tenure_months', datatype: 'INT32', shape: [3], data: Int32Array.of(3, 60, 24) },
      { name: 'monthly_charges', ...floats([95, 40, 50]) },
      { name: 'support_calls', datatype: 'INT32', shape: [3], data: Int32Array.of(2, 0, 1) },
    ]);
    const { outputs } = await rules.runner.run([customers.tensors], { rows: 3 });
    assert.deepEqual(outputs, [floats([0.8, 0.1, 0.45]), texts(['high', 'low', 'medium'])]);
  });
});

describe('the fixtures', () => {
  it('ensemble puts another model between its own steps', async () => {
    await using ensemble = await open({ name: 'ensemble', folder: `${root}test/fixtures/handlers/ensemble/1` });
    const asked: unknown[] = [];
    const predictRows: PredictRows = (model, rows) => {
      asked.push(model, ...rows);
      return Promise.resolve(rows.map(() => ({ label: 2 })));
    };
    const parts = [[floats([2]), floats([1]), floats([2]), floats([0.5])]];
    const { outputs } = await ensemble.runner.run(parts, { rows: 1, predictRows });
    assert.deepEqual(outputs, [texts(['virginica'])]);
    assert.deepEqual(asked, ['iris', { sepal_length: 5.08, sepal_width: 2.54, petal_length: 5.08, petal_width: 1.27 }]);
  });

  it('score answers a route', async () => {
    await using score = await open({ name: 'score', folder: `${root}test/fixtures/handlers/score/1` });
    assert.equal(score.model.facts.route?.path, '/score');
    const { outputs } = await score.runner.run([[texts(['{"amount":250,"country":"DE"}'])]], { rows: 1 });
    const [answer] = outputs[0]!.data as readonly BytesElement[];
    assert.deepEqual(decodeEnvelope(answer!), { ok: '{"score":0.25,"fee":5}' });
  });
});
