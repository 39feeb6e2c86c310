/** The predict step and the bare loop over the same rows, each in a process of its own. */
import { execFile } from 'node:child_process';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FloorTask } from '../floor/batch.ts';
import type { BatchCase } from './data.ts';
import type { OurTask } from './ours.ts';

export interface Measured {
  readonly rows: number;
  readonly seconds: number;
  readonly peakMb?: number;
}

const ROOT = new URL('../..', import.meta.url).pathname;

/** What the predict step has written. */
export function scoresOf(workspace: string): string {
  return `${workspace}/scores.parquet`;
}

/**
 * @param threads for one run of the model: as many as the other has
 */
export async function makeWorkspace(
  folder: string,
  { name, model, input, features }: BatchCase,
  threads = 1,
): Promise<string> {
  const workspace = `${folder}/${name}`;
  await cp(model, `${workspace}/models/m`, { recursive: true });
  const options = { inputs: { [input]: { features } }, runtime: { intraOpThreads: threads } };
  await writeFile(`${workspace}/models/m/model.yaml`, JSON.stringify(options));
  return workspace;
}

/** One thing after the other, and overlapped: whichever is faster. */
export async function bestLoop(one: BatchCase, file: string, workspace: string): Promise<Measured> {
  const loops = [await runLoop(one, file, workspace, false), await runLoop(one, file, workspace, true)];
  return loops.reduce((a, b) => (b.seconds < a.seconds ? b : a));
}

async function runLoop(one: BatchCase, file: string, workspace: string, overlapped: boolean): Promise<Measured> {
  const { input, features, outputs } = one;
  const output = `${workspace}/loop.parquet`;
  const model = `${one.model}/1/model.onnx`;
  const task: FloorTask = { file, model, input, features, outputs, output, overlapped, chunksPerBatch: 2 };
  return measure(`${ROOT}bench/floor/batch.ts`, task);
}

/** @param tree the working tree whose predict step it is */
export async function runOurs(files: readonly string[], workspace: string, tree = ROOT): Promise<Measured> {
  for (const leftover of [`${workspace}/ledger.ndjson`, scoresOf(workspace)]) await rm(leftover, { force: true });
  const task: OurTask = { workspace, model: 'm', files, output: scoresOf(workspace) };
  return measure(join(tree, 'bench/batch/ours.ts'), task);
}

async function measure(script: string, task: unknown): Promise<Measured> {
  const args = ['--conditions=servery-source', script, JSON.stringify(task)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Measured;
}
