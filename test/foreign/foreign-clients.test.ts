/** Clients that others wrote, unmodified, against a real server over real sockets. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { makeModelArchive } from '../support/make-zip.ts';
import { RISK, SPELL, writeHandlers } from '../support/streaming-handlers.ts';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

const HERE = new URL('.', import.meta.url).pathname;
const QUICKSTART = ['iris', 'digits', 'breast-cancer', 'churn-rules'];
const FIXTURES = ['identity-bytes', 'identity-int64', 'identity-fp16'];

/** Says what stood behind the version in the path. */
const PATHS = `import { defineHandler } from 'servery';
export default defineHandler({
  signature: { inputs: { data: 'BYTES' }, outputs: { path: 'BYTES' } },
  predict: (rows, { parameters }) => rows.map(() => ({ path: String(parameters.url_path) })),
  explain: (rows) => rows.map(({ data }) => (data === 'numbers' ? [[1, 2], [3, 4]] : 'a text')),
});
`;

describe('foreign clients', () => {
  let workspace: Awaited<ReturnType<typeof workspaceWith>>;
  let server: RunningServer;
  let mlflow: string;
  let kserve: string;
  const torchserve = { http: '', metrics: '' };

  before(async () => {
    workspace = await workspaceWith(
      Object.fromEntries([
        ...QUICKSTART.map((name) => [name, `examples/quickstart/models/${name}`]),
        ...FIXTURES.map((name) => [name, `test/fixtures/models/${name}`]),
      ]),
    );
    await mkdir(`${workspace.path}/models/archived/1`, { recursive: true });
    await writeFile(`${workspace.path}/models/archived/1/archived.mar`, await irisArchive());
    for (const file of ['model.yaml', 'warmup.json']) {
      await cp(`${workspace.path}/models/iris/${file}`, `${workspace.path}/models/archived/${file}`);
    }
    const hello = { command: ['node', '-e', 'console.log(1)'] };
    const jobs = { hello, hourly: { ...hello, schedule: { cron: '0 * * * *' } } };
    const metrics = { aliases: ['torchserve'] };
    await writeHandlers(workspace.path, { risk: RISK, paths: PATHS, spell: SPELL });
    mlflow = `127.0.0.1:${await freePort()}`;
    kserve = `127.0.0.1:${await freePort()}`;
    torchserve.http = `127.0.0.1:${await freePort()}`;
    torchserve.metrics = `127.0.0.1:${await freePort()}`;
    const protocols = {
      torchserve,
      sagemaker: { accessKeys: [{ id: 'x', secret: 'right' }] },
      mlflow: { http: mlflow, model: 'iris' },
      kserve: { http: kserve },
    };
    await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify({ jobs, metrics, protocols }));
    server = await startServer(workspace.path, { command: 'up' });
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
    await workspace[Symbol.asyncDispose]();
  });

  for (const [script, who] of [
    ['triton_http.py', "Triton's HTTP client"],
    ['triton_grpc.py', "Triton's gRPC client, streaming, health and reflection"],
    ['kserve_clients.py', "KServe's REST and gRPC clients"],
    ['sagemaker_client.py', "SageMaker's client"],
    ['mlflow_clients.py', "MLflow's clients"],
    ['plain_door.py', 'requests, at the plain door'],
    ['torchserve_clients.py', "TorchServe's clients: requests, and its gRPC service"],
  ] as const) {
    it(`serves ${who}`, async () => {
      const env = {
        ...process.env,
        HTTP: server.http,
        GRPC: server.grpc,
        MLFLOW: mlflow,
        WORKSPACE: workspace.path,
        KSERVE: `http://${kserve}`,
        TORCHSERVE: `http://${torchserve.http}`,
        TORCHSERVE_METRICS: `http://${torchserve.metrics}`,
        PYTHONDONTWRITEBYTECODE: '1',
      };
      const { stdout } = await promisify(execFile)(python(), [HERE + script], { env });
      assert.equal(stdout.trim(), 'ok');
    });
  }

  it('gives a schema fuzzer no 500 and nothing that its own document does not say', async () => {
    const args = ['run', `${server.http}/openapi.json`, '--max-examples=15', '--seed=1', '--no-color'];
    const checks = [
      '--checks=not_a_server_error,response_schema_conformance',
      // Events go on for ever, which is more than a fuzzer waits.
      '--exclude-path-regex=repository|aliases|rollback|/api/events',
    ];
    const run = promisify(execFile)(`${dirname(python())}/schemathesis`, [...args, ...checks], {
      cwd: workspace.path,
      maxBuffer: 2 ** 26,
    });
    await run.catch((error: { stdout: string }) => assert.fail(error.stdout.slice(-6000)));
  });
});

/** As `torch-model-archiver --serialized-file iris.onnx --handler base_handler` writes it. */
async function irisArchive(): Promise<Uint8Array> {
  const bytes = await readFile(`${HERE}../../examples/quickstart/models/iris/1/model.onnx`);
  const model = { modelName: 'archived', modelVersion: '1.0', serializedFile: 'iris.onnx', handler: 'base_handler' };
  return makeModelArchive(model, { 'iris.onnx': bytes });
}

function python(): string {
  const path = process.env['SERVERY_TEST_PYTHON'];
  assert.ok(path, 'SERVERY_TEST_PYTHON names the Python that has test/foreign/requirements.txt');
  return path;
}
