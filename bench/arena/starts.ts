/**
 * How soon each answers its first prediction, and how much memory it has once it has answered many: a start for each
 * repetition, Servery's and the other's by turns.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figureOf, type Figure } from '../figures.ts';
import { modelOf } from '../online/cases.ts';
import { lineOf, median, takeTurns } from '../table.ts';
import { CASES } from './cases.ts';
import { serveryContender, type Contender } from './contender.ts';
import { measure } from './measure.ts';
import type { OnlineArena } from './online.ts';
import type { References } from './reference.ts';

export const STARTS = 'iris, start and memory';

const LOAD_SECONDS = 0.5;
const LOAD = CASES.find(({ connections, protocol }) => connections === 32 && protocol === 'json')!;

interface StartFigures {
  readonly seconds: number;
  readonly memoryMb: number;
}

type Starts = Pick<OnlineArena, 'servery' | 'contenders' | 'effort' | 'print' | 'failed'>;

export async function runStarts({ servery, contenders, effort, print, failed }: Starts): Promise<void> {
  for (const contender of contenders.filter(({ name }) => name !== 'echo' && name !== 'by-hand')) {
    try {
      const measured = await takeTurns(
        effort.repetitions,
        () => startOnce(contender),
        () => startOnce(servery),
      );
      const held = { against: contender.title };
      print([
        lineOf('iris, start to the first prediction: s', measured, ({ seconds }) => seconds, held),
        lineOf('iris, memory after a load: MB', measured, ({ memoryMb }) => memoryMb, held),
      ]);
    } catch (error) {
      failed(contender.title, error);
    }
  }
}

/** All models of the quickstart at once, which is more than the peers have. */
export async function measureQuickstart(references: References, repetitions: number): Promise<readonly Figure[]> {
  const workspace = await mkdtemp(join(tmpdir(), 'servery-bench-'));
  try {
    await cp(new URL('../../examples/quickstart', import.meta.url), workspace, { recursive: true });
    const measured: StartFigures[] = [];
    for (let i = 0; i < repetitions; i += 1) {
      measured.push(await startOnce(serveryContender(references, { folder: workspace })));
    }
    return [
      figureOf('servery serve of the quickstart, start: s', median(measured.map(({ seconds }) => seconds)), 1),
      figureOf('servery serve of the quickstart, memory: MB', median(measured.map(({ memoryMb }) => memoryMb)), 200),
    ];
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

async function startOnce(contender: Contender): Promise<StartFigures> {
  await using started = await contender.start(modelOf('iris'));
  await measure(LOAD, contender, started, LOAD_SECONDS, 0);
  return { seconds: started.startMs / 1000, memoryMb: started.memoryMb() ?? NaN };
}
