/** Deadlines, clients that give up, full queues, and how the gRPC door opens and closes. */
import { create, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { predictionDone, type PredictionDone } from '../../src/core/events.ts';
import { frameCopy } from '../../src/grpc/framing.ts';
import { Health } from '../../src/protocol/open-inference-grpc/gen/grpc/health/v1/health_pb.ts';
import {
  GRPCInferenceService,
  ModelInferRequestSchema,
} from '../../src/protocol/open-inference-grpc/gen/open_inference_pb.ts';
import { GrpcClient, next } from '../support/grpc-client.ts';
import { RawClient, openGrpcDoor } from '../support/grpc-door.ts';

const { modelInfer, modelStreamInfer, serverReady, serverLive } = GRPCInferenceService.method;
const INFER = '/inference.GRPCInferenceService/ModelInfer';

const ask = (modelName: string, parameters: Record<string, bigint> = {}) => ({
  modelName,
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1n, 2n], contents: { fp32Contents: [1, 2] } }],
  parameters: Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => [
      key,
      { parameterChoice: { case: 'int64Param', value } } as const,
    ]),
  ),
});
const framed = (modelName: string) =>
  frameCopy(toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, ask(modelName))));

function predictions(count: number): Promise<PredictionDone[]> {
  const { promise, resolve } = Promise.withResolvers<PredictionDone[]>();
  const done: PredictionDone[] = [];
  const listening = predictionDone.subscribe((prediction) => {
    done.push(prediction);
    if (done.length < count) return;
    listening[Symbol.dispose]();
    resolve(done);
  });
  return promise;
}

describe('a deadline', () => {
  it('answers while the model runs', async () => {
    await using door = await openGrpcDoor();
    await using client = new RawClient(door.port);
    const startedAt = performance.now();
    const answer = await client.send(INFER, framed('gated'), { 'grpc-timeout': '60m' });
    assert.equal(answer.status, status.DEADLINE_EXCEEDED);
    assert.equal(answer.trailers['servery-code'], 'DEADLINE_EXCEEDED');
    assert.ok(performance.now() - startedAt < 5_000);
  });

  it('answers while the request waits in the queue, and frees its place', async () => {
    await using door = await openGrpcDoor();
    await using client = new RawClient(door.port);
    const running = client.send(INFER, framed('gated'));
    await door.gate.entered;
    // The queue has two places.
    for (let times = 0; times < 3; times += 1) {
      const answers = await Promise.all(
        [1, 2].map(() => client.send(INFER, framed('gated'), { 'grpc-timeout': '40m' })),
      );
      assert.deepEqual(
        answers.map((answer) => answer.status),
        [status.DEADLINE_EXCEEDED, status.DEADLINE_EXCEEDED],
      );
    }
    door.gate.open();
    assert.equal((await running).status, 0);
  });

  it('of the queue alone is the parameter timeout, in microseconds', async () => {
    await using door = await openGrpcDoor();
    using client = new GrpcClient(door.port);
    const running = client.unary(modelInfer, ask('gated', { timeout: 1000n }));
    await door.gate.entered;
    await assert.rejects(client.unary(modelInfer, ask('gated', { timeout: 20_000n })), {
      code: status.DEADLINE_EXCEEDED,
    });
    door.gate.open();
    await running;
  });

  it('that has passed is answered without a prediction', async () => {
    await using door = await openGrpcDoor();
    await using client = new RawClient(door.port);
    assert.equal(
      (await client.send(INFER, framed('doubler'), { 'grpc-timeout': '0n' })).status,
      status.DEADLINE_EXCEEDED,
    );
  });

  it('in weeks is none', async () => {
    await using door = await openGrpcDoor();
    await using client = new RawClient(door.port);
    assert.equal((await client.send(INFER, framed('doubler'), { 'grpc-timeout': '99999999H' })).status, 0);
  });

  it('ends a stream as well', async () => {
    await using door = await openGrpcDoor();
    using client = new GrpcClient(door.port);
    const stream = client.stream(modelStreamInfer, { deadline: Date.now() + 80 });
    stream.write(ask('doubler'));
    await next(stream);
    await assert.rejects(next(stream), { code: status.DEADLINE_EXCEEDED });
  });
});

describe('a full queue', () => {
  it('refuses at once, and says when to come back', async () => {
    await using door = await openGrpcDoor();
    await using client = new RawClient(door.port);
    const first = client.send(INFER, framed('gated'));
    await door.gate.entered;
    const waiting = [1, 2].map(() => client.send(INFER, framed('gated')));
    const refused = await client.send(INFER, framed('gated'));
    assert.equal(refused.status, status.UNAVAILABLE);
    assert.equal(refused.trailers['servery-code'], 'QUEUE_FULL');
    assert.ok(Number(refused.trailers['grpc-retry-pushback-ms']) > 0);
    door.gate.open();
    for (const answer of await Promise.all([first, ...waiting])) assert.equal(answer.status, 0);
  });
});

