// What the HTTP wire formats cost, against the least that JSON can cost: `JSON.parse` of the same request and
// `JSON.stringify` of the same answer, with no check and no tensor.
//
//   node --conditions=servery-source bench/micro/open-inference.bench.ts
import type { Signature } from '../../src/core/signature.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { decodeInferRequest } from '../../src/protocol/open-inference/infer-request.ts';
import { encodeInferResponse } from '../../src/protocol/open-inference/infer-response.ts';
import { decodePlainRequest, encodePlainResponse } from '../../src/protocol/plain.ts';

const features = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'];
const labels = ['setosa', 'versicolor', 'virginica'];
const model = { name: 'iris', version: 1 };
const signature: Signature = {
  batched: true,
  inputs: [{ name: 'X', datatype: 'FP32', shape: [null, 4], features }],
  outputs: [
    { name: 'label', datatype: 'INT64', shape: [null], labels },
    { name: 'probabilities', datatype: 'FP32', shape: [null, 3], labels },
  ],
};

const ROUNDS = 12;
const ROUND_MS = 25;

/** Nanoseconds of a call in one round. */
function round(call: () => unknown): number {
  const start = performance.now();
  let calls = 0;
  for (; performance.now() < start + ROUND_MS; calls += 16) for (let i = 0; i < 16; i += 1) call();
  return ((performance.now() - start) / calls) * 1e6;
}

const table: Record<string, Record<string, string>> = {};

/** By turns, and the best round of each: everything else on the machine only adds. */
function compare(what: string, ours: () => unknown, floor: () => unknown): void {
  let [nanoseconds, least] = [Infinity, Infinity];
  for (let i = 0; i < ROUNDS; i += 1) {
    nanoseconds = Math.min(nanoseconds, round(ours));
    least = Math.min(least, round(floor));
  }
  table[what] = {
    'ours (µs)': (nanoseconds / 1000).toFixed(2),
    'floor (µs)': (least / 1000).toFixed(2),
    ratio: (nanoseconds / least).toFixed(2),
  };
}

for (const rows of [1, 32]) {
  // New numbers each time, as V8 keeps the texts of those it has printed before.
  const probabilities = new Float32Array(3 * rows);
  const renew = (): void => {
    for (let i = 0; i < probabilities.length; i += 1) probabilities[i] = Math.random();
  };
  const outputs: Tensor[] = [
    { datatype: 'INT64', shape: [rows], data: new BigInt64Array(rows) },
    { datatype: 'FP32', shape: [rows, 3], data: probabilities },
  ];
  const values = Array.from({ length: 4 * rows }, () => Math.round(Math.random() * 80) / 10);

  const form = { name: 'X', datatype: 'FP32', shape: [rows, 4] };
  const json = Buffer.from(JSON.stringify({ inputs: [{ ...form, data: values }] }));
  const header = Buffer.from(JSON.stringify({ inputs: [{ ...form, parameters: { binary_data_size: 16 * rows } }] }));
  const binary = Buffer.concat([header, new Uint8Array(Float32Array.from(values).buffer)]);
  const plainRows = Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(features.map((name, i) => [name, values[4 * row + i]])),
  );
  const plain = Buffer.from(JSON.stringify({ rows: plainRows }));

  const bareDecode = (body: Buffer) => () => JSON.parse(body.toString()) as unknown;
  compare(`decode JSON, ${rows} rows`, () => decodeInferRequest(json), bareDecode(json));
  compare(`decode binary, ${rows} rows`, () => decodeInferRequest(binary, header.length), bareDecode(json));
  compare(`decode plain JSON, ${rows} rows`, () => decodePlainRequest(plain, 'json', signature), bareDecode(plain));

  const answer = { model, signature, tensors: outputs, id: undefined, outputs: undefined };
  const bareAnswer = () => {
    renew();
    const label = { name: 'label', datatype: 'INT64', shape: [rows], data: new Array<number>(rows).fill(0) };
    const scores = { name: 'probabilities', datatype: 'FP32', shape: [rows, 3], data: Array.from(probabilities) };
    return Buffer.from(JSON.stringify({ model_name: 'iris', model_version: '1', outputs: [label, scores] }));
  };
  const encode = (binaryDefault: boolean) => () => {
    renew();
    const { body } = encodeInferResponse({ ...answer, binaryDefault });
    return typeof body === 'string' ? Buffer.from(body) : body;
  };
  compare(`encode JSON, ${rows} rows`, encode(false), bareAnswer);
  compare(`encode binary, ${rows} rows`, encode(true), bareAnswer);
  for (const withLabels of [false, true]) {
    const encodePlain = () => {
      renew();
      return Buffer.from(encodePlainResponse({ model, signature, outputs, rows }, 'json', { labels: withLabels }));
    };
    compare(`encode plain JSON${withLabels ? ' with labels' : ''}, ${rows} rows`, encodePlain, bareAnswer);
  }
}
console.table(table);
