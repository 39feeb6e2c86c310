/** SageMaker's runtime over a real socket: its own client in JavaScript, and the bytes that other clients depend on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  InvokeEndpointAsyncCommand,
  InvokeEndpointCommand,
  InvokeEndpointWithResponseStreamCommand,
  SageMakerRuntimeClient,
  type InvokeEndpointAsyncCommandInput,
  type InvokeEndpointCommandInput,
} from '@aws-sdk/client-sagemaker-runtime';
import { createApiKey, hashOfKey } from '../../src/core/api-keys.ts';
import { ServeryError } from '../../src/core/errors.ts';
import { ownTable } from '../../src/http/routes.ts';
import type { RequestApi, RequestOrder } from '../../src/jobs/request/store-request.ts';
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

  test('sends a handler with a route of its own the body that it knows', async () => {
    await using door = await openDoor();
    const score = (input: Partial<InvokeEndpointCommandInput>) => ask(door, { EndpointName: 'scorer', ...input });
    const jsonlines = 'application/jsonlines';
    for (const [input, body, type] of [
      [{ Body: '{"amount":5}' }, '{"score":0.05}', 'application/json'],
      [{ Body: '{"amount":5}', ContentType: undefined }, '{"score":0.05}', 'application/json'],
      [{ Body: '{"amount":5}', Accept: jsonlines }, '{"score":0.05}\n', jsonlines],
      [{ Body: '{"amount":5}\r\n{"amount":7}', ContentType: jsonlines }, '{"score":0.05}\n{"score":0.07}\n', jsonlines],
    ] as const) {
      const got = await score(input);
      assert.equal(text(got.Body), body);
      assert.equal(got.ContentType, type);
    }
    const model = (OriginalStatusCode: number) => ({ name: 'ModelError', OriginalStatusCode });
    await assert.rejects(score({ Body: '{"amount":"x"}' }), { ...model(400), OriginalMessage: /expected a number/ });
    await assert.rejects(score({ Body: '{' }), model(400));
    await assert.rejects(score({ Body: '', ContentType: jsonlines }), model(400));
    await assert.rejects(score({ Body: '1,2', ContentType: 'text/csv' }), model(415));
    await assert.rejects(score({ Body: '{"amount":5}', Accept: 'text/csv' }), model(415));
    const two = { Body: '{"amount":5}\n{"amount":7}', ContentType: jsonlines, Accept: 'application/json' };
    assert.equal(text((await score(two)).Body), '[{"score":0.05},{"score":0.07}]');
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
      [{ InferenceComponentName: 'a' }, 'ValidationError', 400, /no inference components/],
      [{ EnableExplanations: '`true`' }, 'ValidationError', 400, /no explainer/],
      [{ SessionId: 'NEW_SESSION' }, 'ValidationError', 400, /no stateful sessions/],
      [{ CustomAttributes: 'a'.repeat(1025) }, 'ValidationError', 400, /1 to 1024 printable/],
      [{ InferenceId: 'a'.repeat(65) }, 'ValidationError', 400, /1 to 64 printable/],
      [{ EndpointName: 'iris', Body: '[[1,2,3,4]]', Accept: 'application/x-npy' }, 'ModelError', 424, /\(415\)/],
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

describe('asynchronous invocations', () => {
  const order = { EndpointName: 'doubler', InputLocation: 'file:///in.csv' };
  const invoke = (door: Door, input: Partial<InvokeEndpointAsyncCommandInput> = {}, secret?: string) =>
    client(door, secret).send(new InvokeEndpointAsyncCommand({ ...order, ...input }));

  test('are stored as they will be sent', async () => {
    const orders: RequestOrder[] = [];
    const requests: RequestApi = {
      storeRequest: async (stored) => {
        orders.push(stored);
        return { output: `file:///out/${stored.id}.out`, failure: `file:///out/${stored.id}-error.out` };
      },
    };
    await using door = await openDoor({}, undefined, { requests });
    const ContentType = 'text/csv';
    const first = await invoke(door, {
      ContentType,
      Accept: 'application/json',
      InferenceId: 'a b',
      CustomAttributes: 'c',
    });
    const { id } = orders[0]!;
    assert.deepEqual(orders[0], {
      id,
      path: '/endpoints/doubler/invocations',
      headers: {
        'content-type': 'text/csv',
        accept: 'application/json',
        'x-amzn-sagemaker-custom-attributes': 'c',
        'x-amzn-sagemaker-inference-id': 'a b',
      },
      body: 'file:///in.csv',
      ttlMs: 21_600_000,
      timeoutMs: 900_000,
    });
    assert.equal(first.$metadata.httpStatusCode, 202);
    assert.deepEqual(
      [first.InferenceId, first.OutputLocation, first.FailureLocation],
      ['a b', `file:///out/${id}.out`, `file:///out/${id}-error.out`],
    );
    const Body = Buffer.from('[[1,2]]');
    await invoke(door, { InputLocation: undefined, Body, RequestTTLSeconds: 60, InvocationTimeoutSeconds: 3600 });
    const { headers, body, ttlMs, timeoutMs } = orders[1]!;
    assert.deepEqual(headers, { 'content-type': 'application/octet-stream' });
    assert.deepEqual([text(body as Uint8Array), ttlMs, timeoutMs], ['[[1,2]]', 60_000, 3_600_000]);
    const nobody = { EndpointName: 'nobody' };
    await assert.rejects(invoke(door, nobody), { name: 'ValidationError' });
    door.beginStarting();
    assert.equal((await invoke(door, nobody)).$metadata.httpStatusCode, 202);
    assert.equal(orders.length, 3);
  });

  test('are refused as a fault of the client, or put off where too many wait', async () => {
    for (const [code, name, status] of [
      ['INVALID_REQUEST', 'ValidationError', 400],
      ['QUEUE_FULL', 'ServiceUnavailable', 503],
      ['DATABASE_FAILED', 'InternalFailure', 500],
    ] as const) {
      const requests: RequestApi = { storeRequest: () => Promise.reject(new ServeryError(code, 'no')) };
      await using door = await openDoor({}, undefined, { requests });
      await assert.rejects(invoke(door), (error: { name: string; $metadata: { httpStatusCode: number } }) => {
        assert.deepEqual([error.name, error.$metadata.httpStatusCode], [name, status]);
        return true;
      });
    }
    const own = {
      protocols: { sagemaker: { enabled: false } },
      openTable: ownTable({ protocol: 'sagemaker' }),
    };
    await using alone = await openDoor({}, undefined, own);
    await assert.rejects(invoke(alone), { name: 'ValidationError', message: /enabled` is false/ });
    await using without = await openDoor();
    await assert.rejects(invoke(without), { name: 'ValidationError', message: /need jobs/ });
  });

  test('come back without a signature, by the key of the server alone', async () => {
    const protocols: ProtocolInput = { sagemaker: { accessKeys: [{ id: 'x', secret: 'right' }] } };
    await using door = await openDoor({}, undefined, { protocols, ownerKeyHash: hashOfKey('own') });
    const sent = (key: string) =>
      door.post('/endpoints/doubler/invocations', [[1, 2]], { authorization: `Bearer ${key}` });
    assert.equal((await sent('own')).status, 200);
    assert.equal((await sent('other')).status, 403);
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
    for (const region of ['eu-west-1', 'us-east-1']) {
      const command = new InvokeEndpointCommand({ EndpointName: 'doubler', Body: '[[1,2]]' });
      assert.equal(text((await client(door, 'right', { region }).send(command)).Body), '[[3,6]]', region);
    }
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
