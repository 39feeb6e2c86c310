/** The models of the batch bench, and rows for them: made once with DuckDB, kept in bench/.data. */
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { parse } from 'yaml';
import { readFileSync } from 'node:fs';

const ROOT = new URL('../..', import.meta.url).pathname;
const DATA = `${ROOT}bench/.data`;

export interface BatchCase {
  readonly name: string;
  /** Folder with `1/model.onnx`. */
  readonly model: string;
  readonly input: string;
  readonly features: readonly string[];
  readonly outputs: readonly BatchOutput[];
  readonly rows: number;
}

export interface BatchOutput {
  readonly name: string;
  readonly type: 'BIGINT' | 'FLOAT';
  /** Values of a row; 1 is one value and not a list. */
  readonly width: number;
}

const cancer = `${ROOT}examples/quickstart/models/breast-cancer`;
const cancerFeatures = () => {
  const yaml = parse(readFileSync(`${cancer}/model.yaml`, 'utf8')) as { inputs: { X: { features: string[] } } };
  return yaml.inputs.X.features;
};
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `f${i}`);

export const CASES: readonly BatchCase[] = [
  {
    name: 'breast-cancer',
    model: cancer,
    input: 'X',
    features: cancerFeatures(),
    outputs: [
      { name: 'label', type: 'BIGINT', width: 1 },
      { name: 'probabilities', type: 'FLOAT', width: 2 },
    ],
    rows: 2_000_000,
  },
  {
    name: '30-64-1',
    model: `${ROOT}bench/.models/tiny`,
    input: 'x',
    features: numbered(30),
    outputs: [{ name: 'y', type: 'FLOAT', width: 1 }],
    rows: 2_000_000,
  },
  {
    name: 'mlp',
    model: `${ROOT}bench/.models/mlp`,
    input: 'x',
    features: numbered(512),
    outputs: [{ name: 'y', type: 'FLOAT', width: 10 }],
    rows: 100_000,
  },
];

/** A Parquet file with the columns `id` and the features. */
export async function rowsFor({ name, features, rows }: BatchCase): Promise<string> {
  await mkdir(DATA, { recursive: true });
  await writeFile(`${DATA}/.gitignore`, '*\n');
  const file = `${DATA}/${name}-${rows}.parquet`;
  if (await stat(file).catch(() => undefined)) return file;
  const instance = await DuckDBInstance.create(':memory:', { autoinstall_known_extensions: 'false' });
  const connection = await instance.connect();
  const held = `${ROOT}examples/quickstart/data/breast-cancer.held-out.csv`;
  const isReal = name === 'breast-cancer';
  const values = features.map((feature) =>
    isReal ? `(s.${feature} * (0.9 + 0.2 * random()))::DOUBLE AS ${feature}` : `random()::FLOAT AS ${feature}`,
  );
  const from = isReal
    ? `range(${rows}) r JOIN (SELECT row_number() OVER () - 1 AS n, * FROM read_csv('${held}')) s
       ON s.n = r.range % (SELECT count(*) FROM read_csv('${held}'))`
    : `range(${rows}) r`;
  await connection.run(`SET threads = 1`);
  await connection.run(`COPY (SELECT r.range AS id, ${values.join(', ')} FROM ${from} ORDER BY r.range)
    TO '${file}.part' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  await rename(`${file}.part`, file);
  return file;
}
