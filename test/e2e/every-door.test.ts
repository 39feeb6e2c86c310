/** One model behind every door at once: whoever asks, in whatever form, gets the same numbers for the held-out rows. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import { createServery } from '../../src/index.ts';
import { createClient } from '../../src/client/index.ts';
import { decodeValue, encodeRows } from '../../src/protocol/vertex/value.ts';
import { GRPCInferenceService } from '../../src/protocol/open-inference-grpc/gen/open_inference_pb.ts';
import { WireReader } from '../../src/protocol/open-inference-grpc/wire.ts';
import { lengthField, lengthTag, readEntry, readFields, textField } from '../../src/protocol/proto-fields.ts';
import { decodeTensorProto, encodeTensorProto } from '../../src/protocol/tensorflow-serving/tensor-proto.ts';
import { freePort } from '../support/free-port.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

/** Of one row. */
interface Answer {
  readonly label: number;
  readonly probabilities: readonly number[];
}

const HELD_OUT = new URL('../../examples/quickstart/data/iris.held-out.csv', import.meta.url);
const LABELS = ['setosa', 'versicolor', 'virginica'];
const [head = '', ...lines] = (await readFile(HELD_OUT, 'utf8')).trim().split('\n');
const names = head.split(',').slice(0, 4);
const cells = lines.map((line) => line.split(','));
const rows = cells.map((row) => row.slice(0, 4).map(Number));
const flat = Float32Array.from(rows.flat());
const expected = cells.map((row) => LABELS.indexOf(row[4]!));
const json = { 'content-type': 'application/json' };

/** Numbers that are the same FP32, however they were written. */
function rowsOf(label: Iterable<number | bigint>, probabilities: Iterable<number>): readonly Answer[] {
  const flatOutput = Array.from(probabilities, Math.fround);
  return Array.from(label, (value, i) => ({
    label: Number(value),
    probabilities: flatOutput.slice(3 * i, 3 * i + 3),
  }));
}

const fromRows = (answers: readonly Answer[]): readonly Answer[] =>
  rowsOf(
    answers.map(({ label }) => label),
    answers.flatMap(({ probabilities }) => probabilities),
  );

