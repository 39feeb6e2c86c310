/**
 * What the gRPC door costs, against its floors: `node --conditions=servery-source bench/micro/grpc.bench.ts`
 *
 * Transport: a bare unary answer on `node:http2` against ModelInfer with a model that does nothing, in
 * processes of their own, by turns. CPU time of the server is the honest figure on a busy machine.
 * Codec: the hand-written one against `@bufbuild/protobuf` with generated code, on the same messages.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type ClientHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { ServeryError } from '../../src/core/errors.ts';
import { checkInputs, type Signature } from '../../src/core/signature.ts';
import { frameCopy } from '../../src/grpc/framing.ts';
import { protocolOptions } from '../../src/protocol/options.ts';
import { grpcOptions } from '../../src/grpc/options.ts';
import { createGrpcServer } from '../../src/grpc/server.ts';
import { ByteBudget } from '../../src/listening/byte-budget.ts';
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from '../../src/protocol/open-inference-grpc/gen/open_inference_pb.ts';
import { decodeModelInferRequest } from '../../src/protocol/open-inference-grpc/infer-request.ts';
import { encodeModelInferResponse } from '../../src/protocol/open-inference-grpc/infer-response.ts';

const signature: Signature = {
  inputs: [{ name: 'X', datatype: 'FP32', shape: [null, 4] }],
  outputs: [
    { name: 'label', datatype: 'INT64', shape: [null] },
    { name: 'probabilities', datatype: 'FP32', shape: [null, 3] },
  ],
  batched: true,
};
const model = { name: 'iris', version: 1 };
const tensors = [
  { datatype: 'INT64', shape: [1], data: BigInt64Array.of(1n) },
  { datatype: 'FP32', shape: [1, 3], data: Float32Array.of(0.25, 0.5, 0.25) },
] as const;

const request = toBinary(
  ModelInferRequestSchema,
  create(ModelInferRequestSchema, {
    modelName: 'iris',
    inputs: [{ name: 'X', datatype: 'FP32', shape: [1n, 4n] }],
    rawInputContents: [new Uint8Array(Float32Array.of(5.1, 3.5, 1.4, 0.2).buffer)],
  }),
);
const answer = { model, signature, tensors, id: undefined, outputs: undefined, binaryDefault: true };

async function serveFloor(): Promise<number> {
  const framed = frameCopy(encodeModelInferResponse(answer));
  const headers = { ':status': 200, 'content-type': 'application/grpc' };
  const server = createServer();
  server.on('stream', (stream) => {
    stream.on('data', () => {});
    stream.on('end', () => {
      stream.respond(headers, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(framed);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

async function serveDoor(): Promise<number> {
  const unknown = () => {
    throw new ServeryError('MODEL_NOT_FOUND', 'The bench has one model');
  };
  const server = createGrpcServer({
    predict: async (_ref, decode) => {
      const { rows } = checkInputs(signature, decode(signature, model));
      return { model, signature, rows, outputs: tensors };
    },
    stream: unknown,
    explain: unknown,
    models: { snapshot: { sequence: 1, ready: true, complete: true, models: [] }, entry: unknown, describe: unknown },
    control: undefined as never,
    options: grpcOptions.parse({}),
    protocols: protocolOptions.parse({}),
    bufferedBytes: ByteBudget.createCounter(),
    serverName: 'servery',
    authorize: () => {},
  });
  return (await server.listen({ host: '127.0.0.1', port: 0 })).port;
}

interface Measured {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

async function load(child: ChildProcess, port: number, concurrency: number, ms: number): Promise<Measured> {
  const sessions = Array.from({ length: Math.min(4, concurrency) }, () => connect(`http://127.0.0.1:${port}`));
  const framed = frameCopy(request);
  const cpuBefore = await cpuOf(child);
  const startedAt = performance.now();
  let count = 0;
  const loop = async (session: ClientHttp2Session): Promise<void> => {
    while (performance.now() - startedAt < ms) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stream = session.request(
        {
          ':method': 'POST',
          ':path': '/inference.GRPCInferenceService/ModelInfer',
          'content-type': 'application/grpc',
        },
        { endStream: false },
      );
      stream.on('data', () => {});
      stream.on('end', resolve);
      stream.end(framed);
      await promise;
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, i) => loop(sessions[i % sessions.length]!)));
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = (await cpuOf(child)) - cpuBefore;
  for (const session of sessions) session.close();
  return { perSecond: count / seconds, cpuMicros: cpu / count };
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [micros] = (await once(child, 'message')) as [number];
  return micros;
}

async function compareTransports(): Promise<void> {
  const servers = await Promise.all(
    ['floor', 'door'].map(async (name) => {
      const child = fork(import.meta.filename, [name], { execArgv: process.execArgv });
      const [port] = (await once(child, 'message')) as [number];
      return { name, child, port, rounds: [] as Measured[] };
    }),
  );
  for (const concurrency of [1, 32]) {
    for (const server of servers) {
      server.rounds.length = 0;
      await load(server.child, server.port, concurrency, 1500);
    }
    for (let round = 0; round < 5; round += 1) {
      for (const { rounds, child, port } of servers) rounds.push(await load(child, port, concurrency, 1500));
    }
    const [floor, door] = servers.map(({ rounds }) => ({
      perSecond: median(rounds.map(({ perSecond }) => perSecond)),
      cpuMicros: median(rounds.map(({ cpuMicros }) => cpuMicros)),
    }));
    console.log(`${concurrency} at once`, {
      floor,
      door,
      throughputRatio: door!.perSecond / floor!.perSecond,
      cpuRatio: floor!.cpuMicros / door!.cpuMicros,
    });
  }
  for (const { child } of servers) child.disconnect();
}

function compareCodecs(): void {
  const bytes = Buffer.from(request);
  const reply = encodeModelInferResponse(answer);
  const decoded = fromBinary(ModelInferResponseSchema, reply);
  const raw = decoded.rawOutputContents;
  console.log('microseconds for one message', {
    decodeByHand: time(() => decodeModelInferRequest(bytes)),
    decodeGenerated: time(() => fromBinary(ModelInferRequestSchema, bytes)),
    encodeByHand: time(() => encodeModelInferResponse(answer, 5)),
    encodeGenerated: time(() =>
      toBinary(
        ModelInferResponseSchema,
        create(ModelInferResponseSchema, {
          modelName: 'iris',
          modelVersion: '1',
          outputs: [
            { name: 'label', datatype: 'INT64', shape: [1n] },
            { name: 'probabilities', datatype: 'FP32', shape: [1n, 3n] },
          ],
          rawOutputContents: raw,
        }),
      ),
    ),
  });
}

function time(work: () => unknown): number {
  const rounds = Array.from({ length: 15 }, () => {
    const startedAt = performance.now();
    for (let i = 0; i < 20_000; i += 1) work();
    return (performance.now() - startedAt) / 20;
  });
  return Math.min(...rounds);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const [role] = process.argv.slice(2);
if (role === undefined) {
  compareCodecs();
  await compareTransports();
} else {
  process.send!(role === 'floor' ? await serveFloor() : await serveDoor());
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send!(user + system);
  });
  process.on('disconnect', () => process.exit());
}