describe('a client that gives up', () => {
  it('while it waits in the queue frees its place', async () => {
    await using door = await openGrpcDoor();
    using client = new GrpcClient(door.port);
    const first = client.unary(modelInfer, ask('gated'));
    await door.gate.entered;
    for (let times = 0; times < 5; times += 1) {
      const cancelled = predictions(2);
      const calls = [1, 2].map(() => client.start(modelInfer, ask('gated')));
      // An answer to a later call shows that these have arrived.
      await client.unary(serverLive, {});
      for (const call of calls) call.cancel();
      assert.deepEqual(
        (await cancelled).map(({ code }) => code),
        ['CANCELLED', 'CANCELLED'],
      );
    }
    door.gate.open();
    await first;
  });

  it('while the model runs, by closing its connection, is not waited for', async () => {
    await using door = await openGrpcDoor();
    const client = new RawClient(door.port);
    void client.send(INFER, framed('gated'));
    await door.gate.entered;
    const cancelled = predictions(1);
    client.session.destroy();
    assert.deepEqual(
      (await cancelled).map(({ code }) => code),
      ['CANCELLED'],
    );
  });

  it('in a stream cancels all of its requests', async () => {
    await using door = await openGrpcDoor();
    using client = new GrpcClient(door.port);
    const stream = client.stream(modelStreamInfer);
    stream.write(ask('gated'));
    await door.gate.entered;
    stream.write(ask('gated'));
    await client.unary(serverLive, {});
    const cancelled = predictions(2);
    stream.cancel();
    assert.deepEqual(
      (await cancelled).map(({ code }) => code),
      ['CANCELLED', 'CANCELLED'],
    );
  });
});

describe('a server that stops', () => {
  it('is not ready first, finishes what runs, and refuses what is new', async () => {
    const door = await openGrpcDoor();
    await using old = new RawClient(door.port);
    const running = old.send(INFER, framed('gated'));
    await door.gate.entered;
    door.server.beginDrain();
    using fresh = new GrpcClient(door.port);
    assert.equal((await fresh.unary(serverReady, {})).ready, false);
    assert.equal((await fresh.unary(serverLive, {})).live, true);
    assert.equal((await fresh.unary(Health.method.check, {})).status, 2);
    await assert.rejects(fresh.unary(modelInfer, ask('doubler')), { code: status.UNAVAILABLE });
    const closed = door.server.close(10_000);
    door.gate.open();
    assert.equal((await running).status, 0);
    assert.equal(await closed, 0);
    assert.equal(door.server.address, undefined);
  });

  it('asks its clients to go elsewhere', async () => {
    await using door = await openGrpcDoor();
    await using client = new RawClient(door.port);
    await client.send(INFER, framed('doubler'));
    const goodbye = new Promise<number>((resolve) => client.session.on('goaway', resolve));
    door.server.beginDrain();
    assert.equal(await goodbye, 0);
  });

  it('ends a stream when its requests are answered', async () => {
    const door = await openGrpcDoor();
    using client = new GrpcClient(door.port);
    const stream = client.stream(modelStreamInfer);
    stream.write(ask('gated'));
    await door.gate.entered;
    const closed = door.server.close(10_000);
    door.gate.open();
    assert.equal((await next(stream)).errorMessage, '');
    await assert.rejects(next(stream), { code: status.UNAVAILABLE });
    assert.equal(await closed, 0);
  });

  it('does not wait longer than its grace, and tells those who wait', async () => {
    const door = await openGrpcDoor();
    await using client = new RawClient(door.port);
    const running = client.send(INFER, framed('gated'));
    await door.gate.entered;
    assert.equal(await door.server.close(30), 1);
    assert.equal((await running).status, status.UNAVAILABLE);
    door.gate.open();
  });

  it('closes idle connections, and can be closed twice', async () => {
    const door = await openGrpcDoor();
    await using client = new RawClient(door.port);
    await client.send(INFER, framed('doubler'));
    const closed = new Promise((resolve) => client.session.on('close', resolve));
    await Promise.all([door.server.close(1000), door.server.close(1000)]);
    await closed;
    await door.server.close(0);
  });
});

describe('listening', () => {
  it('on a taken port is an error that names it', async () => {
    await using door = await openGrpcDoor();
    await using other = await openGrpcDoor();
    await other.server.close(0);
    const taken = openGrpcDoor({ port: door.port });
    await assert.rejects(taken, { code: 'ADDRESS_IN_USE', message: new RegExp(`127.0.0.1:${door.port}`) });
  });

  it('on one port is possible for several, when they say so', async () => {
    await using first = await openGrpcDoor({ reusePort: true });
    await using second = await openGrpcDoor({ reusePort: true, port: first.port });
    assert.equal(second.port, first.port);
    for (let times = 0; times < 4; times += 1) {
      await using client = new RawClient(first.port);
      assert.equal((await client.send(INFER, framed('doubler'))).status, 0);
    }
  });
});

it('a call leaves nothing behind', async () => {
  await using door = await openGrpcDoor({ options: { maxBufferedBytes: 4096 } });
  await using client = new RawClient(door.port);
  // More bytes in all than may be held at once.
  for (let times = 0; times < 200; times += 1) {
    assert.equal((await client.send(INFER, framed('doubler'))).status, 0);
  }
  const { stream, answer } = client.open('/inference.GRPCInferenceService/ModelStreamInfer');
  let received = 0;
  stream.on('data', () => (received += 1));
  for (let times = 0; times < 200; times += 1) {
    stream.write(framed('doubler'));
    while (received <= times) await turn();
  }
  stream.end();
  assert.equal((await answer).status, 0);
});