describe('one model behind every door', () => {
  let workspace: Awaited<ReturnType<typeof workspaceWith>>;
  let server: RunningServer;
  let own: Readonly<Record<'kserve' | 'bentoml' | 'mlflow', string>>;
  let wanted: readonly Answer[];
  let grpc: Client;

  before(async () => {
    workspace = await workspaceWith({ iris: 'examples/quickstart/models/iris' });
    const at = async () => `127.0.0.1:${await freePort()}`;
    own = { kserve: await at(), bentoml: await at(), mlflow: await at() };
    const protocols = {
      kserve: { http: own.kserve },
      bentoml: { http: own.bentoml },
      mlflow: { http: own.mlflow, model: 'iris' },
    };
    await writeFile(`${workspace.path}/servery.config.json`, JSON.stringify({ protocols }));
    server = await startServer(workspace.path);
    grpc = new Client(server.grpc, credentials.createInsecure());
    await using servery = await createServery({ workspace: workspace.path });
    wanted = fromRows((await servery.predict('iris' as string, rows)) as unknown as Answer[]);
    assert.deepEqual(
      wanted.map(({ label }) => label),
      expected,
    );
  });
  after(async () => {
    grpc.close();
    assert.equal(await server.stop(), 0);
    await workspace[Symbol.asyncDispose]();
  });

  const post = async (path: string, body: string | Uint8Array, headers: Record<string, string>, at = server.http) => {
    const response = await fetch(at + path, { method: 'POST', headers, body: body as string });
    const bytes = Buffer.from(await response.arrayBuffer());
    assert.equal(response.status, 200, bytes.toString());
    return { bytes, headers: response.headers };
  };
  const ask = async <T>(path: string, body: unknown, at?: string): Promise<T> =>
    JSON.parse((await post(path, JSON.stringify(body), json, at)).bytes.toString()) as T;
  const call = (path: string, message: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const same = (bytes: Buffer) => bytes;
      grpc.makeUnaryRequest(path, same, same, message, (error, answer) => (error ? reject(error) : resolve(answer!)));
    });

  const text = [names.join(','), ...rows.map((row) => row.join(','))].join('\n');
  const keyed = rows.map((row) => Object.fromEntries(row.map((value, i) => [names[i]!, value])));
  const predictions = ({ predictions: list }: { predictions: Answer[] }) => fromRows(list);
  type Tensors = { outputs: { name: string; data: number[] }[] };
  const ofTensors = ({ outputs: [label, probabilities] }: Tensors) => rowsOf(label!.data, probabilities!.data);

  const doors: Readonly<Record<string, () => Promise<readonly Answer[]>>> = {
    'the plain door, in JSON': async () =>
      fromRows((await ask<{ rows: Answer[] }>('/models/iris/predict', { rows: keyed })).rows),
    'the plain door, in lines of JSON': async () => {
      const body = rows.map((row) => JSON.stringify(row)).join('\n');
      const { bytes } = await post('/models/iris/predict', body, { 'content-type': 'application/x-ndjson' });
      return fromRows(
        bytes
          .toString()
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Answer),
      );
    },
    'the plain door, in CSV': async () => {
      const { bytes } = await post('/models/iris/predict', text, { 'content-type': 'text/csv' });
      const [, ...answers] = bytes.toString().trim().split(/\r?\n/);
      // A list is one cell.
      const values = answers.map((line) => /^(\d+),"\[(.*)\]"$/.exec(line)!);
      return fromRows(
        values.map(([, label, list]) => ({ label: Number(label), probabilities: list!.split(',').map(Number) })),
      );
    },
    'servery/client, by rows': async () => {
      const { rows: answers } = await createClient({ url: server.http }).predict('iris' as string, rows);
      return fromRows(answers as unknown as Answer[]);
    },
    'the Open Inference Protocol, in JSON': async () => {
      const inputs = [{ name: 'X', datatype: 'FP32', shape: [rows.length, 4], data: rows }];
      return ofTensors(await ask<Tensors>('/v2/models/iris/infer', { inputs }));
    },
    'the Open Inference Protocol, in binary': async () => {
      const parameters = { binary_data_size: flat.byteLength };
      const inputs = [{ name: 'X', datatype: 'FP32', shape: [rows.length, 4], parameters }];
      const header = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }));
      const { bytes, headers } = await post('/v2/models/iris/infer', Buffer.concat([header, bytesOf(flat)]), {
        'content-type': 'application/octet-stream',
        'inference-header-content-length': String(header.length),
      });
      const from = Number(headers.get('inference-header-content-length'));
      const copy = new Uint8Array(bytes.subarray(from)).buffer;
      const label = new BigInt64Array(copy, 0, rows.length);
      return rowsOf(label, new Float32Array(copy, label.byteLength));
    },
    'the Open Inference Protocol, over gRPC': async () => {
      using client = new GrpcClient(Number(server.grpc.split(':')[1]));
      const { rawOutputContents: raw, outputs } = await client.unary(GRPCInferenceService.method.modelInfer, {
        modelName: 'iris',
        inputs: [
          { name: 'X', datatype: 'FP32', shape: [BigInt(rows.length), 4n], contents: { fp32Contents: [...flat] } },
        ],
      });
      if (raw.length === 0) {
        const [label, probabilities] = outputs.map(({ contents }) => contents!);
        return rowsOf(label!.int64Contents, probabilities!.fp32Contents);
      }
      const [label, probabilities] = raw.map((one) => new Uint8Array(one).buffer);
      return rowsOf(new BigInt64Array(label!), new Float32Array(probabilities!));
    },
    'TensorFlow Serving, by rows': async () => predictions(await ask('/v1/models/iris:predict', { instances: rows })),
    'TensorFlow Serving, by columns': async () => {
      type Columns = { outputs: { label: number[]; probabilities: number[][] } };
      const { outputs } = await ask<Columns>('/v1/models/iris:predict', { inputs: { X: rows } });
      return rowsOf(outputs.label, outputs.probabilities.flat());
    },
    'TensorFlow Serving, over gRPC': async () => {
      const tensor = encodeTensorProto({ datatype: 'FP32', shape: [rows.length, 4], data: flat });
      const input = lengthField(2, textField(1, 'X'), lengthField(2, tensor));
      const request = Buffer.concat([lengthField(1, textField(1, 'iris')), input]);
      const answer = await call('/tensorflow.serving.PredictionService/Predict', request);
      const outputs = new Map<string, ArrayLike<number | bigint>>();
      forEachField(answer, 1, (entry) => {
        const { key, value } = readEntry(entry);
        outputs.set(key, decodeTensorProto(key, value).data as ArrayLike<number | bigint>);
      });
      return rowsOf(Array.from(outputs.get('label')!), Array.from(outputs.get('probabilities')!, Number));
    },
    "KServe's first protocol, on its port": async () =>
      predictions(await ask('/v1/models/iris:predict', { instances: rows }, `http://${own.kserve}`)),
    TorchServe: async () => fromRows(await ask<Answer[]>('/predictions/iris', rows)),
    'TorchServe, over gRPC': async () => {
      const request = Buffer.concat([
        textField(1, 'iris'),
        lengthField(3, textField(1, 'data'), textField(2, JSON.stringify(rows))),
      ]);
      const answer = await call('/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions', request);
      let list: readonly Answer[] = [];
      forEachField(answer, 1, ({ bytes, pos, end }) => {
        list = JSON.parse(bytes.subarray(pos, end).toString()) as Answer[];
      });
      return fromRows(list);
    },
    MLflow: async () => {
      const frame = { dataframe_split: { columns: names, data: rows } };
      return predictions(await ask('/invocations', frame, `http://${own.mlflow}`));
    },
    BentoML: async () => {
      type Columns = { label: number[]; probabilities: number[][] };
      const { label, probabilities } = await ask<Columns>('/iris', { X: rows }, `http://${own.bentoml}`);
      return rowsOf(label, probabilities.flat());
    },
    SageMaker: async () => predictions(await ask('/endpoints/iris/invocations', { instances: rows })),
    'SageMaker, in CSV': async () => {
      const body = rows.map((row) => row.join(',')).join('\n');
      const headers = { 'content-type': 'text/csv', accept: 'text/csv' };
      const { bytes } = await post('/endpoints/iris/invocations', body, headers);
      const values = bytes.toString().trim().split(/\r?\n/);
      const numbers = values.map((line) => line.split(',').map(Number));
      return fromRows(numbers.map(([label, ...probabilities]) => ({ label: label!, probabilities })));
    },
    'Vertex AI': async () =>
      predictions(await ask('/v1/projects/p/locations/l/endpoints/iris:predict', { instances: rows })),
    'Vertex AI, raw': async () =>
      predictions(await ask('/v1/projects/p/locations/l/endpoints/iris:rawPredict', { instances: rows })),
    'Vertex AI, over gRPC': async () => {
      const signature = {
        inputs: [],
        outputs: [{ name: 'X', datatype: 'FP32', shape: [null, 4] }],
        batched: true,
      } as const;
      const values = encodeRows(signature, [{ datatype: 'FP32', shape: [rows.length, 4], data: flat }]);
      const endpoint = textField(1, 'projects/p/locations/l/endpoints/iris');
      const request = Buffer.concat([endpoint, ...values.map((value) => lengthField(2, value))]);
      const answer = await call('/google.cloud.aiplatform.v1.PredictionService/Predict', request);
      const list: Answer[] = [];
      forEachField(answer, 1, (value) => list.push(decodeValue(value, 10) as Answer));
      return fromRows(list);
    },
  };

  for (const [door, answers] of Object.entries(doors)) {
    it(`answers the same at ${door}`, async () => assert.deepEqual(await answers(), wanted));
  }

  it('answers the same to all of them at once', async () => {
    const all = await Promise.all(Object.values(doors).map((answers) => answers()));
    for (const answers of all) assert.deepEqual(answers, wanted);
  });
});

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function forEachField(message: Buffer, field: number, visit: (value: WireReader) => void): void {
  const reader = new WireReader(message);
  readFields(reader, (tag) => {
    if (tag !== lengthTag(field)) return false;
    visit(reader.nested());
    return true;
  });
}
