/** Google's clients of Vertex AI's predictions, for Python and Node.js, unmodified, against a real server. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { get } from 'node:https';
import { after, before, describe, it, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { v1, type protos } from '@google-cloud/aiplatform';
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from '../../src/protocol/open-inference-grpc/gen/open_inference_pb.ts';
import { ADD, RISK, SPELL, TALK, writeHandlers } from '../support/streaming-handlers.ts';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

/** What the client itself has, and takes its options from. */
const ofClient = createRequire(import.meta.resolve('@google-cloud/aiplatform'));
const { GoogleAuth, PassThroughClient } = ofClient('google-auth-library') as {
  readonly GoogleAuth: new (options: { readonly authClient: object }) => object;
  readonly PassThroughClient: new () => object;
};
const { grpc } = ofClient('google-gax') as {
  readonly grpc: { readonly credentials: { readonly createInsecure: () => object } };
};
const HERE = new URL('.', import.meta.url).pathname;
const QUICKSTART = ['iris', 'digits', 'breast-cancer'];
const FIXTURES = ['identity-bytes', 'identity-int64'];
type Value = protos.google.protobuf.IValue;
type ClientOptions = NonNullable<ConstructorParameters<typeof v1.PredictionServiceClient>[0]>;

const numbers = (...list: readonly number[]): Value => ({
  listValue: { values: list.map((numberValue) => ({ numberValue })) },
});
/** Over REST the client makes an object with the keys 0, 1, … of a list that is an instance itself. */
const keyed = (X: Value): Value => ({ structValue: { fields: { X } } });
const endpoint = (name: string) => `projects/p/locations/us-central1/endpoints/${name}`;

describe('clients of Vertex AI', () => {
  let workspace: Awaited<ReturnType<typeof workspaceWith>>;
  let server: RunningServer;

  before(async () => {
    workspace = await workspaceWith(
      Object.fromEntries([
        ...QUICKSTART.map((name) => [name, `examples/quickstart/models/${name}`]),
        ...FIXTURES.map((name) => [name, `test/fixtures/models/${name}`]),
      ]),
    );
    await writeHandlers(workspace.path, { talk: TALK, spell: SPELL, add: ADD, risk: RISK });
    const deployedModels = ['1', '2'].map((id) => ({ id, model: 'iris', traffic: 50 }));
    const protocols = { vertex: { endpoints: [{ id: '77', deployedModels }] } };
    await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify({ protocols }));
    server = await startServer(workspace.path, { command: 'serve' });
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
    await workspace[Symbol.asyncDispose]();
  });

  test('serves the client for Python over REST and gRPC', async () => {
    const env = { ...process.env, HTTP: server.http, GRPC: server.grpc, PYTHONDONTWRITEBYTECODE: '1' };
    const { stdout } = await promisify(execFile)(python(), [`${HERE}vertex_client.py`], { env });
    assert.equal(stdout.trim(), 'ok');
  });

  for (const form of ['REST', 'gRPC'] as const) {
    test(`serves the client for Node.js over ${form}`, async () => {
      const at = form === 'REST' ? new URL(server.http) : new URL(`http://${server.grpc}`);
      const common = {
        apiEndpoint: at.hostname,
        port: Number(at.port),
        projectId: 'p',
        auth: new GoogleAuth({ authClient: new PassThroughClient() }),
      };
      const over =
        form === 'REST'
          ? { ...common, fallback: true, protocol: 'http' }
          : { ...common, sslCreds: grpc.credentials.createInsecure() };
      const client = new v1.PredictionServiceClient(over as unknown as ClientOptions);
      const setosa = numbers(5.1, 3.5, 1.4, 0.2);
      const instance = form === 'REST' ? keyed(setosa) : setosa;
      const [answer] = await client.predict({ endpoint: endpoint('iris'), instances: [instance] });
      const { label, probabilities } = answer.predictions![0]!.structValue!.fields!;
      assert.equal(label!.numberValue, 0);
      assert.equal(probabilities!.listValue!.values!.length, 3);
      assert.equal(answer.deployedModelId, '1');
      assert.equal(answer.modelDisplayName, 'iris');
      const data = Buffer.from('{"instances": [[5.1, 3.5, 1.4, 0.2]]}');
      const httpBody = { contentType: 'application/json', data };
      const [raw] = await client.rawPredict({ endpoint: endpoint('iris'), httpBody });
      const { predictions } = JSON.parse(Buffer.from(raw.data as Uint8Array).toString()) as {
        predictions: { label: number }[];
      };
      assert.equal(predictions[0]!.label, 0);
      const partsOf = async (name: string, body: object) => {
        const request = { contentType: 'application/json', data: Buffer.from(JSON.stringify(body)) };
        const parts: string[] = [];
        for await (const part of client.streamRawPredict({ endpoint: endpoint(name), httpBody: request })) {
          parts.push(Buffer.from((part as { data: Uint8Array }).data).toString());
        }
        return parts;
      };
      assert.deepEqual(await partsOf('talk', { say: 'text' }), ['one ', 'two\nlines ', 'drei ü']);
      assert.deepEqual(await partsOf('spell', { instances: [{ word: 'abc' }] }), ['a.', 'b.', 'c.']);
      await assert.rejects(partsOf('talk', { say: 'fail-late' }), /handler failed|Model talk/i);
      await assert.rejects(partsOf('talk', { say: 'unheard' }));
      const FLOAT = 3;
      const inputs = [{ dtype: FLOAT, shape: [1, 4], floatVal: [5.1, 3.5, 1.4, 0.2] }];
      const [direct] = await client.directPredict({ endpoint: endpoint('iris'), inputs });
      assert.deepEqual(direct.outputs![0]!.int64Val!.map(Number), [0]);
      assert.equal(direct.outputs![1]!.floatVal!.length, 3);
      const word = [{ dtype: 2, shape: [1], stringVal: ['abc'] }];
      const letters: unknown[] = [];
      for await (const part of client.serverStreamingPredict({ endpoint: endpoint('spell'), inputs: word })) {
        letters.push((part as { outputs: { stringVal: string[] }[] }).outputs[0]!.stringVal);
      }
      assert.deepEqual(letters, [['a.'], ['b.'], ['c.']]);
      const risky = { structValue: { fields: { a: { numberValue: 1 }, b: { numberValue: 2 } } } };
      const [explained] = await client.explain({ endpoint: endpoint('risk'), instances: [risky] });
      const given = explained.explanations![0]!.attributions![0]!.featureAttributions!.structValue!.fields!;
      assert.deepEqual([given['a']!.numberValue, given['b']!.numberValue], [2, 2]);
      assert.equal(explained.predictions![0]!.numberValue, 4);
      await assert.rejects(client.explain({ endpoint: endpoint('iris'), instances: [instance] }), { code: 12 });
      const tensor = { name: 'X', datatype: 'FP32', shape: [1n, 4n], contents: { fp32Contents: [5.1, 3.5, 1.4, 0.2] } };
      const message = create(ModelInferRequestSchema, { modelName: 'iris', inputs: [tensor] });
      const [passedOn] = await client.directRawPredict({
        endpoint: endpoint('iris'),
        methodName: '/inference.GRPCInferenceService/ModelInfer/',
        input: toBinary(ModelInferRequestSchema, message),
      });
      const inferred = fromBinary(ModelInferResponseSchema, passedOn.output as Uint8Array);
      assert.deepEqual(
        [inferred.modelName, inferred.outputs.map(({ name }) => name)],
        ['iris', ['label', 'probabilities']],
      );
      const method = { endpoint: endpoint('iris'), methodName: '/no.Such/Method', input: Buffer.alloc(0) };
      await assert.rejects(client.directRawPredict(method), { code: 12 });
      if (form === 'gRPC') {
        for (const stream of [client.streamDirectPredict(), client.streamingPredict()]) {
          stream.write({ endpoint: endpoint('iris'), inputs });
          stream.write({ inputs });
          stream.end();
          const answers: unknown[] = [];
          for await (const part of stream) answers.push((part as { outputs: unknown[] }).outputs.length);
          assert.deepEqual(answers, [2, 2]);
        }
      }
      const instances = [keyed(numbers(1))];
      await assert.rejects(client.predict({ endpoint: endpoint('iris'), instances }), /unexpected shape/);
      await assert.rejects(client.predict({ endpoint: endpoint('no-such'), instances }), { code: 5 });
      await client.close();
    });
  }
});

