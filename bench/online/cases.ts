/** The cases of the online bench: models, bodies, connections, and the floor that each is held against. */
import { readFileSync } from 'node:fs';
import type { Goal } from '../table.ts';

export interface Case {
  readonly name: string;
  readonly model: string;
  readonly connections: number;
  readonly rowsPerRequest: number;
  readonly body: Body;
  readonly floor: 'echo' | 'engine';
  readonly goal?: Goal;
}

export interface Body {
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
}

export interface BenchModel {
  readonly name: string;
  /** Folder with `1/model.onnx`, and `model.yaml` if it has one. */
  readonly folder: string;
  readonly input: string;
  /** Shape of one row. */
  readonly shape: readonly number[];
  /** In the order of the file; the last one is what answers are compared by. */
  readonly outputs: readonly { readonly name: string; readonly datatype: string; readonly width: number }[];
}

const ROOT = new URL('../..', import.meta.url).pathname;

const classes = (width: number): BenchModel['outputs'] => [
  { name: 'label', datatype: 'INT64', width: 1 },
  { name: 'probabilities', datatype: 'FP32', width },
];
const values = (width: number): BenchModel['outputs'] => [{ name: 'y', datatype: 'FP32', width }];
const example = (name: string) => ({ name, folder: `${ROOT}examples/quickstart/models/${name}` });
const made = (name: string) => ({ name, folder: `${ROOT}bench/.models/${name}`, input: 'x' });

const MODELS: readonly BenchModel[] = [
  { ...example('iris'), input: 'X', shape: [4], outputs: classes(3) },
  { ...example('digits'), input: 'pixels', shape: [64], outputs: classes(10) },
  { ...example('breast-cancer'), input: 'X', shape: [30], outputs: classes(2) },
  { ...made('tiny'), shape: [30], outputs: values(1) },
  { ...made('mlp'), shape: [512], outputs: values(10) },
  { ...made('resnet18'), shape: [3, 224, 224], outputs: values(1000) },
  { ...made('mean'), shape: [2_000_000], outputs: values(1) },
];

export function modelOf(name: string): BenchModel {
  return MODELS.find((model) => model.name === name)!;
}

export function cases(): readonly Case[] {
  const json = (model: string, connections: number, goal?: Goal): Case => ({
    name: `${model}, JSON, ${countOf(connections, 'connection')}`,
    model,
    connections,
    rowsPerRequest: 1,
    body: jsonBody(modelOf(model), 1),
    floor: 'echo',
    ...(goal !== undefined && { goal }),
  });
  const binary = (model: string, connections: number, rowsPerRequest: number, goal?: Goal): Case => ({
    name: `${model}, binary, ${countOf(rowsPerRequest, 'row')}, ${countOf(connections, 'connection')}`,
    model,
    connections,
    rowsPerRequest,
    body: binaryBody(modelOf(model), rowsPerRequest),
    floor: 'engine',
    ...(goal !== undefined && { goal }),
  });
  return [
    json('iris', 1, { atMost: 1.4 }),
    json('iris', 32, { atLeast: 0.8 }),
    json('iris', 256),
    json('digits', 1),
    json('digits', 32),
    json('breast-cancer', 1),
    json('breast-cancer', 32),
    { ...json('mlp', 32), floor: 'engine' },
    binary('mlp', 4, 32, { atLeast: 0.9 }),
    binary('resnet18', 1, 1, { atMost: 1.03 }),
    binary('resnet18', 8, 1, { atLeast: 0.95 }),
  ];
}

function countOf(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** Real rows where there are some, else made ones: the same for every run. */
export function rowOf({ name, shape }: BenchModel): number[] {
  const size = shape.reduce((a, b) => a * b, 1);
  try {
    const lines = readFileSync(`${ROOT}examples/quickstart/data/${name}.held-out.csv`, 'utf8').split('\n');
    return lines[1]!.split(',').slice(0, size).map(Number);
  } catch {
    return Array.from({ length: size }, (_, i) => ((i * 2654435761) % 1000) / 1000);
  }
}

export function jsonBody(model: BenchModel, rows: number, row = rowOf(model)): Body {
  const data = Array.from({ length: rows }, () => row).flat();
  const inputs = [{ name: model.input, shape: [rows, ...model.shape], datatype: 'FP32', data }];
  return {
    headers: { 'Content-Type': 'application/json' },
    bytes: Buffer.from(JSON.stringify({ inputs })),
  };
}

export function binaryBody(model: BenchModel, rows: number, row = rowOf(model)): Body {
  const data = Float32Array.from(Array.from({ length: rows }, () => row).flat());
  const inputs = [
    {
      name: model.input,
      shape: [rows, ...model.shape],
      datatype: 'FP32',
      parameters: { binary_data_size: data.byteLength },
    },
  ];
  const header = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }));
  return {
    headers: {
      'Content-Type': 'application/octet-stream',
      'Inference-Header-Content-Length': String(header.byteLength),
    },
    bytes: Buffer.concat([header, Buffer.from(data.buffer)]),
  };
}
