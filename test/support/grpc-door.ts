/**
 * The gRPC door over a real socket, with real batchers behind it, and a client that can say anything.
 *
 * Only the models are simple: each computes its outputs by a rule that a test can do in its head.
 */
import { connect, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { batchingOptions } from '../../src/batching/options.ts';
import { createKeyRing, presentedKey } from '../../src/core/api-keys.ts';
import type { AuthOptions } from '../../src/core/auth-options.ts';
import { systemClock, type Clock } from '../../src/core/clock.ts';
import { ServeryError } from '../../src/core/errors.ts';
import type { ModelRef } from '../../src/core/model.ts';
import type { Signature } from '../../src/core/signature.ts';
import { DATATYPES, type Datatype, type Tensor } from '../../src/core/tensor.ts';
import { frameCopy } from '../../src/grpc/framing.ts';
import { grpcOptions, type GrpcOptions } from '../../src/grpc/options.ts';
import { protocolOptions } from '../../src/protocol/options.ts';
import { createGrpcServer, type GrpcDeps, type GrpcServer } from '../../src/grpc/server.ts';
import { ByteBudget } from '../../src/listening/byte-budget.ts';
import type { ControlApi, VersionStatistics } from '../../src/models/control-api.ts';
import { LiveVersion } from '../../src/models/live-version.ts';
import { notThereYet, type Snapshot, type VersionDescriptor, type VersionEntry } from '../../src/models/snapshot.ts';
import type { RunCall } from '../../src/runtime/runtime.ts';
import { stack } from '../../src/runtime/stack.ts';
import { createStream } from '../../src/serving/stream.ts';
import { createExplain } from '../../src/serving/explain.ts';
import { createPredict } from '../../src/serving/predict.ts';

type Run = (inputs: readonly Tensor[], call: RunCall) => readonly Tensor[] | Promise<readonly Tensor[]>;

interface TestModel {
  readonly signature: Signature;
  readonly run: Run;
  readonly maxQueuedRows?: number;
}

/** Runs of the model `gated` wait here until a test opens it. */
export class Gate {
  readonly #opened = Promise.withResolvers<void>();
  readonly #entered = Promise.withResolvers<void>();

  /** Resolves when a run has arrived. */
  get entered(): Promise<void> {
    return this.#entered.promise;
  }

  open(): void {
    this.#opened.resolve();
  }

  async pass(): Promise<void> {
    this.#entered.resolve();
    await this.#opened.promise;
  }
}

export interface GrpcDoor extends AsyncDisposable {
  readonly port: number;
  readonly server: GrpcServer;
  readonly gate: Gate;
  /** Calls of the control thread, in order. */
  readonly control: readonly unknown[][];
  setReady(ready: boolean): void;
  /** What is not there may still come. */
  beginStarting(): void;
}

export interface DoorSettings {
  readonly options?: Partial<Record<keyof GrpcOptions, unknown>>;
  readonly auth?: AuthOptions;
  readonly clock?: Clock;
  readonly port?: number;
  readonly reusePort?: boolean;
  /** That of other front ends; one of its own by default. */
  readonly bufferedBytes?: SharedArrayBuffer;
}

export async function openGrpcDoor({
  options = {},
  auth = { keys: [] },
  clock = systemClock,
  port: wantedPort = 0,
  reusePort = false,
  bufferedBytes = ByteBudget.createCounter(),
}: DoorSettings = {}): Promise<GrpcDoor> {
  const gate = new Gate();
  const control: unknown[][] = [];
  const keys = createKeyRing(auth);
  const models = createModels(testModels(gate));
  const server = createGrpcServer(
    {
      predict: createPredict(models.acquire),
      explain: createExplain(models.acquire),
      stream: createStream(models.acquire, 30_000),
      models,
      control: recordingControl(control),
      options: grpcOptions.parse(options),
      protocols: protocolOptions.parse({}),
      bufferedBytes,
      serverName: 'servery',
      authorize: (authorization, scope) => keys.check(presentedKey(authorization, undefined), scope),
    },
    clock,
  );
  const { port } = await server.listen({ host: '127.0.0.1', port: wantedPort, reusePort });
  return {
    port,
    server,
    gate,
    control,
    setReady: models.setReady,
    beginStarting: models.beginStarting,
    async [Symbol.asyncDispose]() {
      gate.open();
      await server.close(0);
    },
  };
}

function testModels(gate: Gate): Record<string, Record<number, TestModel>> {
  const vector = (name: string, datatype: Datatype) => ({ name, datatype, shape: [null, 2] });
  const doubler = (factor: number): TestModel => ({
    signature: { inputs: [vector('x', 'FP32')], outputs: [vector('y', 'FP32')], batched: true },
    run: ([x]) => [{ ...x!, data: (x!.data as Float32Array).map((value) => value * factor) }],
  });
  const gated: TestModel = {
    ...doubler(2),
    maxQueuedRows: 2,
    run: async ([x]) => {
      await gate.pass();
      return [x!];
    },
  };
  const addSub: TestModel = {
    signature: {
      inputs: ['INPUT0', 'INPUT1'].map((name) => ({ name, datatype: 'INT32', shape: [null, 16] })),
      outputs: ['OUTPUT0', 'OUTPUT1'].map((name) => ({ name, datatype: 'INT32', shape: [null, 16] })),
      batched: true,
    },
    run([a, b]) {
      const [left, right] = [a!.data as Int32Array, b!.data as Int32Array];
      return [
        { ...a!, data: left.map((value, i) => value + right[i]!) },
        { ...a!, data: left.map((value, i) => value - right[i]!) },
      ];
    },
  };
  const classes: TestModel = {
    signature: {
      inputs: [vector('x', 'FP32')],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [null, 2], labels: ['no', 'yes'] }],
      batched: true,
    },
    run: ([x]) => [x!],
  };
  const failing: TestModel = {
    ...doubler(1),
    run() {
      throw new ServeryError('MODEL_FAILED', 'Model failing/1 failed');
    },
  };
  const buggy: TestModel = {
    ...doubler(1),
    run() {
      throw new TypeError('/secret/path is not a function');
    },
  };
  const identities = DATATYPES.map((datatype): [string, Record<number, TestModel>] => [
    `identity-${datatype}`,
    {
      1: {
        signature: {
          inputs: [{ name: 'x', datatype, shape: [null, null] }],
          outputs: [{ name: 'y', datatype, shape: [null, null] }],
          batched: true,
        },
        run: ([x]) => [x!],
      },
    },
  ]);
  return {
    doubler: { 1: doubler(2), 2: doubler(3) },
    gated: { 1: gated },
    'add-sub': { 1: addSub },
    classes: { 1: classes },
    failing: { 1: failing },
    buggy: { 1: buggy },
    ...Object.fromEntries(identities),
  };
}

