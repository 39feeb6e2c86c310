/** Calls that no client makes by mistake, and clients that are slow, silent or gone. */
import { create, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { connect as connectSocket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { notice } from '../../src/core/events.ts';
import { frameCopy } from '../../src/grpc/framing.ts';
import {
  GRPCInferenceService,
  ModelInferRequestSchema,
} from '../../src/protocol/open-inference-grpc/gen/open_inference_pb.ts';
import { Random } from '../support/fuzz.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { RawClient, openGrpcDoor, type GrpcDoor } from '../support/grpc-door.ts';
import { ManualClock } from '../support/manual-clock.ts';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const STREAM_INFER = '/inference.GRPCInferenceService/ModelStreamInfer';
const MIB = 2 ** 20;

function ask(modelName: string, elements = 2): Buffer {
  return Buffer.from(
    toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, {
        modelName,
        inputs: [{ name: 'x', datatype: 'FP32', shape: [1n, BigInt(elements)] }],
        rawInputContents: [new Uint8Array(elements * 4)],
      }),
    ),
  );
}
const good = frameCopy(ask('doubler'));

describe('a call that is not as it should be', () => {
  let door: GrpcDoor;
  let client: RawClient;
  before(async () => {
    door = await openGrpcDoor({ options: { maxMessageBytes: MIB, maxBufferedBytes: 8 * MIB } });
    client = new RawClient(door.port);
  });
  after(async () => {
    await client[Symbol.asyncDispose]();
    await door[Symbol.asyncDispose]();
  });

  const bomb = frameCopy(gzipSync(Buffer.alloc(50 * MIB)), true);
  for (const { when, bytes, headers = {}, code, message } of [
    { when: 'it has no message', bytes: Buffer.alloc(0), code: status.INVALID_ARGUMENT, message: /no message/ },
    {
      when: 'it has two messages',
      bytes: Buffer.concat([good, good]),
      code: status.INVALID_ARGUMENT,
      message: /more than one/,
    },
    { when: 'its message is cut', bytes: good.subarray(0, -1), code: status.INVALID_ARGUMENT, message: /middle/ },
    { when: 'its prefix is cut', bytes: good.subarray(0, 3), code: status.INVALID_ARGUMENT, message: /middle/ },
    {
      when: 'its message is no protobuf',
      bytes: frameCopy(Buffer.alloc(9, 0xff)),
      code: status.INVALID_ARGUMENT,
      message: /protobuf/,
    },
    {
      when: 'its first byte is odd',
      bytes: Buffer.concat([Buffer.of(7), good.subarray(1)]),
      code: status.INVALID_ARGUMENT,
      message: /first byte/,
    },
    {
      when: 'it is compressed in no encoding',
      bytes: frameCopy(good, true),
      code: status.INVALID_ARGUMENT,
      message: /compressed/,
    },
    {
      when: 'it is compressed and is not',
      bytes: frameCopy(good, true),
      headers: { 'grpc-encoding': 'gzip' },
      code: status.INVALID_ARGUMENT,
      message: /gzip/,
    },
    {
      when: 'its encoding is unknown',
      bytes: good,
      headers: { 'grpc-encoding': 'snappy' },
      code: status.UNIMPLEMENTED,
      message: /snappy/,
    },
    {
      when: 'it grows beyond the limit',
      bytes: bomb,
      headers: { 'grpc-encoding': 'gzip' },
      code: status.RESOURCE_EXHAUSTED,
      message: /decompressed/,
    },
    {
      when: 'it announces too much',
      bytes: Buffer.from([0, 0xff, 0xff, 0xff, 0xff]),
      code: status.RESOURCE_EXHAUSTED,
      message: /4294967295/,
    },
    {
      when: 'its timeout is no timeout',
      bytes: good,
      headers: { 'grpc-timeout': 'soon' },
      code: status.INVALID_ARGUMENT,
      message: /grpc-timeout/,
    },
  ] as readonly { when: string; bytes: Buffer; headers?: Record<string, string>; code: number; message: RegExp }[]) {
    it(`is refused when ${when}`, async () => {
      const answer = await client.send(INFER, bytes, headers);
      assert.equal(answer.headers[':status'], 200);
      assert.equal(answer.status, code);
      assert.match(decodeURIComponent(answer.trailers['grpc-message'] as string), message);
      assert.equal(answer.headers['grpc-accept-encoding'], 'identity,gzip,deflate');
    });
  }

  it('is refused when nobody knows the method', async () => {
    for (const path of [
      '/',
      '/inference.GRPCInferenceService/',
      '/__proto__',
      '/inference.GRPCInferenceService/modelInfer',
    ]) {
      assert.equal((await client.send(path, good)).status, status.UNIMPLEMENTED, path);
    }
  });

  it('is answered at once when nobody knows the method, though the client goes on sending', async () => {
    const { answer } = client.open('/no.such/Method');
    assert.equal((await answer).status, status.UNIMPLEMENTED);
  });

  it('is answered in plain HTTP when it is not gRPC', async () => {
    for (const [headers, expected] of [
      [{ 'content-type': 'application/json' }, 415],
      [{ 'content-type': 'application/grpc-web' }, 415],
      [{ 'content-type': 'application/grpc+json' }, 415],
      [{ ':method': 'GET' }, 405],
    ] as const) {
      const answer = await client.send(INFER, Buffer.alloc(0), headers);
      assert.deepEqual([answer.headers[':status'], answer.status], [expected, undefined]);
    }
    assert.equal((await client.send(INFER, good, { 'content-type': 'application/grpc+proto' })).status, 0);
  });

  it('ends a stream when it comes in one, after what came before it', async () => {
    const { stream, answer } = client.open(STREAM_INFER);
    stream.write(good);
    await new Promise((resolve) => stream.once('data', resolve));
    stream.write(Buffer.from([9, 0, 0, 0, 0]));
    const { status: code, body } = await answer;
    assert.equal(code, status.INVALID_ARGUMENT);
    assert.ok(body.length > 5);
  });

  it('is stopped when it is too large, and the connection goes on', async () => {
    const { stream, answer } = client.open(INFER);
    stream.write(Buffer.from([0, 0x04, 0, 0, 0]));
    for (let sent = 0; sent < 64 && !stream.closed; sent += 1) stream.write(Buffer.alloc(MIB));
    assert.equal((await answer).status, status.RESOURCE_EXHAUSTED);
    assert.equal((await client.send(INFER, good)).status, 0);
    using js = new GrpcClient(door.port);
    const { modelInfer } = GRPCInferenceService.method;
    for (let times = 0; times < 3; times += 1) {
      const large = { modelName: 'doubler', rawInputContents: [Buffer.alloc(16 * MIB)] };
      await assert.rejects(js.unary(modelInfer, large), { code: status.RESOURCE_EXHAUSTED });
    }
  });

  it('is refused when all calls together hold too much', async () => {
    const halves = Array.from({ length: 16 }, () => client.open(INFER));
    for (const { stream } of halves) stream.write(frameCopy(Buffer.alloc(MIB - 10)).subarray(0, -1));
    const answers = halves.map(({ answer }) => answer);
    const first = await Promise.race(answers);
    assert.equal(first.status, status.UNAVAILABLE);
    assert.ok(Number(first.trailers['grpc-retry-pushback-ms']) > 0);
    for (const { stream } of halves) stream.close();
    await Promise.all(answers);
    assert.equal((await client.send(INFER, frameCopy(ask('identity-FP32', MIB / 8)))).status, 0);
  });

  it('never costs more than itself, whatever its bytes are', async () => {
    const bugs: unknown[] = [];
    using _listening = notice.subscribe(({ error }) => void bugs.push(error));
    const random = new Random(7);
    const pieces = [Uint8Array.of(0xff, 0xff, 0xff, 0x7f), Uint8Array.of(0, 0, 0, 0, 0), Uint8Array.of(0x2a, 0)];
    for (let round = 0; round < 20; round += 1) {
      const answers = random.list(50, () => {
        const bytes = random.chance(0.5)
          ? random.mutate(good, pieces)
          : frameCopy(random.mutate(good.subarray(5), pieces));
        return client.send(random.pick([INFER, STREAM_INFER]), bytes);
      });
      for (const { status: code } of await Promise.all(answers)) {
        assert.ok(code !== undefined && code !== status.INTERNAL, String(code));
      }
    }
    assert.deepEqual(bugs, []);
    assert.equal((await client.send(INFER, good)).status, 0);
  });

  it('is refused when its metadata is too large, or too many', async () => {
    // On a new connection: later on Node.js itself keeps to what the server has announced.
    await using other = new RawClient(door.port);
    const large = await other.send(INFER, good, { 'x-large': 'a'.repeat(17_000) });
    assert.equal(large.status, status.RESOURCE_EXHAUSTED);
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, 'v']));
    const { stream, answer } = client.open(INFER, many);
    stream.end(good);
    await answer;
    assert.equal(stream.rstCode, 11); // ENHANCE_YOUR_CALM, which clients show as RESOURCE_EXHAUSTED
    assert.equal((await client.send(INFER, good)).status, 0);
  });

  it('may come as something else than HTTP/2: that connection alone is closed', async () => {
    for (const bytes of [
      'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
      '\0\0\0\0',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage garbage garbage',
    ]) {
      const socket = connectSocket(door.port, '127.0.0.1');
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.on('error', () => {}).resume();
      socket.end(bytes);
      await closed;
    }
    assert.equal((await client.send(INFER, good)).status, 0);
  });

  it('may be given up again and again: others do not notice', async () => {
    await using other = new RawClient(door.port);
    for (let round = 0; round < 30; round += 1) {
      const path = round % 2 === 0 ? INFER : '/no.such/Method';
      const calls = Array.from({ length: 100 }, () =>
        other.open(path, round % 5 === 0 ? { 'content-type': 'text/plain' } : {}),
      );
      for (const { stream } of calls) {
        if (round % 3 > 0) stream.write(round % 3 === 1 ? good : good.subarray(0, 10));
        stream.close(8);
      }
      await Promise.all(calls.map(({ answer }) => answer));
    }
    assert.equal((await client.send(INFER, good)).status, 0);
  });
});

