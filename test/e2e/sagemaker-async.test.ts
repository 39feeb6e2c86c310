/** Asynchronous invocations in a whole server: files in, files out, and one result for each whatever is killed. */
import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  InvokeEndpointAsyncCommand,
  SageMakerRuntimeClient,
  type InvokeEndpointAsyncCommandInput,
} from '@aws-sdk/client-sagemaker-runtime';
import { createApiKey } from '../../src/core/api-keys.ts';
import { startServer, workspaceWith, type RunningServer, type StartOptions } from '../support/workspace-server.ts';

const WITHIN_MS = 60_000;

/** Says that it has begun, and answers when it is let go. */
const GATED = (folder: string) => `import { defineHandler } from 'servery';
  import { appendFileSync, existsSync } from 'node:fs';
  export default defineHandler({
    signature: { inputs: { x: 'FP64' }, outputs: { y: 'FP64' } },
    async predict(rows) {
      const isAsked = rows.some(({ x }) => x >= 1000); // and not warming up
      if (isAsked) appendFileSync('${folder}/begun', 'x');
      while (isAsked && !existsSync('${folder}/open')) await new Promise((later) => setTimeout(later, 20));
      return rows.map(({ x }) => ({ y: x * 2 }));
    },
  });`;

describe('asynchronous invocations', { timeout: 280_000 }, () => {
  let workspace: Awaited<ReturnType<typeof workspaceWith>>;
  let server: RunningServer;
  let inputs: string;

  beforeEach(async () => {
    workspace = await workspaceWith({ half: 'test/fixtures/models/half-plus-two' });
    const { path } = workspace;
    await mkdir(`${path}/models/gated/1`, { recursive: true });
    await writeFile(`${path}/models/gated/1/handler.ts`, GATED(path));
    inputs = `${path}/.servery/requests/input`;
    await mkdir(inputs, { recursive: true });
    await writeFile(`${inputs}/rows.csv`, '1\n2\n');
    await writeFile(`${inputs}/rows.json`, '[[1],[2]]');
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await workspace[Symbol.asyncDispose]();
  });

  const start = async (options: StartOptions = {}) =>
    void (server = await startServer(workspace.path, { command: 'up', args: ['--set', 'batch.lease=3s'], ...options }));

  const invoke = (input: Partial<InvokeEndpointAsyncCommandInput>, secretAccessKey = 'y') => {
    const client = new SageMakerRuntimeClient({
      endpoint: server.http,
      region: 'us-east-1',
      credentials: { accessKeyId: 'x', secretAccessKey },
      maxAttempts: 1,
    });
    return client.send(new InvokeEndpointAsyncCommand({ EndpointName: 'half', ...input }));
  };
  const at = (name: string) => pathToFileURL(`${inputs}/${name}`).href;

  it('answers into a file, of what a file or the request itself holds', async () => {
    await start();
    const accepted = await invoke({ InputLocation: at('rows.csv'), ContentType: 'text/csv', InferenceId: 'mine 1' });
    assert.equal(accepted.$metadata.httpStatusCode, 202);
    assert.equal(accepted.InferenceId, 'mine 1');
    assert.equal(await appears(accepted.OutputLocation), '2.5\n3\n');
    const other = await invoke({ InputLocation: at('rows.json'), Accept: 'text/csv' });
    assert.equal(await appears(other.OutputLocation), '2.5\n3\n');
    assert.match(other.InferenceId ?? '', /^[0-9a-f-]{36}$/);
    const inline = await invoke({ Body: Buffer.from('[[4]]'), ContentType: 'application/json' });
    assert.equal(await appears(inline.OutputLocation), '[4]');
    assert.deepEqual(
      (await readdir(`${workspace.path}/.servery/requests/output`)).sort(),
      [accepted, other, inline].map(({ OutputLocation = '' }) => OutputLocation.split('/').at(-1)).sort(),
    );
    // Their job is not one that anybody else can start, as its runs act with the rights of the server.
    const headers = { 'content-type': 'application/json' };
    const started = await fetch(`${server.http}/api/jobs/stored-requests/runs`, {
      method: 'POST',
      headers,
      body: '{}',
    });
    assert.equal(started.status, 409);
    assert.equal(await server.stop(), 0);
  });

  it('leaves failures in a place of their own, as the endpoint would have answered', async () => {
    await start({ args: ['--set', 'http.maxBodyBytes=1000000'] });
    await writeFile(`${inputs}/bad.json`, '[["a"]]');
    await writeFile(`${inputs}/large.csv`, '1\n'.repeat(10_000_000));
    const large = await invoke({ InputLocation: at('large.csv'), ContentType: 'text/csv' });
    assert.match(await appears(large.FailureLocation), /^{"Message":"Cannot take the body: it has 20000000 bytes/);
    for (const [input, status, says] of [
      [{ InputLocation: at('bad.json') }, 400, /^Received client error \(400\) from model/],
      [{ InputLocation: at('rows.csv'), ContentType: 'image/png' }, 415, /\(415\)/],
    ] as const) {
      const { OutputLocation, FailureLocation } = await invoke(input);
      const failure = JSON.parse(await appears(FailureLocation)) as { Message: string; OriginalStatusCode: number };
      assert.match(failure.Message, says);
      assert.equal(failure.OriginalStatusCode, status);
      await assert.rejects(readFile(fileURLToPath(OutputLocation!)), { code: 'ENOENT' });
    }
    const missing = await invoke({ InputLocation: at('nothing.csv') });
    assert.deepEqual(JSON.parse(await appears(missing.FailureLocation)), {
      error: 'Cannot read the input: there is no such file',
      code: 'DATA_NOT_FOUND',
    });
    const slow = await invoke({ EndpointName: 'gated', Body: Buffer.from('[1000]'), InvocationTimeoutSeconds: 1 });
    const late = JSON.parse(await appears(slow.FailureLocation)) as { OriginalStatusCode: number };
    assert.equal(late.OriginalStatusCode, 504);
    assert.equal(await server.stop(), 0);
  });

  it('reads no file outside of the folders that are allowed', async () => {
    const { path } = workspace;
    await mkdir(`${path}/data`);
    await writeFile(`${path}/data/rows.csv`, '1\n');
    await writeFile(`${path}/secret.csv`, '1\n');
    await writeFile(`${inputs}-beside.csv`, '1\n');
    await symlink(`${path}/secret.csv`, `${inputs}/link.csv`);
    await symlink(path, `${inputs}/folder`);
    await writeFile(`${path}/servery.config.json`, JSON.stringify({ batch: { requests: { inputs: ['data'] } } }));
    await start();
    for (const InputLocation of [
      pathToFileURL(`${path}/secret.csv`).href,
      `${at('')}../../secret.csv`,
      `${at('')}%2e%2e/%2e%2e/secret.csv`,
      `${at('')}..%2f..%2fsecret.csv`,
      `${inputs}/rows.csv`,
      `file://elsewhere${inputs}/rows.csv`,
      `file://${inputs}-beside.csv`,
      `file://${inputs}`,
      'file:///etc/passwd',
      's3://bucket/rows.csv',
      'https://example.com/rows.csv',
    ]) {
      await assert.rejects(invoke({ InputLocation }), { name: 'ValidationError' }, InputLocation);
    }
    for (const name of ['link.csv', 'folder/secret.csv', 'folder/data/rows.csv/../../secret.csv']) {
      const { FailureLocation } = await invoke({ InputLocation: `file://${inputs}/${name}`, ContentType: 'text/csv' });
      assert.match(await appears(FailureLocation), /it is in no folder that is allowed/);
    }
    const { OutputLocation } = await invoke({
      InputLocation: pathToFileURL(`${path}/data/rows.csv`).href,
      ContentType: 'text/csv',
    });
    assert.equal(await appears(OutputLocation), '2.5\n');
    assert.equal(await server.stop(), 0);
  });

  it('refuses what the contract does not allow', async () => {
    await start();
    const location = { InputLocation: at('rows.csv') };
    for (const [input, says] of [
      [{}, /Exactly one/],
      [{ ...location, Body: Buffer.from('1') }, /Exactly one/],
      [{ Body: Buffer.alloc(128_001, '1') }, /128000 are allowed/],
      [{ ...location, EndpointName: 'nobody' }, /Endpoint "nobody" not found/],
      [{ ...location, RequestTTLSeconds: 59 }, /RequestTTLSeconds/],
      [{ ...location, RequestTTLSeconds: 21_601 }, /RequestTTLSeconds/],
      [{ ...location, InvocationTimeoutSeconds: 3601 }, /InvocationTimeoutSeconds/],
      [{ ...location, Filename: 'a.out' }, /Filename is not available/],
      [{ ...location, S3OutputPathExtension: '../x' }, /S3OutputPathExtension is not available/],
    ] as const) {
      await assert.rejects(invoke(input), (error: { name: string; message: string; $metadata: object }) => {
        assert.equal(error.name, 'ValidationError');
        assert.match(error.message, says);
        return true;
      });
    }
    assert.equal(await server.stop(), 0);
    await start({ command: 'serve' });
    await assert.rejects(invoke(location), { name: 'ValidationError', message: /need jobs/ });
    assert.equal(await server.stop(), 0);
  });

  it('survives SIGKILL of the server, before and while the model has it', async () => {
    await start();
    const first = await invoke({ EndpointName: 'gated', Body: Buffer.from('[1500]') });
    await appears(`file://${workspace.path}/begun`);
    const second = await invoke({ EndpointName: 'gated', InputLocation: at('rows.json') });
    assert.equal(await server.stop('SIGKILL'), 'SIGKILL');
    await writeFile(`${workspace.path}/open`, '');
    await start();
    assert.equal(await appears(first.OutputLocation), '[3000]');
    assert.equal(await appears(second.OutputLocation), '[2,4]');
    assert.equal((await readdir(`${workspace.path}/.servery/requests/output`)).length, 2);
    assert.equal(await server.stop(), 0);
  });

  it('is finished when the server is stopped, or after it has come back', async () => {
    await start();
    const { OutputLocation } = await invoke({ EndpointName: 'gated', Body: Buffer.from('[1500]') });
    await appears(`file://${workspace.path}/begun`);
    const stopped = server.stop();
    await writeFile(`${workspace.path}/open`, '');
    assert.equal(await stopped, 0);
    await start();
    assert.equal(await appears(OutputLocation), '[3000]');
    assert.equal(await server.stop(), 0);
  });

  for (const failpoint of [
    'request.send.after',
    'engine.commitChunk.after',
    'request.publish.before',
    'request.publish.after',
  ]) {
    it(`gives one result when its worker is killed at ${failpoint}`, async () => {
      const log = `${workspace.path}/failpoints`;
      await start({ env: { SERVERY_FAILPOINT: `${failpoint}:kill`, SERVERY_FAILPOINT_LOG: log } });
      const { OutputLocation, FailureLocation } = await invoke({ InputLocation: at('rows.json') });
      const giveUpAt = Date.now() + WITHIN_MS;
      while (!(await readFile(log, 'utf8').catch(() => '')).includes(`${failpoint}\n`)) {
        assert.ok(Date.now() < giveUpAt, 'the failpoint is passed');
        await sleep(20);
      }
      await server.stop('SIGKILL');
      await start();
      assert.equal(await appears(OutputLocation), '[2.5,3]');
      const name = OutputLocation!.split('/').at(-1);
      const runs = async () => {
        const response = await fetch(`${server.http}/api/runs?job=stored-requests&limit=10`);
        return ((await response.json()) as { runs: { state: string }[] }).runs.map(({ state }) => state);
      };
      while ((await runs())[0] !== 'succeeded') {
        assert.ok(Date.now() < giveUpAt, 'the run is over');
        await sleep(50);
      }
      assert.deepEqual(await readdir(`${workspace.path}/.servery/requests/output`), [name]);
      await assert.rejects(readFile(fileURLToPath(FailureLocation!)), { code: 'ENOENT' });
      assert.equal(await server.stop(), 0);
    });
  }

  it('needs the signature or the key of whoever asks, and none later', async () => {
    const { hash } = createApiKey();
    const keys = [{ name: 'k', hash, scopes: ['predict'] }];
    const accessKeys = [{ id: 'x', secret: 'right' }];
    const config = { auth: { keys }, protocols: { sagemaker: { accessKeys } } };
    await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify(config));
    await start();
    const { OutputLocation } = await invoke({ InputLocation: at('rows.json') }, 'right');
    assert.equal(await appears(OutputLocation), '[2.5,3]');
    await assert.rejects(invoke({ InputLocation: at('rows.json') }, 'wrong'), { name: 'InvalidSignatureException' });
    assert.equal(await server.stop(), 0);
  });
});

/** What is in the file of a URL, as soon as there is one. */
async function appears(url: string | undefined): Promise<string> {
  const path = fileURLToPath(url!);
  const giveUpAt = Date.now() + WITHIN_MS;
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
    assert.ok(Date.now() < giveUpAt, `${path} does not appear`);
    await sleep(20);
  }
}
