/** What more models cost: a hundred copies of iris beside one. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { figureOf, type Figure } from '../figures.ts';
import { load, type LoadReport } from '../load/plan.ts';
import { memoryMb } from '../peers/start.ts';
import { startServery } from '../processes.ts';
import { lineOf, takeTurns, type Line } from '../table.ts';
import type { Effort } from './against-floor.ts';
import { planOf } from './behaviour.ts';
import { modelOf } from './cases.ts';
import { makeWorkspace } from './workspace.ts';

const COUNT = 100;
const MOST_SECONDS = 10;
const MOST_MB = 600;

export async function measureManyModels({ seconds, repetitions }: Effort): Promise<readonly (Line | Figure)[]> {
  await using single = await makeWorkspace(['iris']);
  await using crowd = await makeWorkspace(['iris']);
  for (let i = 1; i < COUNT; i += 1) {
    await cp(modelOf('iris').folder, join(crowd.folder, 'models', `iris-${i}`), { recursive: true });
  }
  await using one = await startServery(single.folder);
  const begin = performance.now();
  await using many = await startServery(crowd.folder);
  const readySeconds = (performance.now() - begin) / 1000;
  const measured = await takeTurns(
    repetitions,
    () => load(planOf('iris', one, 32, seconds)),
    () => load(planOf('iris', many, 32, seconds)),
  );
  const rate = ({ requestsPerSecond }: LoadReport) => requestsPerSecond;
  return [
    lineOf(`iris, ${COUNT} models, JSON, 32 connections: requests/s`, measured, rate, {
      against: 'one model',
      errors: ({ errors }) => errors,
      goal: { atLeast: 0.95 },
    }),
    figureOf(`iris, ${COUNT} models: s until all are ready`, readySeconds, MOST_SECONDS),
    figureOf(`iris, ${COUNT} models, memory after a load: MB`, memoryMb(many.pid) ?? NaN, MOST_MB),
  ];
}
