/** Model directories of MLflow, loaded as a server loads them: features, warm-up, and what is refused then. */
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { probe } from '../../../src/models/probe.ts';
import { columns, mlmodel, tensor } from '../../support/mlmodel.ts';
import { modelWorkspace } from '../../support/model-workspace.ts';

const IRIS = new URL('../../../examples/quickstart/models/iris/1/model.onnx', import.meta.url).pathname;
const NAMES = ['sl', 'sw', 'pl', 'pw'];
const FRAME = { type: 'dataframe', pandas_orient: 'split' };

/** What became of a directory that has iris and these files beside it. */
async function load(files: Readonly<Record<string, string>>) {
  await using workspace = await modelWorkspace();
  await workspace.write('iris/1/MLmodel', '');
  await cp(IRIS, `${workspace.modelsFolder}/iris/1/model.onnx`);
  for (const [name, text] of Object.entries(files)) await workspace.write(`iris/${name}`, text);
  await using server = await workspace.open({ probe });
  await server.models.start();
  const { versions, resolved } = await server.models.showModel('iris');
  const { state, reason } = versions[0]!;
  return { state, reason, features: resolved[0]?.signature.inputs[0]?.features, notes: resolved[0]?.notes ?? [] };
}

const frame = (data: readonly unknown[], names = NAMES) => JSON.stringify({ columns: names, data });
const named = mlmodel({ inputs: columns('double', ...NAMES), example: FRAME });
const rows = [
  [5.0, 3.2, 1.2, 0.2],
  [6.7, 3.3, 5.7, 2.1],
];

describe('a model directory of MLflow', () => {
  it('has the columns of its signature as features', async () => {
    const { state, features, notes } = await load({ '1/MLmodel': named });
    assert.deepEqual([state, features], ['ready', NAMES]);
    assert.ok(notes.includes('input "X": 4 features by MLmodel'), notes.join());
    assert.ok(notes.includes('warmed up with rows made from the signature'));
    const options = 'inputs: { X: { features: [a, b, c, d] } }\n';
    assert.deepEqual((await load({ '1/MLmodel': named, 'model.yaml': options })).features, ['a', 'b', 'c', 'd']);
  });

  for (const [what, file, text, info] of [
    ['the request made of its example', 'serving_input_example.json', `{"dataframe_split": ${frame(rows)}}`, FRAME],
    ['a request with instances', 'serving_input_example.json', `{"instances": ${JSON.stringify(rows)}}`, FRAME],
    ['an example alone', 'input_example.json', frame(rows), FRAME],
    ['an example of an array', 'input_example.json', JSON.stringify(rows), { type: 'ndarray' }],
    ['an example by name', 'input_example.json', JSON.stringify({ X: rows }), { type: 'ndarray' }],
    ['an example with its key', 'input_example.json', JSON.stringify({ inputs: rows }), { type: 'ndarray' }],
  ] as const) {
    it(`is warmed up with ${what}`, async () => {
      const model = mlmodel({ inputs: columns('double', ...NAMES), example: info });
      const { state, notes } = await load({ '1/MLmodel': model, [`1/${file}`]: text });
      assert.equal(state, 'ready');
      assert.ok(notes.includes(`warmed up with the rows of ${file}`), notes.join());
    });
  }

  it('is warmed up with warmup.json where there is one', async () => {
    const row = Object.fromEntries(NAMES.map((name, i) => [name, i]));
    const files = { '1/MLmodel': named, '1/input_example.json': 'bad', 'warmup.json': JSON.stringify({ rows: [row] }) };
    const { state, notes } = await load(files);
    assert.equal(state, 'ready');
    assert.ok(notes.includes('warmed up with the rows of warmup.json'));
  });

  it('takes an example of many rows', async () => {
    const many = Array.from({ length: 100_000 }, (_, i) => [i, 1, 2, 3]);
    const files = { '1/MLmodel': named, '1/input_example.json': frame(many) };
    assert.equal((await load(files)).state, 'ready');
  });

  for (const [what, files, problem] of [
    [
      'columns that the artifact has not',
      { '1/MLmodel': mlmodel({ inputs: columns('double', 'a', 'b') }) },
      /MLmodel does not fit the artifact: it has 2 columns \("a", "b"\), and input "X" of the artifact is FP32 \[\*, 4\]/,
    ],
    [
      'a tensor of another width',
      { '1/MLmodel': mlmodel({ inputs: [tensor('float32', [-1, 5])] }) },
      /it has a tensor of the shape \[\*, 5\], and input "X"/,
    ],
    [
      'an example that lacks a column',
      { '1/MLmodel': named, '1/input_example.json': frame([[1, 2, 3]], NAMES.slice(1)) },
      /Cannot use the rows of "input_example.json": .*sl/,
    ],
    [
      'an example that is no JSON',
      { '1/MLmodel': named, '1/input_example.json': '{' },
      /Cannot use the rows of "input_example.json": it is not JSON/,
    ],
    [
      'an example for a language model',
      { '1/MLmodel': named, '1/serving_input_example.json': '{"messages": []}' },
      /Cannot use the rows of "serving_input_example.json": expected \{ "rows"/,
    ],
  ] as const) {
    it(`is refused with ${what}`, async () => {
      const { state, reason } = await load(files);
      assert.equal(state, 'failed');
      assert.match(reason, problem);
    });
  }

  it('is refused when the artifact fails on its example', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('fails-on-negative', 'fails');
    await workspace.write('fails/1/MLmodel', mlmodel({ inputs: [tensor('int64', [-1], 'x')] }));
    await workspace.write('fails/1/serving_input_example.json', '{"inputs": {"x": [1, -1]}}');
    await using server = await workspace.open({ probe });
    await server.models.start();
    const [version] = (await server.models.showModel('fails')).versions;
    assert.equal(version?.state, 'failed');
    assert.match(version.reason, /The model refuses its warm-up rows/);
  });
});