describe('a client that is slow', () => {
  async function untilServerSees(condition: () => boolean): Promise<void> {
    while (!condition()) await turn();
  }

  it('to send a message is cut off', async () => {
    const clock = new ManualClock();
    await using door = await openGrpcDoor({ clock, options: { messageTimeout: '10s' } });
    await using client = new RawClient(door.port);
    const { stream, answer } = client.open(INFER);
    stream.write(good.subarray(0, 9));
    // The answer to another call on the connection shows that the server has these bytes.
    await client.send(INFER, good);
    clock.advance(9_900);
    assert.equal((await client.send(INFER, good)).status, 0);
    clock.advance(1_000);
    assert.equal((await answer).status, status.CANCELLED);
  });

  it('to say anything at all on a call is cut off', async () => {
    const clock = new ManualClock();
    await using door = await openGrpcDoor({ clock, options: { messageTimeout: '10s' } });
    await using client = new RawClient(door.port);
    const { answer } = client.open(INFER);
    await client.send(INFER, good);
    clock.advance(11_000);
    assert.equal((await answer).status, status.CANCELLED);
  });

  it('between two messages of a stream is not', async () => {
    const clock = new ManualClock();
    await using door = await openGrpcDoor({ clock, options: { messageTimeout: '10s', keepAliveInterval: '1d' } });
    await using client = new RawClient(door.port);
    const { stream, answer } = client.open(STREAM_INFER);
    stream.write(good);
    await new Promise((resolve) => stream.once('data', resolve));
    clock.advance(3_600_000);
    stream.end(good);
    const { status: code, body } = await answer;
    assert.equal(code, 0);
    assert.equal(body.length, 2 * (body.readUInt32BE(1) + 5));
  });

  it('to read an answer is cut off', async () => {
    const clock = new ManualClock();
    await using door = await openGrpcDoor({ clock, options: { messageTimeout: '10s' } });
    await using client = new RawClient(door.port);
    const stream = client.session.request({ ':method': 'POST', ':path': INFER, 'content-type': 'application/grpc' });
    const closed = new Promise((resolve) => stream.on('close', resolve));
    stream.on('error', () => {});
    const headers = new Promise((resolve) => stream.on('response', resolve));
    stream.end(frameCopy(ask('identity-FP32', 4 * MIB)));
    await headers; // and does not read what follows
    clock.advance(11_000);
    await closed;
    assert.equal(stream.rstCode, 8);
  });

  it('to speak HTTP/2 is cut off', async () => {
    const clock = new ManualClock();
    await using door = await openGrpcDoor({ clock, options: { handshakeTimeout: '5s' } });
    const socket = connectSocket(door.port, '127.0.0.1');
    let isClosed = false;
    socket.on('error', () => {}).on('close', () => (isClosed = true));
    await new Promise((resolve) => socket.once('data', resolve)); // the server's settings
    clock.advance(4_000);
    await turn();
    assert.equal(isClosed, false);
    clock.advance(1_500);
    await untilServerSees(() => isClosed);
  });

  it('to answer a ping is taken for gone', async () => {
    const clock = new ManualClock();
    await using door = await openGrpcDoor({ clock, options: { keepAliveInterval: '1m', keepAliveTimeout: '20s' } });
    await using healthy = new RawClient(door.port);
    assert.equal((await healthy.send(INFER, good)).status, 0);
    const socket = connectSocket(door.port, '127.0.0.1');
    let isClosed = false;
    socket.on('error', () => {}).on('close', () => (isClosed = true));
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]));
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
    // The server acknowledges our settings: type 4 with the flag 1.
    await untilServerSees(() => received.includes(Buffer.from([0, 0, 0, 4, 1])));
    clock.advance(60_500);
    // A ping: length 8, type 6.
    await untilServerSees(() => received.includes(Buffer.from([0, 0, 8, 6, 0])));
    assert.equal((await healthy.send(INFER, good)).status, 0);
    assert.equal(isClosed, false);
    clock.advance(20_500);
    await untilServerSees(() => isClosed);
    assert.equal((await healthy.send(INFER, good)).status, 0);
  });
});
