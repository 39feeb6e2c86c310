/** The models that ship with the quickstart, loaded as a server loads them. */
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { it } from 'node:test';
import { describeModel } from '../../../src/models/describe.ts';
import { probe } from '../../../src/models/probe.ts';
import { modelWorkspace, predict } from '../../support/model-workspace.ts';

const IRIS = new URL('../../../examples/quickstart/models/iris', import.meta.url).pathname;

it('iris is warmed up with its own rows, labelled, probed, and answers', async () => {
  await using workspace = await modelWorkspace();
  await cp(IRIS, `${workspace.modelsFolder}/iris`, { recursive: true });
  await using server = await workspace.open({ probe });
  await server.models.start();
  const details = await server.models.showModel('iris');
  const text = describeModel(details);
  assert.match(text, /version 1: ready, default/);
  assert.match(text, /input {2}X FP32 \[\*, 4\]; features sepal_length, /);
  assert.match(text, /labels setosa, versicolor, virginica/);
  assert.match(text, /warmed up with the rows of warmup.json/);
  assert.ok(details.resolved[0]!.costs.length > 0);
  const { exampleRows } = server.fronts[0]!.describe({ name: 'iris' });
  assert.equal(exampleRows[0]?.['sepal_length'], 5);
  const X = { name: 'X', datatype: 'FP32', shape: [1, 4], data: Float32Array.of(5, 3.2, 1.2, 0.2) } as const;
  for (const front of server.fronts) {
    const [label] = await predict(front, 'iris', [X]);
    assert.deepEqual([...(label!.data as BigInt64Array)], [0n]);
  }
});

for (const [text, problem] of [
  ['{ "rows": [] }', /expected \{ "rows": \[ … \] \} with at least one row/],
  ['{ "rows": [ { "sepal_length": 1 } ] }', /Cannot use the rows of "warmup.json": .*sepal_width/],
  ['not JSON', /Cannot use the rows of "warmup.json": it is not JSON/],
] as const) {
  it(`a version whose warmup.json says ${text} does not load`, async () => {
    await using workspace = await modelWorkspace();
    await cp(IRIS, `${workspace.modelsFolder}/iris`, { recursive: true });
    await workspace.write('iris/warmup.json', text);
    await using server = await workspace.open();
    await server.models.start();
    const [version] = (await server.models.showModel('iris')).versions;
    assert.equal(version?.state, 'failed');
    assert.match(version.reason, problem);
  });
}

it('a version is warmed up with a request of the Open Inference Protocol as well', async () => {
  await using workspace = await modelWorkspace();
  await cp(IRIS, `${workspace.modelsFolder}/iris`, { recursive: true });
  const input = { name: 'X', datatype: 'FP32', shape: [1, 4], data: [5, 3.2, 1.2, 0.2] };
  await workspace.write('iris/warmup.json', JSON.stringify({ inputs: [input] }));
  await using server = await workspace.open();
  await server.models.start();
  assert.equal((await server.models.showModel('iris')).versions[0]?.state, 'ready');
});
