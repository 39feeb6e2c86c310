/** A stored request that meets every kind of server: what is published, what is attempted again, and when it ends. */
import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createFileLedger } from '../../../src/jobs/predict/file-ledger.ts';
import { requestPlaces } from '../../../src/jobs/request/places.ts';
import { runRequestStep, type StoredRequest } from '../../../src/jobs/request/run-request.ts';
import type { Destination } from '../../../src/jobs/request/send-request.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const pem = (name: string) => readFile(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url), 'utf8');

async function desk(listener: RequestListener, certificate?: string) {
  const folder = await temporaryFolder();
  const state = join(folder.path, '.servery');
  const places = requestPlaces(folder.path, state, { inputs: [] });
  const server =
    certificate === undefined
      ? createServer(listener)
      : createSecureServer({ cert: certificate, key: await pem('key') }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const here: Destination = {
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    key: 'secret',
    certificate,
  };
  await mkdir(places.inputs[0]!, { recursive: true });
  const input = join(places.inputs[0]!, 'a.csv');
  await writeFile(input, '1,2\n');
  const request: StoredRequest = {
    path: '/endpoints/a/invocations',
    headers: { 'content-type': 'text/csv' },
    input,
    output: join(places.output, 'id.out'),
    failure: join(places.failures, 'id-error.out'),
    sendBy: Date.now() + 60_000,
    timeoutMs: 10_000,
  };
  const ledger = createFileLedger(join(folder.path, 'ledger'));
  const controller = new AbortController();
  return {
    here,
    request,
    ledger,
    controller,
    attempt: (
      attempt: number,
      changes: Partial<StoredRequest> = {},
      server = async (): Promise<Destination | undefined> => here,
    ) =>
      runRequestStep(
        {
          job: 'stored-requests',
          runId: 'r',
          step: 'request',
          attempt,
          interval: undefined,
          timezone: 'UTC',
          params: { ...request, ...changes } as never,
          results: {},
          workspace: folder.path,
          signal: controller.signal,
          progress: () => undefined,
        },
        ledger,
        { places, server },
      ),
    files: () => readdir(places.output).catch(() => []),
    read: (name: string) => readFile(join(places.output, name), 'utf8'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe('a stored request', { timeout: 60_000 }, () => {
  it('is sent as it was stored, and its answer published whole', async () => {
    let seen: unknown;
    await using bench = await desk((request, response) => {
      const { method, url, headers } = request;
      let body = '';
      request
        .on('data', (chunk) => (body += String(chunk)))
        .on('end', () => {
          seen = [method, url, headers['content-type'], headers.authorization, headers['servery-timeout-ms'], body];
          response.end('3\n');
        });
    });
    const outcome = await bench.attempt(1);
    assert.deepEqual(seen, ['POST', '/endpoints/a/invocations', 'text/csv', 'Bearer secret', '10000', '1,2\n']);
    assert.deepEqual([outcome.state, outcome.outputs], ['succeeded', [bench.request.output]]);
    assert.deepEqual(await bench.files(), ['id.out']);
    assert.equal(await bench.read('id.out'), '3\n');
  });

  it('is not sent again once its answer is committed', async () => {
    let sent = 0;
    await using bench = await desk((_, response) => void response.end(String((sent += 1))));
    await bench.attempt(1);
    assert.equal((await bench.attempt(2)).state, 'succeeded');
    assert.equal(await bench.read('id.out'), '1');
    assert.equal(sent, 1);
  });

  it('keeps what the server says of a failure, and does not try again', async () => {
    await using bench = await desk((_, response) => void response.writeHead(424).end('{"Message":"no"}'));
    const refused = { code: 'INVALID_REQUEST', message: 'The server answered with status 424' };
    await assert.rejects(bench.attempt(1), refused);
    await assert.rejects(bench.attempt(2), refused);
    assert.deepEqual(await bench.files(), ['id-error.out']);
    assert.equal(await bench.read('id-error.out'), '{"Message":"no"}');
  });

  it('comes again where there is no server, or one that cannot take it now', async () => {
    let status = 503;
    await using bench = await desk((_, response) => void response.writeHead(status).end('x'));
    await assert.rejects(
      bench.attempt(1, {}, async () => undefined),
      { code: 'SERVER_NOT_RUNNING' },
    );
    for (let attempt = 2; attempt < 10; attempt += 1) {
      await assert.rejects(bench.attempt(attempt), { code: 'MODEL_NOT_READY' });
    }
    const nobody = { ...bench.here, url: 'http://127.0.0.1:1' };
    for (let attempt = 10; attempt < 18; attempt += 1) {
      await assert.rejects(
        bench.attempt(attempt, {}, async () => nobody),
        { code: 'SERVER_NOT_RUNNING' },
      );
    }
    status = 200;
    assert.equal((await bench.attempt(18)).state, 'succeeded');
    assert.deepEqual(await bench.files(), ['id.out']);
  });

  it('is a failure when each server that has it ends', async () => {
    await using bench = await desk((request) => request.socket.destroy());
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      await assert.rejects(bench.attempt(attempt), { code: 'SERVER_NOT_RUNNING' });
    }
    await assert.rejects(bench.attempt(5), { code: 'MODEL_FAILED' });
    assert.deepEqual(await bench.files(), ['id-error.out']);
  });

  it('is a failure when it has waited too long, or the answer takes too long', async () => {
    await using bench = await desk(() => undefined);
    await assert.rejects(bench.attempt(1, { sendBy: Date.now() - 1 }), { code: 'TIMED_OUT', message: /expired/ });
    assert.deepEqual(JSON.parse(await bench.read('id-error.out')), {
      error: 'The request has expired before it was sent',
      code: 'TIMED_OUT',
    });
    await using other = await desk(() => undefined);
    // The server gets five seconds more than it was told.
    await assert.rejects(other.attempt(1, { timeoutMs: -4900 }), { code: 'TIMED_OUT', message: /in time/ });
  });

  it('is no failure of its own when its run must stop', async () => {
    await using bench = await desk(() => bench.controller.abort({ code: 'SHUTTING_DOWN', message: '', force: false }));
    await assert.rejects(bench.attempt(1), { code: 'CANCELLED' });
    assert.deepEqual(await bench.ledger.readPlan(), { sent: 0 });
    assert.deepEqual(await bench.files(), []);
  });

  it('takes no refusal of a server for its own that has taken the place of the one that was asked', async () => {
    await using bench = await desk((_, response) => void response.writeHead(403).end('x'));
    let key = 0;
    const changing = async () => ({ ...bench.here, key: String((key += 1)) });
    await assert.rejects(bench.attempt(1, {}, changing), { code: 'MODEL_NOT_READY' });
    await assert.rejects(bench.attempt(2), { code: 'INVALID_REQUEST' });
  });

  it('is sent by HTTPS to a server that is known by its certificate, whatever its name, and to no other', async () => {
    const certificate = await pem('cert');
    let sent = 0;
    await using bench = await desk((_, response) => void response.end(String((sent += 1))), certificate);
    const stranger = { ...bench.here, certificate: undefined };
    await assert.rejects(
      bench.attempt(1, {}, async () => stranger),
      { code: 'SERVER_NOT_RUNNING' },
    );
    assert.equal(sent, 0);
    assert.equal((await bench.attempt(2)).state, 'succeeded');
    assert.equal(await bench.read('id.out'), '1');
  });
});
