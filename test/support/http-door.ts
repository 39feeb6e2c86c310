/**
 * The HTTP door over a real socket, with real batchers behind it. Only the models are simple: each computes its
 * outputs by a rule that a test can do in its head.
 */
import { createConnection } from 'node:net';
import { createApiKey, createKeyRing } from '../../src/core/api-keys.ts';
import type { AuthOptions } from '../../src/core/auth-options.ts';
import { encodeEnvelope, type HandlerEnvelope } from '../../src/core/handler-envelope.ts';
import { ServeryError } from '../../src/core/errors.ts';
import type { Signature } from '../../src/core/signature.ts';
import type { BytesElement, Tensor } from '../../src/core/tensor.ts';
import type { RpcMethods } from '../../src/http/deps.ts';
import { httpOptions, type HttpOptions } from '../../src/http/options.ts';
import type { OpenTable } from '../../src/http/routes.ts';
import { createHttpServer, type HttpDeps, type HttpServer, type ReadModels } from '../../src/http/server.ts';
import { ByteBudget } from '../../src/listening/byte-budget.ts';
import { protocolOptions, type ProtocolInput } from '../../src/protocol/options.ts';
import { batchingOptions } from '../../src/batching/options.ts';
import { LiveVersion } from '../../src/models/live-version.ts';
import type { JobApi } from '../../src/jobs/job-api.ts';
import type { RequestApi } from '../../src/jobs/request/store-request.ts';
import type { ControlApi, ModelSummary } from '../../src/models/control-api.ts';
import { notThereYet, type Snapshot, type VersionDescriptor, type VersionEntry } from '../../src/models/snapshot.ts';
import type { HandlerRoute, RunCall } from '../../src/runtime/runtime.ts';
import { createExplain } from '../../src/serving/explain.ts';
import { createPredict } from '../../src/serving/predict.ts';
import { createStream } from '../../src/serving/stream.ts';

interface TestModel {
  readonly signature: Signature;
  readonly run: (
    parts: readonly (readonly Tensor[])[],
    call: RunCall,
  ) => Promise<readonly Tensor[]> | readonly Tensor[];
  readonly route?: HandlerRoute;
  readonly maxQueuedRows?: number;
}

/** Runs of the model `gated` wait here until a test opens it. */
export class Gate {
  #open = Promise.withResolvers<void>();
  #entered = Promise.withResolvers<void>();

  /** Resolves when a run has arrived. */
  get entered(): Promise<void> {
    return this.#entered.promise;
  }

  open(): void {
    this.#open.resolve();
    this.#open = Promise.withResolvers();
    this.#entered = Promise.withResolvers();
  }

  async pass(): Promise<void> {
    const { promise } = this.#open;
    this.#entered.resolve();
    await promise;
  }
}

export interface Door extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly server: HttpServer;
  readonly gate: Gate;
  /** Calls of the control thread, in order. */
  readonly control: readonly unknown[][];
  /** Asks, with the path. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  setReady(ready: boolean): void;
  /** What is not there may still come. */
  beginStarting(): void;
}

export interface DoorSettings {
  readonly bufferedBytes?: SharedArrayBuffer;
  readonly jobs?: JobApi;
  readonly requests?: RequestApi;
  /** What the key of the user who runs the server would be checked with. */
  readonly ownerKeyHash?: string;
  readonly protocols?: ProtocolInput;
  /** What it answers; everything by default. */
  readonly openTable?: OpenTable;
  /** Methods of gRPC; none by default. */
  readonly rpc?: RpcMethods;
}