describe("the Endpoint of Google's client for Python", () => {
  it('predicts, streams and explains over HTTPS and gRPC with TLS, by nothing but another address', async () => {
    await using workspace = await workspaceWith(
      Object.fromEntries(QUICKSTART.map((name) => [name, `examples/quickstart/models/${name}`])),
    );
    await writeHandlers(workspace.path, { talk: TALK, risk: RISK });
    const file = (name: string) => new URL(`../fixtures/tls/${name}`, import.meta.url).pathname;
    const tls = { certFile: file('cert.pem'), keyFile: file('key.pem') };
    const deployedModels = ['1', '2'].map((id) => ({ id, model: 'iris', traffic: 50 }));
    const protocols = { vertex: { endpoints: [{ id: '77', deployedModels }] } };
    const config = { http: { tls }, grpc: { tls }, protocols };
    await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify(config));
    await using server = await startServer(workspace.path, { untilReady: false });
    const ca = await readFile(tls.certFile);
    while (!(await isReady(`${server.http}/v2/health/ready`, ca))) await sleep(20);
    const { port } = new URL(server.http);
    const env = {
      ...process.env,
      HTTPS: `localhost:${port}`,
      GRPC: server.grpc.replace('127.0.0.1', 'localhost'),
      REQUESTS_CA_BUNDLE: tls.certFile,
      GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: tls.certFile,
      PYTHONDONTWRITEBYTECODE: '1',
    };
    const { stdout } = await promisify(execFile)(python(), [`${HERE}vertex_endpoint.py`], { env });
    assert.equal(stdout.trim(), 'ok');
    assert.equal(await server.stop(), 0);
  });
});

function isReady(url: string, ca: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    }).on('error', reject);
  });
}

function python(): string {
  const path = process.env['SERVERY_TEST_PYTHON'];
  assert.ok(path, 'SERVERY_TEST_PYTHON names the Python that has test/foreign/requirements.txt');
  return path;
}
