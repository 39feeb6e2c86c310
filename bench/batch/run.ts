/**
 * `npm run bench -- batch`: the predict step beside a bare loop over the same rows, in one run.
 *
 * The bare loop is measured both ways, one thing after the other and overlapped, and the better one counts. Machines
 * are shared and drift, so loop and step take turns, and what is reported is the ratio with its spread.
 */
import { cp, link, mkdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { printFigure } from '../figures.ts';
import { save } from '../results.ts';
import { HEADING, lineOf, takeTurns, textOf, type Line } from '../table.ts';
import { CASES, rowsFor, type BatchCase } from './data.ts';
import { bestLoop, makeWorkspace, runOurs, type Measured } from './predict.ts';
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
  await save('batch', lines, { keep });
}

async function againstLoop(one: BatchCase, workspace: string, repetitions: number): Promise<Line> {
  const file = await rowsFor(one);
  const measured = await takeTurns(
    repetitions,
    () => bestLoop(one, file, workspace),
    () => runOurs([file], workspace),
  );
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
