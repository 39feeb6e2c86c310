/**
 * `npm run bench -- batch`: the predict step beside a bare loop over the same rows, in one run.
 *
 * The bare loop is measured both ways, one thing after the other and overlapped, and the better one counts. Machines
 * are shared and drift, so loop and step take turns, and what is reported is the ratio with its spread.
 */
import { execFile } from 'node:child_process';
import { cp, link, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import type { FloorTask } from '../floor/batch.ts';
import { printFigure } from '../figures.ts';
import { save } from '../results.ts';
import { HEADING, lineOf, takeTurns, textOf, type Line } from '../table.ts';
import { CASES, rowsFor, type BatchCase } from './data.ts';
import type { OurTask } from './ours.ts';
import { benchRuns } from './runs.ts';
import { benchScheduler } from './scheduler.ts';
import { benchTogether } from './together.ts';

export interface BatchBenchOptions {
  /** Only cases whose name contains this. */
  readonly only: string | undefined;
  readonly repetitions: number;
  /** Keep the result as this version's. */
  readonly keep: boolean;
}

interface Measured {
  readonly rows: number;
  readonly seconds: number;
  readonly peakMb?: number;
}

const ROOT = new URL('../..', import.meta.url).pathname;

export async function runBatch({ only = '', repetitions, keep }: BatchBenchOptions): Promise<void> {
  const folder = `${tmpdir()}/servery-bench-${process.pid}`;
  const lines: Line[] = [];
  const print = (line: Line) => {
    lines.push(line);
    console.log(textOf(line));
  };
  console.log(HEADING);
  try {
    for (const one of CASES.filter(({ name }) => name.includes(only))) {
      if (!(await stat(`${one.model}/1/model.onnx`).catch(() => undefined))) {
        console.log(`${one.name}: no model; make it with \`uv run bench/models/make_models.py\``);
        continue;
      }
      const workspace = await makeWorkspace(folder, one);
      print(await againstLoop(one, workspace, repetitions));
      if (one.name === '30-64-1') print(await memory(one, workspace));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if ('scheduler'.includes(only)) for (const figure of await benchScheduler()) printFigure(figure);
  if ('runs'.includes(only)) for (const figure of await benchRuns()) printFigure(figure);
  if ('together'.includes(only)) for (const line of await benchTogether(repetitions)) print(line);
  await save('batch', lines, keep);
}

async function againstLoop(one: BatchCase, workspace: string, repetitions: number): Promise<Line> {
  const file = await rowsFor(one);
  const bestLoop = async () => {
    const loops = [await runLoop(one, file, workspace, false), await runLoop(one, file, workspace, true)];
    return loops.reduce((a, b) => (b.seconds < a.seconds ? b : a));
  };
  const measured = await takeTurns(repetitions, bestLoop, () => runOurs([file], workspace));
  const held = { against: 'the bare loop', goal: { atLeast: 0.9 } };
  return lineOf(`${one.name}, ${one.rows.toLocaleString('en')} rows: rows/s`, measured, rate, held);
}

/** Ten times the rows; the ratio is that of the memory. */
async function memory(one: BatchCase, workspace: string): Promise<Line> {
  const file = await rowsFor(one);
  const files = Array.from({ length: 10 }, (_, i) => `${workspace}/data/part-${i}.parquet`);
  await mkdir(`${workspace}/data`);
  for (const path of files) await link(file, path).catch(() => cp(file, path));
  const theirs = await runOurs([file], workspace);
  const ours = [await runOurs(files, workspace)];
  const peak = ({ peakMb }: Measured) => peakMb!;
  return lineOf(`${one.name}: peak MB, 2 and 20 million rows`, [{ theirs, ours }], peak, {
    against: 'a tenth of the rows',
    goal: { atMost: 1.1 },
  });
}

const rate = ({ rows, seconds }: Measured) => rows / seconds;

async function makeWorkspace(folder: string, { name, model, input, features }: BatchCase): Promise<string> {
  const workspace = `${folder}/${name}`;
  await cp(model, `${workspace}/models/m`, { recursive: true });
  // The loop has one thread too; left to itself, a large model may take more.
  const options = { inputs: { [input]: { features } }, runtime: { intraOpThreads: 1 } };
  await writeFile(`${workspace}/models/m/model.yaml`, JSON.stringify(options));
  return workspace;
}

async function runLoop(one: BatchCase, file: string, workspace: string, overlapped: boolean): Promise<Measured> {
  const { input, features, outputs } = one;
  const output = `${workspace}/loop.parquet`;
  const model = `${one.model}/1/model.onnx`;
  const task: FloorTask = { file, model, input, features, outputs, output, overlapped, chunksPerBatch: 2 };
  return measure('bench/floor/batch.ts', task);
}

async function runOurs(files: readonly string[], workspace: string): Promise<Measured> {
  for (const leftover of ['ledger.ndjson', 'scores.parquet']) await rm(`${workspace}/${leftover}`, { force: true });
  const task: OurTask = { workspace, model: 'm', files, output: `${workspace}/scores.parquet` };
  return measure('bench/batch/ours.ts', task);
}

async function measure(script: string, task: unknown): Promise<Measured> {
  const args = ['--conditions=servery-source', `${ROOT}${script}`, JSON.stringify(task)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Measured;
}
