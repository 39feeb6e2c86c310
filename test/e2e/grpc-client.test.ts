/** The gRPC door, asked by grpc-js. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { requestDone, predictionDone, type PredictionDone, type RequestDone } from '../../src/core/events.ts';
import {
  GRPCInferenceService,
  type ModelInferRequestSchema,
} from '../../src/protocol/open-inference-grpc/gen/open_inference_pb.ts';
import { GrpcClient, next } from '../support/grpc-client.ts';
import { openGrpcDoor, type GrpcDoor } from '../support/grpc-door.ts';

const { modelInfer, modelStreamInfer } = GRPCInferenceService.method;
type Ask = MessageInitShape<typeof ModelInferRequestSchema>;

const ask = (modelName: string, values: readonly [number, number], more: Ask = {}): Ask => ({
  modelName,
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1n, 2n], contents: { fp32Contents: [...values] } }],
  ...more,
});

describe('gRPC by grpc-js', () => {
  let door: GrpcDoor;
  let client: GrpcClient;
  before(async () => {
    door = await openGrpcDoor();
    client = new GrpcClient(door.port);
  });
  after(async () => {
    client[Symbol.dispose]();
    await door[Symbol.asyncDispose]();
  });

  it('predicts, and says which version answered which request', async () => {
    const answer = await client.unary(modelInfer, ask('doubler', [1, NaN], { id: 'r-1' }));
    assert.deepEqual([answer.modelName, answer.modelVersion, answer.id], ['doubler', '2', 'r-1']);
    assert.deepEqual(answer.outputs[0]!.contents!.fp32Contents, [3, NaN]);
  });

  it('predicts by version, by alias and by version in the name', async () => {
    for (const request of [
      ask('doubler', [1, 2], { modelVersion: '1' }),
      ask('doubler@old', [1, 2]),
      ask('doubler/1', [1, 2]),
    ]) {
      const answer = await client.unary(modelInfer, request);
      assert.equal(answer.modelVersion, '1');
      assert.deepEqual(answer.outputs[0]!.contents!.fp32Contents, [2, 4]);
    }
  });

  it('answers raw when it was asked raw', async () => {
    const x = new Uint8Array(BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n)).buffer);
    const { outputs, rawOutputContents } = await client.unary(modelInfer, {
      modelName: 'identity-INT64',
      inputs: [{ name: 'x', datatype: 'INT64', shape: [1n, 2n] }],
      rawInputContents: [x],
    });
    assert.deepEqual(outputs[0]!.shape, [1n, 2n]);
    assert.equal(outputs[0]!.contents, undefined);
    assert.deepEqual(Buffer.from(rawOutputContents[0]!), Buffer.from(x));
  });

  it('takes and gives megabytes', async () => {
    const values = Float32Array.from({ length: 500_000 }, (_, i) => i / 7);
    const { rawOutputContents } = await client.unary(modelInfer, {
      modelName: 'identity-FP32',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1n, BigInt(values.length)] }],
      rawInputContents: [new Uint8Array(values.buffer)],
    });
    assert.ok(Buffer.from(values.buffer).equals(rawOutputContents[0]!));
  });

  it('reads compressed requests, and answers in kind', async () => {
    const values = new Uint8Array(100_000);
    for (const algorithm of [1, 2]) {
      using compressing = new GrpcClient(door.port, { 'grpc.default_compression_algorithm': algorithm });
      const { rawOutputContents } = await compressing.unary(modelInfer, {
        modelName: 'identity-UINT8',
        inputs: [{ name: 'x', datatype: 'UINT8', shape: [1n, 100_000n] }],
        rawInputContents: [values],
      });
      assert.equal(rawOutputContents[0]!.length, 100_000);
    }
  });

  for (const { when, request, code, servery, details } of [
    {
      when: 'the model is unknown',
      request: ask('nope', [1, 2]),
      code: status.NOT_FOUND,
      servery: 'MODEL_NOT_FOUND',
      details: /unknown model/,
    },
    {
      when: 'the version is unknown',
      request: ask('doubler', [1, 2], { modelVersion: '99' }),
      code: status.NOT_FOUND,
      servery: 'MODEL_NOT_FOUND',
      details: /unknown/,
    },
    {
      when: 'the model is loading',
      request: ask('late', [1, 2]),
      code: status.UNAVAILABLE,
      servery: 'MODEL_NOT_READY',
      details: /ready/,
    },
    {
      when: 'no model is named',
      request: ask('', [1, 2]),
      code: status.INVALID_ARGUMENT,
      servery: 'INVALID_REQUEST',
      details: /empty/,
    },
    {
      when: 'an input has another name',
      request: {
        modelName: 'doubler',
        inputs: [{ name: 'z', datatype: 'FP32', shape: [1n, 2n], contents: { fp32Contents: [1, 2] } }],
      },
      code: status.INVALID_ARGUMENT,
      servery: 'INVALID_INPUT',
      details: /"x".*missing/,
    },
    {
      when: 'an input is missing',
      request: { modelName: 'add-sub' },
      code: status.INVALID_ARGUMENT,
      servery: 'INVALID_INPUT',
      details: /expected 2 inputs but got 0/,
    },
    {
      when: 'an output is unknown',
      request: ask('doubler', [1, 2], { outputs: [{ name: 'q' }] }),
      code: status.INVALID_ARGUMENT,
      servery: 'INVALID_REQUEST',
      details: /"q"/,
    },
    {
      when: 'the model fails',
      request: ask('failing', [1, 2]),
      code: status.INTERNAL,
      servery: 'MODEL_FAILED',
      details: /failing/,
    },
    {
      when: 'there is a bug',
      request: ask('buggy', [1, 2]),
      code: status.INTERNAL,
      servery: undefined,
      details: /^(?!.*secret)/,
    },
  ] as readonly { when: string; request: Ask; code: number; servery?: string; details: RegExp }[]) {
    it(`says so when ${when}`, async () => {
      await assert.rejects(
        client.unary(modelInfer, request),
        (error: Error & { code: number; details: string; metadata: { get(key: string): string[] } }) => {
          assert.equal(error.code, code);
          assert.match(error.details, details);
          if (servery !== undefined) assert.deepEqual(error.metadata.get('servery-code'), [servery]);
          assert.equal(error.metadata.get('servery-hint').length, 1);
          return true;
        },
      );
    });
  }

  it('says when to retry', async () => {
    await assert.rejects(
      client.unary(modelInfer, ask('late', [1, 2])),
      (error: { metadata: { get(key: string): string[] } }) => {
        assert.deepEqual(error.metadata.get('grpc-retry-pushback-ms'), ['1500']);
        return true;
      },
    );
  });

  it('announces what it answered', async () => {
    const predictions: PredictionDone[] = [];
    const requests: RequestDone[] = [];
    using _predictions = predictionDone.subscribe((done) => void predictions.push(done));
    using _requests = requestDone.subscribe((done) => void requests.push(done));
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const metadata = { 'x-request-id': 'mine', traceparent };
    await client.unary(modelInfer, ask('doubler', [1, 2]), { metadata });
    await assert.rejects(client.unary(modelInfer, ask('nope', [1, 2])));
    assert.deepEqual(
      predictions.map(({ model, door: at, rows, code }) => ({ model, at, rows, code })),
      [
        { model: { name: 'doubler', version: 2 }, at: 'grpc', rows: 1, code: 'OK' },
        { model: undefined, at: 'grpc', rows: 0, code: 'MODEL_NOT_FOUND' },
      ],
    );
    const [first, second] = requests;
    assert.deepEqual(
      [first!.requestId, first!.route, first!.status, first!.code],
      ['mine', '/inference.GRPCInferenceService/ModelInfer', 0, 'OK'],
    );
    assert.match(first!.traceparent!, /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)/);
    assert.deepEqual([second!.status, second!.code, second!.traceparent], [5, 'MODEL_NOT_FOUND', undefined]);
  });

  it('streams: answers in the order of the requests, and goes on after an error', async () => {
    const stream = client.stream(modelStreamInfer);
    for (let i = 0; i < 20; i += 1) {
      stream.write(ask(i === 7 ? 'nope' : 'doubler', [i, i], { id: String(i) }));
    }
    for (let i = 0; i < 20; i += 1) {
      const { errorMessage, inferResponse } = await next(stream);
      assert.equal(inferResponse!.id, String(i));
      assert.equal(errorMessage !== '', i === 7);
      if (i !== 7) assert.deepEqual(inferResponse!.outputs[0]!.contents!.fp32Contents, [3 * i, 3 * i]);
    }
    stream.end();
    await assert.rejects(next(stream), /ended/);
  });

  it('streams: a slow request holds its place, later ones run beside it', async () => {
    const stream = client.stream(modelStreamInfer);
    stream.write(ask('gated', [1, 2], { id: 'slow' }));
    await door.gate.entered;
    const ran = new Promise<void>((resolve) => {
      const listening = predictionDone.subscribe(({ code, model }) => {
        if (code !== 'OK' || model?.name !== 'doubler') return;
        listening[Symbol.dispose]();
        resolve();
      });
    });
    stream.write(ask('doubler', [1, 2], { id: 'fast' }));
    await ran;
    door.gate.open();
    const ids = [(await next(stream)).inferResponse!.id, (await next(stream)).inferResponse!.id];
    assert.deepEqual(ids, ['slow', 'fast']);
    stream.end();
  });
});
