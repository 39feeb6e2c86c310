/** Pieces of columns through real models: bad rows cost themselves, and every other row comes out right. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Column } from '../../../../src/core/columns.ts';
import { parseModelRef } from '../../../../src/core/model.ts';
import { createPredictPiece, type PieceSettings } from '../../../../src/jobs/predict/predict-piece.ts';
import { emptyOutputColumns, inputColumns } from '../../../../src/protocol/rows.ts';
import { batchWorkspace, column, type BatchWorkspace } from '../../../support/batch-models.ts';

let workspace: BatchWorkspace;
before(async () => {
  workspace = await batchWorkspace(
    'doubler',
    'fails-on-negative',
    'dynamic-inner',
    'fixed-vector',
    'wrong-rows-fewer',
    'alone-differs',
    'never-settles',
    'slow-by-input',
    'batch-coupled',
    'quickstart/iris',
  );
});
after(() => workspace[Symbol.asyncDispose]());

async function predict(ref: string, columns: readonly Column[], settings: Partial<PieceSettings> = {}) {
  await using model = await workspace.models.load(await workspace.models.pin(parseModelRef(ref)));
  const labels = settings.labels ?? false;
  const piece = createPredictPiece({
    model,
    bound: inputColumns(
      model.signature,
      columns.map(({ name }) => name),
    ),
    passthrough: [],
    labels,
    nullBadRows: false,
    timeoutMs: 60_000,
    predictRows: () => Promise.reject(new Error('nobody asks')),
    outputColumns: emptyOutputColumns(model.signature, labels),
    ...settings,
  });
  const rows = columns[0]!.values.length;
  const { output, badRows } = await piece({ rows, columns }, (i) => `row ${i}`);
  const values = Object.fromEntries(
    output.columns.map(({ name, values: own, nulls }) => [
      name,
      Array.from(own as ArrayLike<unknown>, (value, i) => (nulls?.[i] === 1 ? null : value)),
    ]),
  );
  return {
    rows: output.rows,
    values,
    badRows: badRows.map(({ position, stage, error }) => [position, stage, error.code]),
  };
}

describe('a piece of rows', () => {
  it('comes out in its order, after the columns that are carried through', async () => {
    const ids = column('id', 'TEXT', ['a', 'b', 'c']);
    const { values, rows } = await predict('doubler', [ids, column('x', 'FP64', [1, 2, 3])], { passthrough: ['id'] });
    assert.equal(rows, 3);
    assert.deepEqual(values, { id: ['a', 'b', 'c'], y: [2, 4, 6] });
    assert.deepEqual(Object.keys(values), ['id', 'y']);
  });

  it('may be much longer than a batch', async () => {
    const x = Float64Array.from({ length: 20_000 }, (_, i) => i);
    const { values } = await predict('doubler', [column('x', 'FP64', Array.from(x))]);
    assert.deepEqual(
      values['y'],
      Array.from(x, (value) => value * 2),
    );
  });

  it('has class names with labels', async () => {
    const names = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'];
    const columns = names.map((name, i) => column(name, 'FP64', [[5.1, 3.5, 1.4, 0.2][i], [6.3, 2.9, 5.6, 1.8][i]]));
    const { values } = await predict('iris', columns, { labels: true });
    assert.deepEqual(Object.keys(values), [
      'label',
      'probabilities.setosa',
      'probabilities.versicolor',
      'probabilities.virginica',
    ]);
    assert.deepEqual(values['label'], ['setosa', 'virginica']);
  });
});

describe('bad rows', () => {
  it('that do not fit are left out, with what is wrong with each', async () => {
    const x = column('x', 'FP64', [1, null, 3, NaN, 1e300, 6]);
    const { values, badRows } = await predict('doubler', [column('id', 'TEXT', [...'abcdef']), x], {
      passthrough: ['id'],
    });
    assert.deepEqual(values, { id: ['a', 'c', 'f'], y: [2, 6, 12] });
    assert.deepEqual(
      badRows,
      [1, 3, 4].map((i) => [i, 'schema', 'INVALID_INPUT']),
    );
  });

  it('that the model fails for are found among thousands', async () => {
    const bad = new Set([0, 777, 778, 4999]);
    const x = Array.from({ length: 5000 }, (_, i) => (bad.has(i) ? -1n : BigInt(i)));
    const { values, rows, badRows } = await predict('fails-on-negative', [column('x', 'INT64', x)]);
    assert.equal(rows, 4996);
    assert.deepEqual(
      badRows,
      [...bad].map((i) => [i, 'predict', 'MODEL_FAILED']),
    );
    const good = x.filter((value) => value >= 0n);
    assert.deepEqual(
      values['y'],
      good.map((value) => 10 * (Number(value % 4n) + 1)),
    );
  });

  it('have null outputs when that is asked for', async () => {
    const x = column('x', 'INT64', [1n, -1n, 3n]);
    const settings = { passthrough: ['x'], nullBadRows: true };
    const { values, badRows } = await predict('fails-on-negative', [x], settings);
    assert.deepEqual(values, { x: [1n, -1n, 3n], y: [20, null, 40] });
    assert.equal(badRows.length, 1);
  });

  it('may be all of them', async () => {
    const { rows, values } = await predict('doubler', [column('x', 'FP64', [null, null])]);
    assert.deepEqual([rows, values], [0, { y: [] }]);
    const nulled = await predict('doubler', [column('x', 'FP64', [null, null])], { nullBadRows: true });
    assert.deepEqual(nulled.values, { y: [null, null] });
  });
});

describe('models with ways of their own', () => {
  it('rows of different lengths run apart and come out in their order', async () => {
    const x = column('x', 'LIST', [[1, 2], [3], [4, 5], 'no list', [6]]);
    const { values, badRows } = await predict('dynamic-inner', [x]);
    assert.deepEqual(badRows, [[3, 'schema', 'INVALID_INPUT']]);
    assert.equal(values['y']!.length, 4);
    assert.deepEqual(
      values['y']!.map((list) => (list as number[]).length),
      [2, 1, 2, 1],
    );
  });

  it('a model without rows takes one row a call', async () => {
    const { values } = await predict('fixed-vector', [
      column('x', 'LIST', [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ]),
    ]);
    assert.equal(values['y']!.length, 2);
  });

  it('rows that influence each other, or never settle, run alone', async () => {
    for (const name of ['never-settles', 'batch-coupled']) {
      await using model = await workspace.models.load(await workspace.models.pin({ name }));
      assert.equal(model.batchRows, 1, name);
    }
  });

  it('a wrong number of rows fails the step, not the rows', async () => {
    // Alone each row gets an answer, or none; which is the fault of the model.
    await assert.rejects(predict('wrong-rows-fewer', [column('x', 'FP64', [1, 2])]), { code: 'MODEL_FAILED' });
  });

  it('a batch that does not end fails after its time', async () => {
    const columns = [column('x', 'FP64', [1]), column('iterations', 'INT64', [1000n])];
    await assert.rejects(predict('slow-by-input', columns, { timeoutMs: 200 }), { code: 'DEADLINE_EXCEEDED' });
  });
});
