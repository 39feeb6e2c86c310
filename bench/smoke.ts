/**
 * `npm run bench -- smoke`: whether something has become several times slower, in half a minute, on any machine.
 *
 * Only ratios to floors count, with wide margins, and of the repetitions the best: a neighbour that takes the machine
 * for a second must not fail it. The real benches show the rest.
 */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { CASES as BATCH_CASES, rowsFor } from './batch/data.ts';
import { bestLoop, makeWorkspace as makeBatchWorkspace, runOurs, type Measured } from './batch/predict.ts';
import { againstEcho, type Effort } from './online/against-floor.ts';
import { cases } from './online/cases.ts';
import { measureGrpc } from './online/grpc.ts';
import { makeWorkspace } from './online/workspace.ts';
import { startServery } from './processes.ts';
import { goalText, HEADING, isReached, lineOf, takeTurns, textOf, type Goal, type Line } from './table.ts';

const EFFORT: Effort = { seconds: 0.7, repetitions: 2 };
const BATCH_ROWS = 200_000;

/** A third of what is usual, or less where processes that wake each other up make the ratio jump. */
const ONLINE: Readonly<Record<string, Goal>> = {
  'iris, JSON, 1 connection': { atMost: 8 },
  'iris, JSON, 32 connections': { atLeast: 0.25 },
  'breast-cancer, JSON, 32 connections': { atLeast: 0.25 },
};
const GRPC: Goal = { atLeast: 0.2 };
const BATCH: Goal = { atLeast: 0.25 };

/** @returns whether nothing has become grossly slower */
export async function runSmoke(): Promise<boolean> {
  let isFine = true;
  const judge = (line: Line, goal: Goal) => {
    const best = goal !== undefined && 'atLeast' in goal ? line.spread[1] : line.spread[0];
    // A prediction that fails costs nothing: what has errors proves nothing.
    const reached = isReached(best, goal) === true && line.errors === 0;
    isFine &&= reached;
    console.log(textOf({ ...line, goal: goalText(goal), reached }));
  };
  console.log(HEADING);
  for (const one of cases().filter(({ name }) => name in ONLINE)) {
    await using workspace = await makeWorkspace([one.model]);
    await using servery = await startServery(workspace.folder);
    const [line] = await againstEcho(one, servery, EFFORT);
    judge(line!, ONLINE[one.name]);
  }
  const [grpc] = await measureGrpc(EFFORT);
  judge(grpc!, GRPC);
  judge(await batchLine(), BATCH);
  return isFine;
}

async function batchLine(): Promise<Line> {
  const one = { ...BATCH_CASES.find(({ name }) => name === 'breast-cancer')!, rows: BATCH_ROWS };
  const folder = `${tmpdir()}/servery-bench-${process.pid}`;
  try {
    const file = await rowsFor(one);
    const workspace = await makeBatchWorkspace(folder, one);
    const measured = await takeTurns(
      EFFORT.repetitions,
      () => bestLoop(one, file, workspace),
      () => runOurs([file], workspace),
    );
    const rate = ({ rows, seconds }: Measured) => rows / seconds;
    return lineOf(`${one.name}, ${BATCH_ROWS.toLocaleString('en')} rows: rows/s`, measured, rate, {
      against: 'the bare loop',
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