export async function openDoor(
  options: Partial<Record<keyof HttpOptions, unknown>> = {},
  auth: AuthOptions = { keys: [] },
  {
    bufferedBytes = ByteBudget.createCounter(),
    jobs,
    requests,
    ownerKeyHash,
    protocols = {},
    openTable,
    rpc = () => undefined,
  }: DoorSettings = {},
): Promise<Door> {
  const gate = new Gate();
  const control: unknown[][] = [];
  const models = createModels(testModels(gate));
  const deps: HttpDeps = {
    predict: createPredict((ref) => models.acquire(ref)),
    explain: createExplain((ref) => models.acquire(ref)),
    stream: createStream((ref) => models.acquire(ref), 30_000),
    models,
    control: recordingControl(control),
    jobs,
    requests,
    options: httpOptions.parse(options),
    protocols: protocolOptions.parse(protocols),
    bufferedBytes,
    keys: createKeyRing(auth, ownerKeyHash),
    openapi: async () => ({ contentType: 'application/json', body: '{"openapi":"3.1.0"}' }),
    rpc,
    docs: async () => ({ contentType: 'text/html; charset=utf-8', body: '<!doctype html>' }),
  };
  const server = createHttpServer(deps, openTable);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${port}`;
  const fetchPath: Door['fetch'] = (path, init) => fetch(url + path, { redirect: 'manual', ...init });
  return {
    url,
    port,
    server,
    gate,
    control,
    fetch: fetchPath,
    post: (path, body, headers) =>
      fetchPath(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
      }),
    setReady: models.setReady,
    beginStarting: models.beginStarting,
    async [Symbol.asyncDispose]() {
      gate.open();
      await server.close(0);
    },
  };
}

function testModels(gate: Gate): Record<string, Record<number, TestModel>> {
  const doubler: TestModel = {
    signature: {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [null, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [null, 2] }],
      batched: true,
    },
    run: (parts, { rows }) => [stacked(parts, rows, 2, (value) => value * 2)],
  };
  const tripler: TestModel = { ...doubler, run: (parts, { rows }) => [stacked(parts, rows, 2, (value) => value * 3)] };
  const gated: TestModel = {
    ...doubler,
    maxQueuedRows: 2,
    run: async (parts, { rows }) => {
      await gate.pass();
      return [stacked(parts, rows, 2, (value) => value)];
    },
  };
  const iris: TestModel = {
    signature: {
      inputs: [{ name: 'X', datatype: 'FP32', shape: [null, 4], features: ['a', 'b', 'c', 'd'] }],
      outputs: [
        { name: 'label', datatype: 'INT64', shape: [null], labels: ['setosa', 'versicolor', 'virginica'] },
        { name: 'probabilities', datatype: 'FP32', shape: [null, 3], labels: ['setosa', 'versicolor', 'virginica'] },
      ],
      batched: true,
    },
    run: (_parts, { rows }) => {
      const label = new BigInt64Array(rows).fill(1n);
      const probabilities = new Float32Array(rows * 3);
      for (let row = 0; row < rows; row += 1) probabilities.set([0.25, 0.5, 0.25], row * 3);
      return [
        { datatype: 'INT64', shape: [rows], data: label },
        { datatype: 'FP32', shape: [rows, 3], data: probabilities },
      ];
    },
  };
  const wide: TestModel = {
    signature: {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [null, null] }],
      outputs: [{ name: 'shared', datatype: 'BOOL', shape: [null] }],
      batched: true,
    },
    // Whether the input is memory that another thread could read: then nothing copied it on its way.
    run: (parts, { rows }) => {
      const data = new Uint8Array(rows);
      data.fill(parts.every(([tensor]) => (tensor!.data as Float32Array).buffer instanceof SharedArrayBuffer) ? 1 : 0);
      return [{ datatype: 'BOOL', shape: [rows], data }];
    },
  };
  const scorer: TestModel = {
    signature: {
      inputs: [{ name: 'body', datatype: 'BYTES', shape: [null], text: true }],
      outputs: [{ name: 'response', datatype: 'BYTES', shape: [null] }],
      batched: true,
    },
    route: { method: 'POST', path: '/score/:shop', bodySchema: {}, responseSchema: {} },
    run: (parts, { parameters }) => {
      const texts = parts.flatMap(([tensor]) => tensor!.data as readonly BytesElement[]);
      const data = texts.map((text) => encodeEnvelope(score(String(text), parameters)));
      return [{ datatype: 'BYTES', shape: [data.length], data }];
    },
  };
  const failing: TestModel = {
    ...doubler,
    run: () => {
      throw new ServeryError('MODEL_FAILED', 'Model failing/1 failed');
    },
  };
  const buggy: TestModel = {
    ...doubler,
    run: () => {
      throw new TypeError('/secret/path is not a function');
    },
  };
  return {
    doubler: { 1: doubler, 2: tripler },
    gated: { 1: gated },
    iris: { 1: iris },
    wide: { 1: wide },
    scorer: { 1: scorer },
    failing: { 1: failing },
    buggy: { 1: buggy },
  };
}

function score(text: string, parameters: RunCall['parameters']): HandlerEnvelope {
  let body: { readonly amount?: unknown };
  try {
    body = Object(JSON.parse(text)) as typeof body;
  } catch {
    return { invalid: [{ path: [], message: 'The body is not JSON', code: 'invalid_json' }] };
  }
  if (typeof body.amount === 'number') {
    return { ok: JSON.stringify({ shop: parameters?.shop, score: body.amount / 100 }) };
  }
  return { invalid: [{ path: ['amount'], message: 'expected a number', code: 'invalid_type' }] };
}

function stacked(
  parts: readonly (readonly Tensor[])[],
  rows: number,
  columns: number,
  rule: (value: number) => number,
): Tensor {
  const data = new Float32Array(rows * columns);
  let at = 0;
  for (const [tensor] of parts) for (const value of tensor!.data as Float32Array) data[at++] = rule(value);
  return { datatype: 'FP32', shape: [rows, columns], data };
}

interface Models extends ReadModels {
  acquire(ref: { name: string }): LiveVersion;
  setReady(ready: boolean): void;
  beginStarting(): void;
}

function createModels(models: Record<string, Record<number, TestModel>>): Models {
  let key = 0;
  const open = new Map<number, LiveVersion>();
  const entries = Object.entries(models).map(([name, versions]) => {
    const listed: VersionEntry[] = Object.entries(versions).map(([version, model]) => {
      key += 1;
      open.set(key, liveVersion(key, { name, version: Number(version) }, model));
      return { version: Number(version), state: 'ready', reason: '', key };
    });
    const aliases: Record<string, number> = name === 'doubler' ? { old: 1, pending: 9 } : {};
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
  const find = (ref: { name: string; version?: number; alias?: string }): LiveVersion => {
    const { versions, aliases, defaultVersion } = entry(ref.name);
    const wanted = ref.version ?? (ref.alias === undefined ? defaultVersion : aliases[ref.alias]);
    const version = versions.find((known) => known.version === wanted);
    if (version === undefined) throw new ServeryError('MODEL_NOT_FOUND', 'Request for unknown model');
    const live = version.key === undefined ? undefined : open.get(version.key);
    if (live === undefined) throw new ServeryError('MODEL_NOT_READY', 'It is not at ready state');
    return live;
  };
  const tryFind = (ref: Parameters<typeof find>[0]): LiveVersion | undefined => {
    try {
      return find(ref);
    } catch {
      return undefined;
    }
  };
  return {
    get snapshot() {
      return snapshot;
    },
    entry,
    describe: (ref) => find(ref).descriptor,
    refusalNow: (ref) => {
      const live = snapshot.models.some(({ name }) => name === ref.name) ? tryFind(ref) : undefined;
      const error = live?.refusalNow();
      return live === undefined || error === undefined ? undefined : { model: live.descriptor.model, error };
    },
    acquire: (ref) => find(ref).acquire(),
    setReady: (ready) => void (snapshot = { ...snapshot, sequence: snapshot.sequence + 1, ready }),
    beginStarting: () => void (snapshot = { sequence: 0, ready: false, complete: false, models: [] }),
  };
}

function liveVersion(key: number, model: VersionDescriptor['model'], test: TestModel): LiveVersion {
  const { signature, route, maxQueuedRows = 4096 } = test;
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
    ...(route === undefined ? {} : { route }),
  };
  const runner = {
    concurrency: 1,
    run: async (parts: readonly (readonly Tensor[])[], call: RunCall) => ({
      outputs: await test.run(parts, call),
      computeMs: 0.05,
    }),
    [Symbol.asyncDispose]: async () => {},
  };
  return new LiveVersion(descriptor, runner, async () => []);
}

function recordingControl(calls: unknown[][]): ControlApi {
  const summary: ModelSummary = { name: 'doubler', defaultVersion: 2, aliases: {}, versions: [], unloaded: false };
  const known = (name: string) => {
    if (name !== 'doubler') throw new ServeryError('MODEL_NOT_FOUND', 'Request for unknown model');
  };
  const record = async <T>(name: string | undefined, result: T, ...call: unknown[]): Promise<T> => {
    if (name !== undefined) known(name);
    calls.push(call);
    return result;
  };
  const zero = { count: 0, ms: 0 };
  // prettier-ignore
  const statistics = {
    model: { name: 'doubler', version: 2 }, lastInferenceMs: 5, rows: 3, runs: 2, success: { count: 2, ms: 1.5 }, fail: zero,
    queue: zero, computeInput: zero, computeInfer: zero, computeOutput: zero,
    batches: [{ rows: 2, count: 1, runMs: 0.5 }], dispatch: { idle: 2 }, rejected: {},
  };
  return {
    listModels: () => record(undefined, [summary], 'listModels'),
    showModel: (name) => record(name, { ...summary, resolved: [], notes: [] }, 'showModel', name),
    setAlias: (name, alias, version) => record(name, summary, 'setAlias', name, alias, version),
    removeAlias: (name, alias) => record(name, summary, 'removeAlias', name, alias),
    rollback: (name, alias) => record(name, summary, 'rollback', name, alias),
    load: (name, files) => record(name, undefined, 'load', name, files),
    unload: (name) => record(name, undefined, 'unload', name),
    statistics: (name, version) => record(name, [statistics], 'statistics', name, version),
    metrics: (...also) => record(undefined, '# HELP up\n', 'metrics', ...also),
  };
}

export interface TestKeys {
  readonly auth: AuthOptions;
  readonly predict: string;
  readonly admin: string;
  readonly jobs: string;
}

export function testKeys(): TestKeys {
  const predict = createApiKey();
  const admin = createApiKey();
  const jobs = createApiKey();
  const keys: AuthOptions['keys'] = [
    { name: 'shop', hash: predict.hash, scopes: ['predict'] },
    { name: 'operator', hash: admin.hash, scopes: ['admin'] },
    { name: 'planner', hash: jobs.hash, scopes: ['jobs'] },
  ];
  return { auth: { keys }, predict: predict.key, admin: admin.key, jobs: jobs.key };
}

/** Everything that comes back for these bytes, until the server closes the connection. */
export async function rawExchange(port: number, parts: Iterable<string | Uint8Array>): Promise<string> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  const { promise, resolve } = Promise.withResolvers<void>();
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.on('close', resolve).on('error', () => {});
  socket.setNoDelay();
  for (const part of parts) {
    if (!socket.write(part)) await Promise.race([promise, new Promise((drained) => socket.once('drain', drained))]);
    // Each part in a packet of its own.
    await new Promise((later) => setImmediate(later));
  }
  await promise;
  return answer;
}

/** A request as text, whose connection ends with its answer. */
export function requestText(method: string, path: string, body = '', headers: Record<string, string> = {}): string {
  const all = { host: '127.0.0.1', connection: 'close', 'content-type': 'application/json', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

export const INFER_BODY = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] };