type Models = GrpcDeps['models'] & {
  acquire(ref: ModelRef): LiveVersion;
  setReady(ready: boolean): void;
  beginStarting(): void;
};

function createModels(models: Record<string, Record<number, TestModel>>): Models {
  let key = 0;
  const open = new Map<number, LiveVersion>();
  const entries = Object.entries(models).map(([name, versions]) => {
    const listed: VersionEntry[] = Object.entries(versions).map(([version, model]) => {
      key += 1;
      open.set(key, liveVersion(key, { name, version: Number(version) }, model));
      return { version: Number(version), state: 'ready', reason: '', key };
    });
    const aliases: Record<string, number> = name === 'doubler' ? { old: 1 } : {};
    return { name, defaultVersion: listed.at(-1)!.version, aliases, versions: listed };
  });
  const loading: VersionEntry = { version: 1, state: 'loading', reason: '', key: undefined };
  entries.push({ name: 'late', defaultVersion: 1, aliases: {}, versions: [loading] });
  let snapshot: Snapshot = { sequence: 1, ready: true, complete: true, models: entries };

  const entry: Models['entry'] = (name) => {
    const found = snapshot.models.find((model) => model.name === name);
    if (found !== undefined) return found;
    if (!snapshot.complete) throw notThereYet('The model is not found');
    throw new ServeryError('MODEL_NOT_FOUND', 'Request for unknown model');
  };
  const find = (ref: ModelRef): LiveVersion => {
    const { versions, aliases, defaultVersion } = entry(ref.name);
    const wanted = ref.version ?? (ref.alias === undefined ? defaultVersion : aliases[ref.alias]);
    const version = versions.find((known) => known.version === wanted);
    if (version === undefined) throw new ServeryError('MODEL_NOT_FOUND', 'Request for unknown model');
    const live = version.key === undefined ? undefined : open.get(version.key);
    if (live === undefined) {
      throw new ServeryError('MODEL_NOT_READY', 'It is not at ready state', { retryAfterMs: 1500 });
    }
    return live;
  };
  return {
    get snapshot() {
      return snapshot;
    },
    entry,
    describe: (ref) => find(ref).descriptor,
    acquire: (ref) => find(ref).acquire(),
    setReady: (ready) => void (snapshot = { ...snapshot, sequence: snapshot.sequence + 1, ready }),
    beginStarting: () => void (snapshot = { sequence: 0, ready: false, complete: false, models: [] }),
  };
}

