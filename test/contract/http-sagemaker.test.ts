/** SageMaker's runtime over a real socket: its own client in JavaScript, and the bytes that other clients depend on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  InvokeEndpointCommand,
  InvokeEndpointWithResponseStreamCommand,
  SageMakerRuntimeClient,
  type InvokeEndpointCommandInput,
} from '@aws-sdk/client-sagemaker-runtime';
import { createApiKey } from '../../src/core/api-keys.ts';
import { ownTable } from '../../src/http/routes.ts';
import type { ProtocolInput } from '../../src/protocol/options.ts';
import { openDoor, type Door } from '../support/http-door.ts';

const client = ({ url }: Door, secretAccessKey = 'y', options = {}) =>
  new SageMakerRuntimeClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey },
    maxAttempts: 1,
    ...options,
  });
const ask = (door: Door, input: Partial<InvokeEndpointCommandInput> = {}, secret?: string) =>
  client(door, secret).send(
    new InvokeEndpointCommand({ EndpointName: 'doubler', ContentType: 'application/json', Body: '[[1,2]]', ...input }),
  );
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

describe("SageMaker's client", () => {
  test('invokes in every form', async () => {
    await using door = await openDoor();
    const answer = await ask(door, { CustomAttributes: 'trace=1' });
    assert.equal(text(answer.Body), '[[3,6]]');
    assert.equal(answer.ContentType, 'application/json');
    assert.equal(answer.InvokedProductionVariant, 'AllTraffic');
    assert.ok(answer.$metadata.requestId);
    assert.equal(answer.CustomAttributes, undefined);
    for (const [input, body, type] of [
      [{ Body: '{"instances":[[1,2]]}' }, '{"predictions":[[3,6]]}', 'application/json'],
      [{ ContentType: undefined }, '[[3,6]]', 'application/json'],
      [{ ContentType: 'text/csv', Body: '1,2\n3,4\n' }, '3,6\n9,12\n', 'text/csv'],
      [{ Accept: 'application/jsonlines' }, '{"y":[3,6]}\n', 'application/jsonlines'],
      [{ TargetVariant: 'old' }, '[[2,4]]', 'application/json'],
    ] as const) {
      const got = await ask(door, input);
      assert.equal(text(got.Body), body);
      assert.equal(got.ContentType, type);
    }
    const npy = await ask(door, { Accept: 'application/x-npy' });
    assert.equal(Buffer.from(npy.Body ?? []).toString('latin1', 1, 6), 'NUMPY');
  });

  test('reads an answer as a stream of events', async () => {
    await using door = await openDoor();
    const { Body, ContentType } = await client(door).send(
      new InvokeEndpointWithResponseStreamCommand({ EndpointName: 'doubler', Body: Buffer.from('[[1,2]]') }),
    );
    const parts: Uint8Array[] = [];
    for await (const { PayloadPart } of Body!) parts.push(PayloadPart!.Bytes!);
    assert.equal(Buffer.concat(parts).toString(), '[[3,6]]');
    assert.equal(ContentType, 'application/json');
  });

  test('meets the failures that it knows', async () => {
    const protocols: ProtocolInput = { sagemaker: { endpoints: [{ name: 'many', multiModel: true }] } };
    await using door = await openDoor({}, undefined, { protocols });
    for (const [input, name, status, says] of [
      [{ EndpointName: 'nobody' }, 'ValidationError', 400, /Endpoint "nobody" not found/],
      [{ TargetVariant: 'new' }, 'ValidationError', 400, /Variant "new" not found for endpoint "doubler"/],
      [{ TargetModel: 'iris' }, 'ValidationError', 400, /not a multi-model endpoint/],
      [{ EndpointName: 'many', TargetModel: 'nobody.tar.gz' }, 'ValidationError', 400, /not found/],
      [{ TargetContainerHostname: 'a' }, 'ValidationError', 400, /no containers/],
      [{ EndpointName: 'late' }, 'ModelNotReadyException', 429, /ready state/],
      [{ Body: '[[1]]' }, 'ModelError', 424, /Received client error \(400\) from model/],
      [{ ContentType: 'image/png' }, 'ModelError', 424, /\(415\)/],
      [{ EndpointName: 'failing' }, 'ModelError', 424, /Received server error \(500\) from model/],
      [{ EndpointName: 'buggy' }, 'InternalFailure', 500, /^Internal error$/],
    ] as const) {
      const error = (await ask(door, input).then(
        () => assert.fail(`not refused: ${JSON.stringify(input)}`),
        (reason: unknown) => reason,
      )) as { name: string; message: string; Message?: string; $metadata: { httpStatusCode: number } };
      assert.equal(error.name, name);
      assert.equal(error.$metadata.httpStatusCode, status);
      assert.match(error.Message ?? error.message, says);
    }
    const many = await ask(door, { EndpointName: 'many', TargetModel: 'doubler.tar.gz' });
    assert.equal(text(many.Body), '[[3,6]]');
  });

  test("a model's own failure keeps its status and text", async () => {
    await using door = await openDoor();
    const response = await door.post('/endpoints/failing/invocations', [[1, 2]]);
    assert.equal(response.status, 424);
    assert.equal(response.headers.get('x-amzn-errortype'), 'ModelError');
    const said = '{"error":"Model failing/1 failed","code":"MODEL_FAILED"}';
    assert.deepEqual(await response.json(), {
      Message: `Received server error (500) from model with message "${said}"`,
      OriginalStatusCode: 500,
      OriginalMessage: said,
      LogStreamArn: '',
    });
    const missing = await door.post('/endpoints/doubler/async-invocations', '');
    assert.deepEqual([missing.status, missing.headers.get('x-amzn-errortype')], [400, 'ValidationError']);
  });

  test('shares requests between variants', async () => {
    const variants = [
      { name: 'a', model: 'doubler/1', weight: 0 },
      { name: 'b', model: 'doubler/2' },
    ];
    const protocols: ProtocolInput = { sagemaker: { endpoints: [{ name: 'shop', variants }] } };
    await using door = await openDoor({}, undefined, { protocols });
    const shared = await ask(door, { EndpointName: 'shop' });
    assert.deepEqual([text(shared.Body), shared.InvokedProductionVariant], ['[[3,6]]', 'b']);
    const named = await ask(door, { EndpointName: 'shop', TargetVariant: 'a' });
    assert.deepEqual([text(named.Body), named.InvokedProductionVariant], ['[[2,4]]', 'a']);
  });
});

describe('signatures', () => {
  const protocols: ProtocolInput = { sagemaker: { accessKeys: [{ id: 'x', secret: 'right' }] } };

  test('are checked when keys are configured', async () => {
    const { hash } = createApiKey();
    const keys = [{ name: 'k', hash, scopes: ['predict' as const] }];
    await using door = await openDoor({}, { keys }, { protocols });
    assert.equal(text((await ask(door, { CustomAttributes: 'a  b', TargetVariant: 'old' }, 'right')).Body), '[[2,4]]');
    assert.equal(text((await ask(door, { EndpointName: 'doubler' }, 'right')).Body), '[[3,6]]');
    await assert.rejects(ask(door, {}, 'wrong'), { name: 'InvalidSignatureException' });
    const skewed = client(door, 'right', { systemClockOffset: -3_600_000 }).send(
      new InvokeEndpointCommand({ EndpointName: 'doubler', Body: '[[1,2]]' }),
    );
    await assert.rejects(skewed, { name: 'InvalidSignatureException' });
    const unsigned = await door.post('/endpoints/doubler/invocations', [[1, 2]]);
    assert.equal(unsigned.status, 403);
    assert.equal(unsigned.headers.get('x-amzn-errortype'), 'MissingAuthenticationTokenException');
  });

  test('cover the body', async () => {
    await using door = await openDoor({}, undefined, { protocols });
    let signed: Record<string, string> = {};
    const spy = client(door, 'right');
    spy.middlewareStack.add(
      (next) => (args) => {
        signed = (args.request as { headers: Record<string, string> }).headers;
        return next(args);
      },
      { step: 'deserialize' },
    );
    await spy.send(new InvokeEndpointCommand({ EndpointName: 'doubler', Body: '[[1,2]]' }));
    const { 'content-length': _, host: __, ...headers } = signed;
    const again = await door.post('/endpoints/doubler/invocations', '[[1,2]]', headers);
    assert.equal(again.status, 200);
    const forged = await door.post('/endpoints/doubler/invocations', '[[9,2]]', headers);
    assert.equal(forged.status, 403);
    assert.equal(forged.headers.get('x-amzn-errortype'), 'InvalidSignatureException');
  });
});

describe('a model container', () => {
  test('answers pings, invocations and how it should be called', async () => {
    const protocols: ProtocolInput = {
      sagemaker: { model: 'doubler', defaultAccept: 'text/csv', http: '127.0.0.1:0' },
    };
    await using door = await openDoor({}, undefined, { protocols, openTable: ownTable({ protocol: 'sagemaker' }) });
    door.setReady(true);
    assert.equal((await door.fetch('/ping')).status, 200);
    door.setReady(false);
    assert.equal((await door.fetch('/ping')).status, 503);
    const answer = await door.post('/invocations', [[1, 2]]);
    assert.deepEqual(
      [answer.status, answer.headers.get('content-type'), await answer.text()],
      [200, 'text/csv', '3,6\n'],
    );
    const json = await door.post('/invocations', [[1, 2]], { accept: 'application/json' });
    assert.equal(await json.text(), '[[3,6]]');
    assert.equal((await door.post('/invocations', [[1]])).status, 400);
    assert.equal((await door.post('/invocations', '1', { 'content-type': 'image/png' })).status, 415);
    const parameters = await (await door.fetch('/execution-parameters')).json();
    assert.deepEqual(parameters, { MaxConcurrentTransforms: 16, BatchStrategy: 'MULTI_RECORD', MaxPayloadInMB: 6 });
    const nowhere = await door.fetch('/nowhere');
    assert.deepEqual([nowhere.status, nowhere.headers.get('x-amzn-errortype')], [404, 'UnknownOperationException']);
  });

  test('is one on the shared port only where it is told to be', async () => {
    await using door = await openDoor();
    assert.equal((await door.post('/invocations', [[1, 2]])).status, 404);
    await using told = await openDoor({}, undefined, { protocols: { sagemaker: { container: true } } });
    const response = await told.post('/invocations', [[1, 2]]);
    assert.equal(response.status, 404);
    assert.match(await response.text(), /Cannot tell which model is invoked: there are \d+ models/);
  });
});
