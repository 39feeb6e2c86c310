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