function liveVersion(key: number, model: VersionDescriptor['model'], test: TestModel): LiveVersion {
  const { signature, maxQueuedRows = 4096 } = test;
  const descriptor: VersionDescriptor = {
    key,
    model,
    signature,
    platform: 'onnxruntime_onnx',
    batching: batchingOptions.parse({ maxQueuedRows }),
    minRows: 1,
    batchable: true,
    queueCounters: new SharedArrayBuffer(8),
    costs: [{ rows: 1, runMs: 0.05 }],
    exampleRows: [],
  };
  const runner = {
    concurrency: 1,
    run: async (parts: readonly (readonly Tensor[])[], call: RunCall) => ({
      outputs: await test.run(stack(parts, call.rows), call),
      computeMs: 0.05,
    }),
    [Symbol.asyncDispose]: async () => {},
  };
  return new LiveVersion(descriptor, runner, async () => []);
}

function recordingControl(calls: unknown[][]): ControlApi {
  const refuse = async (): Promise<never> => {
    throw new ServeryError('INTERNAL', 'The gRPC door does not ask for this');
  };
  const record = async <T>(name: string | undefined, result: T, ...call: unknown[]): Promise<T> => {
    if (name === 'no-such-model') throw new ServeryError('MODEL_NOT_FOUND', 'Request for unknown model');
    calls.push(call);
    return result;
  };
  const zero = { count: 0, ms: 0 };
  // prettier-ignore
  const statistics: VersionStatistics = {
    model: { name: 'doubler', version: 2 }, lastInferenceMs: 5, rows: 3, runs: 2, success: { count: 2, ms: 1.5 }, fail: zero,
    queue: zero, computeInput: zero, computeInfer: zero, computeOutput: zero,
    batches: [{ rows: 2, count: 1, runMs: 0.5 }], dispatch: { idle: 2 }, rejected: {},
  };
  return {
    listModels: refuse,
    showModel: refuse,
    setAlias: refuse,
    removeAlias: refuse,
    rollback: refuse,
    metrics: refuse,
    load: (name, files) => record(name, undefined, 'load', name, files),
    unload: (name) => record(name, undefined, 'unload', name),
    statistics: (name, version) => record(name, [statistics], 'statistics', name, version),
  };
}

export interface RawAnswer {
  readonly headers: IncomingHttpHeaders;
  /** Of the trailers, or of the headers where there is nothing else. */
  readonly status: number | undefined;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Error code of HTTP/2 with which the stream ended. */
  readonly rstCode: number;
}

/** A client that sends bytes as they are. */
export class RawClient implements AsyncDisposable {
  readonly session: ClientHttp2Session;

  constructor(port: number) {
    this.session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1000 });
    this.session.on('error', () => {});
  }

  open(path: string, headers: OutgoingHttpHeaders = {}) {
    const stream = this.session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    const { promise, resolve } = Promise.withResolvers<RawAnswer>();
    let received: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const body: Buffer[] = [];
    stream.on('response', (heads) => (received = heads));
    stream.on('trailers', (heads) => (trailers = heads));
    stream.on('data', (chunk: Buffer) => body.push(chunk));
    stream.on('error', () => {});
    const settle = (): void => {
      const last = trailers['grpc-status'] === undefined ? received : trailers;
      const status = last['grpc-status'] === undefined ? undefined : Number(last['grpc-status']);
      resolve({ headers: received, trailers: last, status, body: Buffer.concat(body), rstCode: stream.rstCode });
    };
    // Either: after an answer that came early, Node.js does not close what it has not finished sending.
    stream.on('end', settle).on('close', settle);
    return { stream, answer: promise };
  }

  /** Sends the bytes, framed or not, and ends. */
  send(path: string, bytes: Uint8Array, headers?: OutgoingHttpHeaders): Promise<RawAnswer> {
    const { stream, answer } = this.open(path, headers);
    stream.end(bytes);
    return answer;
  }

  call(method: string, message: Uint8Array, headers?: OutgoingHttpHeaders): Promise<RawAnswer> {
    return this.send(`/inference.GRPCInferenceService/${method}`, frameCopy(message), headers);
  }

  async [Symbol.asyncDispose]() {
    this.session.destroy();
  }
}
