/** Runs predict steps over small files, and reads what they leave. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { createFileLedger } from '../../src/jobs/predict/file-ledger.ts';
import type { ChunkLedger } from '../../src/jobs/predict/ledger.ts';
import { predictOptions, type PredictOptionsInput } from '../../src/jobs/predict/options.ts';
import { runPredictStep, type PredictContext } from '../../src/jobs/predict/run-predict-step.ts';
import type { BatchWorkspace } from './batch-models.ts';

export type StepInput = Omit<PredictOptionsInput, 'input' | 'output'> & {
  readonly input: string | PredictOptionsInput['input'];
  readonly output?: string | PredictOptionsInput['output'];
};

/** Reads `input`, writes `out.ndjson` unless told otherwise. */
export async function runStep(
  { path, models }: Pick<BatchWorkspace, 'path' | 'models'>,
  { input, output = 'out.ndjson', ...options }: StepInput,
  context: Partial<PredictContext> = {},
  ledger: ChunkLedger = createFileLedger(join(path, 'ledger.ndjson')),
) {
  const parsed = predictOptions.parse({
    ...options,
    input: typeof input === 'string' ? { path: input } : input,
    output: typeof output === 'string' ? { path: output } : output,
  });
  const settings: PredictContext = {
    runId: 'run',
    interval: undefined,
    timezone: 'UTC',
    workspace: path,
    signal: new AbortController().signal,
    progress: () => undefined,
    ...context,
  };
  return runPredictStep(parsed, settings, ledger, models);
}

export async function readNdjson(file: string): Promise<readonly Record<string, unknown>[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Runs SQL, such as a COPY that makes a Parquet file; gives the rows of the last result. */
export async function sql(...statements: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:', { autoinstall_known_extensions: 'false' });
  const connection = await instance.connect();
  try {
    let rows: readonly Record<string, unknown>[] = [];
    for (const statement of statements) rows = await (await connection.run(statement)).getRowObjectsJS();
    return rows;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
