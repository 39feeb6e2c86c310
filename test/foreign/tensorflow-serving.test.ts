/** TensorFlow Serving's calls from Python, with messages written from its protocol files, against a real server. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { startServer, workspaceWith } from '../support/workspace-server.ts';

const HERE = new URL('.', import.meta.url).pathname;
const DATATYPES = 'bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 fp16 fp32 fp64 bytes'.split(' ');
const FIXTURES = [
  'half-plus-two',
  'half-plus-two-and-three',
  'half-plus-two-family',
  'versions',
  ...DATATYPES.map((name) => `identity-${name}`),
];

test("serves a client of TensorFlow Serving's gRPC and REST", async () => {
  const python = process.env['SERVERY_TEST_PYTHON'];
  assert.ok(python, 'SERVERY_TEST_PYTHON names the Python that has test/foreign/requirements.txt');
  await using workspace = await workspaceWith(
    Object.fromEntries([
      ['iris', 'examples/quickstart/models/iris'],
      ...FIXTURES.map((name) => [name, `test/fixtures/models/${name}`]),
    ]),
  );
  const models = { versions: { versions: 'all', aliases: { stable: 1 } } };
  const ownGrpc = `127.0.0.1:${await freePort()}`;
  const protocols = { tensorflowServing: { grpc: ownGrpc } };
  await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify({ models, protocols }));
  const server = await startServer(workspace.path, { command: 'serve' });
  try {
    const env = {
      ...process.env,
      HTTP: server.http,
      GRPC: server.grpc,
      OWN_GRPC: ownGrpc,
      PYTHONDONTWRITEBYTECODE: '1',
    };
    const { stdout } = await promisify(execFile)(python, [`${HERE}tensorflow_serving.py`], { env });
    assert.equal(stdout.trim(), 'ok');
  } finally {
    assert.equal(await server.stop(), 0);
  }
});
