/** Handlers that stream, in a whole server: every form of the answer, slow clients, clients that leave, failures. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, status } from '@grpc/grpc-js';
import { InvokeEndpointWithResponseStreamCommand, SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import { lengthField, textField } from '../../src/protocol/proto-fields.ts';
import { SPELL, TALK, writeHandlers } from '../support/streaming-handlers.ts';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

describe('a handler that streams', () => {
  let workspace: Awaited<ReturnType<typeof workspaceWith>>;
  let server: RunningServer;

  before(async () => {
    workspace = await workspaceWith({});
    await writeHandlers(workspace.path, { talk: TALK, spell: SPELL });
    const metrics = { aliases: ['triton', 'torchserve'] };
    await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify({ metrics }));
    server = await startServer(workspace.path, { args: ['--set', 'frontEnds=2', '--set', 'defaultTimeout=1s'] });
  });
  after(async () => {
    await server.stop();
    await workspace[Symbol.asyncDispose]();
  });

  const talk = (say: string, headers: Record<string, string> = {}, signal: AbortSignal | null = null) =>
    fetch(`${server.http}/talk`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ say }),
      signal,
    });
  const until = async (text: RegExp) => {
    while (!text.test(server.log())) await sleep(10);
  };

  for (const { say, accept, type, body } of [
    { say: 'text', accept: '*/*', type: 'text/plain; charset=utf-8', body: 'one two\nlines drei ü' },
    { say: 'values', accept: '*/*', type: 'application/x-ndjson', body: '{"a":1}\n[2]\n3\nnull\n' },
    { say: 'bytes', accept: '*/*', type: 'application/octet-stream', body: '\0\ufffd' },
    { say: 'nothing', accept: '*/*', type: 'text/plain; charset=utf-8', body: '' },
    {
      say: 'text',
      accept: 'application/x-ndjson',
      type: 'application/x-ndjson',
      body: '"one "\n"two\\nlines "\n"drei ü"\n',
    },
    { say: 'bytes', accept: 'application/x-ndjson', type: 'application/x-ndjson', body: '{"b64":"AP8="}\n' },
    {
      say: 'text',
      accept: 'text/event-stream',
      type: 'text/event-stream; charset=utf-8',
      body: 'data: one \n\ndata: two\ndata: lines \n\ndata: drei ü\n\n',
    },
    {
      say: 'values',
      accept: 'text/event-stream',
      type: 'text/event-stream; charset=utf-8',
      body: 'data: {"a":1}\n\ndata: [2]\n\ndata: 3\n\ndata: null\n\n',
    },
  ]) {
    it(`sends ${say} to a client that accepts ${accept}`, async () => {
      const response = await talk(say, { accept });
      assert.deepEqual([response.status, response.headers.get('content-type')], [200, type]);
      assert.equal(await response.text(), body);
    });
  }

  it('refuses a body that does not fit, and fails before its first chunk, with a status', async () => {
    assert.equal((await talk('else')).status, 422);
    const failed = await talk('fail');
    assert.equal(failed.status, 500);
    assert.deepEqual(((await failed.json()) as { code: string }).code, 'HANDLER_FAILED');
  });

  it('ends the connection when it fails later, with last words where the form has some', async () => {
    for (const say of ['fail-late', 'wrong']) {
      const response = await talk(say);
      assert.equal(response.status, 200);
      await assert.rejects(response.text(), TypeError);
      for (const accept of ['text/event-stream', 'application/x-ndjson']) {
        const streamed = await talk(say, { accept });
        let text = '';
        await assert.rejects(async () => {
          for await (const bytes of streamed.body!) text += Buffer.from(bytes as Uint8Array).toString();
        });
        assert.match(text, /begun[^]*"code":"HANDLER_FAILED"/);
        assert.doesNotMatch(text, /secret/);
      }
    }
  });

  it('is told when its client leaves, and its place is free', async () => {
    const controller = new AbortController();
    const response = await talk('slow', {}, controller.signal);
    const reader = response.body!.getReader();
    assert.equal(Buffer.from((await reader.read()).value!).toString(), 'first');
    controller.abort();
    await until(/heard CANCELLED/);
    assert.equal((await talk('nothing')).status, 200);
  });

  it('is ended by the deadline', async () => {
    const response = await talk('slow', { accept: 'application/x-ndjson', 'servery-timeout-ms': '300' });
    let text = '';
    await assert.rejects(async () => {
      for await (const bytes of response.body!) text += Buffer.from(bytes as Uint8Array).toString();
    });
    assert.match(text, /^"first"\n[^]*"code":"DEADLINE_EXCEEDED"/);
  });

  it('may take longer than the default timeout, which is that of one chunk', async () => {
    assert.equal(await (await talk('ten')).text(), '0 1 2 3 4 5 6 7 8 9 ');
    const silent = await talk('slow', { accept: 'application/x-ndjson' });
    let text = '';
    await assert.rejects(async () => {
      for await (const bytes of silent.body!) text += Buffer.from(bytes as Uint8Array).toString();
    });
    assert.match(text, /no chunk came for 1 s.*"code":"DEADLINE_EXCEEDED"/);
  });

  it('waits for a client that takes nothing', async () => {
    const controller = new AbortController();
    const response = await talk('endless', {}, controller.signal);
    let before = -1;
    // It makes no more between two questions, or goes on until there are too many.
    for (let made = 0; made !== before;) {
      before = made;
      made = Number(await (await talk('made')).text());
      assert.ok(made < 1000, `${made} chunks of 64 KiB were made for nobody`);
    }
    controller.abort();
    await assert.rejects(response.text());
    await until(/stopped/);
  });

  it('gives its chunks together to whoever asks for a prediction', async () => {
    const response = await fetch(`${server.http}/models/spell/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rows: [{ word: 'abc' }, { word: '' }] }),
    });
    assert.deepEqual(((await response.json()) as { rows: unknown }).rows, [{ letters: 'a.b.c.' }, { letters: '' }]);
  });

  it('is documented with the forms of its answer', async () => {
    const response = await fetch(`${server.http}/openapi.json`);
    type Operation = { responses: Record<string, { content: object }> };
    const { paths } = (await response.json()) as { paths: Record<string, { post: Operation }> };
    const { content } = paths['/talk']!.post.responses['200']!;
    assert.deepEqual(Object.keys(content).sort(), [
      'application/octet-stream',
      'application/x-ndjson',
      'text/event-stream',
      'text/plain',
    ]);
  });

  it("is a stream of events to SageMaker's client, with a failure as the last", async () => {
    const client = new SageMakerRuntimeClient({
      endpoint: server.http,
      region: 'us-east-1',
      credentials: { accessKeyId: 'x', secretAccessKey: 'y' },
      maxAttempts: 1,
    });
    const parts: string[] = [];
    const ask = async (endpoint: string, body: object) => {
      parts.length = 0;
      const Body = JSON.stringify(body);
      const command = { EndpointName: endpoint, ContentType: 'application/json', Body };
      const answer = await client.send(new InvokeEndpointWithResponseStreamCommand(command));
      for await (const event of answer.Body!) parts.push(Buffer.from(event.PayloadPart!.Bytes!).toString());
      return answer.InvokedProductionVariant;
    };
    assert.equal(await ask('talk', { say: 'text' }), 'AllTraffic');
    assert.deepEqual(parts, ['one ', 'two\nlines ', 'drei ü']);
    await ask('spell', [{ word: 'abc' }]);
    assert.deepEqual(parts, ['a.', 'b.', 'c.']);
    const broken = { name: 'ModelStreamError', ErrorCode: 'StreamBroken' };
    await assert.rejects(ask('talk', { say: 'fail-late' }), broken);
    assert.deepEqual(parts, ['begun']);
    const refused = { name: 'ModelError', OriginalStatusCode: 400 };
    await assert.rejects(ask('talk', { say: 'unheard' }), refused);
    client.destroy();
  });

  it('is measured until its first chunk', async () => {
    const read = async () => {
      const text = await (await fetch(`${server.http}/metrics`)).text();
      const value = (series: string) => {
        const line = text.split('\n').find((candidate) => candidate.startsWith(series));
        return Number(line?.split(' ').at(-1) ?? 0);
      };
      const first = (suffix: string) => value(`nv_inference_first_response_histogram_ms_${suffix}`);
      const loadMs = value('WorkerLoadTime{WorkerName="W-talk_1"');
      const labels = 'model="talk",version="1"';
      return { count: first(`count{${labels}}`), sum: first(`sum{${labels}}`), loadMs };
    };
    const before = await read();
    // All of it takes a second.
    assert.equal(await (await talk('ten')).text(), '0 1 2 3 4 5 6 7 8 9 ');
    const after = await read();
    assert.equal(after.count, before.count + 1);
    assert.ok(after.sum > before.sum && after.sum - before.sum < 700, `${after.sum - before.sum} ms`);
    assert.ok(after.loadMs > 0, `${after.loadMs} ms`);
  });

  it("is an answer in chunks to TorchServe's clients", async () => {
    const ask = (name: string, body: object) =>
      fetch(`${server.http}/predictions/${name}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const answer = await ask('talk', { say: 'text' });
    assert.equal(answer.headers.get('transfer-encoding'), 'chunked');
    assert.equal(await answer.text(), 'one two\nlines drei ü');
    assert.equal(await (await ask('spell', { word: 'abc' })).text(), 'a.b.c.');
    await assert.rejects(ask('talk', { say: 'fail-late' }).then((late) => late.text()));
    assert.equal((await ask('talk', { say: 'fail' })).status, 503);
  });

  it("is a message for each chunk to TorchServe's gRPC clients", async () => {
    const service = '/org.pytorch.serve.grpc.inference.InferenceAPIsService/StreamPredictions';
    const client = new Client(server.grpc, credentials.createInsecure());
    const ask = async (name: string, body: string) => {
      const input = lengthField(3, textField(1, 'data'), textField(2, body));
      const parts: string[] = [];
      const call = client.makeServerStreamRequest<Buffer, string>(
        service,
        (bytes) => bytes,
        // One field of less than 128 bytes.
        (bytes) => bytes.subarray(2).toString(),
        Buffer.concat([textField(1, name), input]),
      );
      for await (const part of call) parts.push(part as string);
      return parts;
    };
    assert.deepEqual(await ask('talk', '{"say":"text"}'), ['one ', 'two\nlines ', 'drei ü']);
    await assert.rejects(ask('talk', '{"say":"fail-late"}'), /Prediction failed/);
    // As the original has it.
    await assert.rejects(ask('nobody', '{}'), { code: status.INTERNAL });
    client.close();
  });

  it('ends its answer when the server stops, and then no other begins', async () => {
    const response = await talk('ten');
    const stopped = server.stop();
    assert.equal(await response.text(), '0 1 2 3 4 5 6 7 8 9 ');
    assert.equal(await stopped, 0);
  });
});
