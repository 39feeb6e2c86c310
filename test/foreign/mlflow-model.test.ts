/** A model directory that MLflow wrote: served, warmed up with its example, and the same online as in batch. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { batchWorkspace } from '../support/batch-models.ts';
import { startServer } from '../support/workspace-server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const HELD_OUT = `${ROOT}examples/quickstart/data/iris.held-out.csv`;
const run = promisify(execFile);

it('a model directory of MLflow is served, to its client as to `servery predict`', { timeout: 120_000 }, async () => {
  await using workspace = await batchWorkspace();
  await workspace.put('quickstart/iris', 1, 'flowers');
  const folder = join(workspace.path, 'models/flowers/1');
  const mlflow = `127.0.0.1:${await freePort()}`;
  const python = process.env['SERVERY_TEST_PYTHON'];
  assert.ok(python, 'SERVERY_TEST_PYTHON names the Python that has test/foreign/requirements.txt');
  const env = { ...process.env, MLFLOW: mlflow, PYTHONDONTWRITEBYTECODE: '1' };
  const script = async (command: string) =>
    (await run(python, [`${ROOT}test/foreign/mlflow_model.py`, command, folder], { env })).stdout.trim();
  assert.equal(await script('write'), 'ok');
  await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify({ protocols: { mlflow: { http: mlflow } } }));

  await using server = await startServer(workspace.path);
  const details = await (await fetch(`${server.http}/api/models/flowers`)).text();
  assert.match(details, /4 features by MLmodel/);
  assert.match(details, /warmed up with the rows of serving_input_example.json/);
  const online = JSON.parse(await script('ask')) as object[];

  const body = await readFile(HELD_OUT);
  const headers = { 'content-type': 'text/csv' };
  const scored = await fetch(`${server.http}/invocations`, { method: 'POST', body, headers });
  const { predictions } = (await scored.json()) as { predictions: object[] };
  const out = join(workspace.path, 'out.ndjson');
  await run(`${ROOT}bin/servery`, ['predict', 'flowers', '-i', HELD_OUT, '-o', out, '-w', workspace.path]);
  const records = (await readFile(out, 'utf8')).trim().split('\n');
  assert.equal(records.length, online.length);
  assert.deepEqual(
    records.map((line) => JSON.parse(line) as unknown),
    predictions,
  );

  const example = join(folder, 'serving_input_example.json');
  await run(`${ROOT}bin/servery`, ['predict', 'flowers', '-i', example, '-o', out, '-w', workspace.path]);
  assert.deepEqual((await readFile(out, 'utf8')).trim().split('\n'), records.slice(0, 3));
});

it('`servery predict` answers files as `mlflow models predict` does', { timeout: 240_000 }, async () => {
  await using workspace = await batchWorkspace();
  await workspace.put('half-plus-two', 1, 'half');
  const folder = join(workspace.path, 'models/half/1');
  const python = process.env['SERVERY_TEST_PYTHON'];
  assert.ok(python, 'SERVERY_TEST_PYTHON names the Python that has test/foreign/requirements.txt');
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
  const script = async (...given: string[]) =>
    (await run(python, [`${ROOT}test/foreign/mlflow_model.py`, ...given], { env })).stdout.trim();
  assert.equal(await script('write-half', folder), 'ok');

  const example = await readFile(join(folder, 'serving_input_example.json'), 'utf8');
  const files = {
    'rows.csv': 'other,x\na,1.5\nb,-2.25\nc,1e3\n',
    'split.json': '{"dataframe_split": {"columns": ["other", "x"], "data": [["a", 0.5], ["b", 2]]}}',
    'records.json': '{"dataframe_records": [{"x": 0.5}, {"x": 4.0, "other": 1}]}',
    'inputs.json': '{"inputs": {"x": [0.25, 8]}}',
    'instances.json': '{"instances": [{"x": 0.25}, {"x": 8}]}',
    'example.json': example,
  };
  const paths = await Promise.all(Object.entries(files).map(([name, content]) => workspace.write(name, content)));
  const expected = JSON.parse((await script('predict', folder, ...paths)).split('\n').at(-1)!) as object[][];
  for (const [i, path] of paths.entries()) {
    assert.ok(expected[i]!.length > 1, path);
    const out = `${path}.ndjson`;
    await run(`${ROOT}bin/servery`, ['predict', 'half', '-i', path, '-o', out, '-w', workspace.path]);
    const records = (await readFile(out, 'utf8')).trim().split('\n');
    assert.deepEqual(
      records.map((line) => JSON.parse(line) as unknown),
      expected[i],
      path,
    );
  }
});

it(
  '`servery predict` answers tensors without names as `mlflow models predict` does',
  { timeout: 240_000 },
  async () => {
    await using workspace = await batchWorkspace();
    await workspace.put('identity-fp32', 1, 'same');
    const folder = join(workspace.path, 'models/same/1');
    const python = process.env['SERVERY_TEST_PYTHON'];
    assert.ok(python, 'SERVERY_TEST_PYTHON names the Python that has test/foreign/requirements.txt');
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    const script = async (...given: string[]) =>
      (await run(python, [`${ROOT}test/foreign/mlflow_model.py`, ...given], { env })).stdout.trim();
    assert.equal(await script('write-tensor', folder), 'ok');
    const bodies = [
      '{"inputs": [[0.5, 1], [2, -3]]}',
      '{"instances": [[0.5, 1], [2, -3]]}',
      '{"dataframe_split": {"data": [[0.5, 1], [2, -3]]}}',
      // In the order of its columns, which is that of no object in JavaScript.
      '{"dataframe_split": {"columns": [1, 0], "data": [[0.5, 1], [2, -3]]}}',
      '{"dataframe_records": [{"1": 0.5, "0": 1}, {"1": 2, "0": -3}]}',
    ];
    const paths = await Promise.all(bodies.map((body, i) => workspace.write(`body-${i}.json`, body)));
    const answers = (await script('predict', folder, ...paths)).split('\n').at(-1)!;
    const expected = JSON.parse(answers) as readonly { readonly y: readonly number[][] }[];
    for (const [i, path] of paths.entries()) {
      const out = `${path}.ndjson`;
      await run(`${ROOT}bin/servery`, ['predict', 'same', '-i', path, '-o', out, '-w', workspace.path]);
      const records = (await readFile(out, 'utf8')).trim().split('\n');
      assert.deepEqual(
        records.map((line) => (JSON.parse(line) as { y: number[] }).y),
        expected[i]!.y,
        bodies[i],
      );
    }
  },
);
