/** `npm run bench -- online`: Servery beside its floors, in one run. See bench/README.md. */
import { printRow, type Figure } from '../figures.ts';
import { startServery } from '../processes.ts';
import { save } from '../results.ts';
import { againstEcho, againstEngine, type Effort } from './against-floor.ts';
import { measureBatchingGain, measureConnections, measureOverload } from './behaviour.ts';
import { cases } from './cases.ts';
import { measureGrpc } from './grpc.ts';
import { measureLarge } from './large.ts';
import { measureManyModels } from './many-models.ts';
import { HEADING, type Line } from '../table.ts';
import { makeWorkspace, requireModels } from './workspace.ts';

export interface BenchOptions extends Effort {
  /** Only cases whose name contains this. */
  readonly only: string | undefined;
  /** Keep the result as this version's. */
  readonly keep: boolean;
}

/** Figures that have no case: each has servers of its own. */
const BEHAVIOURS: readonly [name: string, measure: (effort: Effort) => Promise<readonly (Line | Figure)[]>][] = [
  ['iris, JSON, 256 connections against 32', measureConnections],
  ['iris, gRPC, 32 calls', measureGrpc],
  ['mlp, batching gain', measureBatchingGain],
  ['mlp, overload', measureOverload],
  ['mean, 2,000,000 floats in a request', measureLarge],
  ['iris, 100 models', measureManyModels],
];

export async function runOnline({ only = '', keep, ...effort }: BenchOptions): Promise<void> {
  const wanted = cases().filter(({ name }) => name.includes(only));
  const behaviours = BEHAVIOURS.filter(([name]) => name.includes(only));
  await requireModels([...wanted.map(({ model }) => model), ...behaviours.map(([name]) => name.split(',')[0]!)]);
  const lines: (Line | Figure)[] = [];
  const print = (measured: readonly (Line | Figure)[]) => {
    lines.push(...measured);
    for (const row of measured) printRow(row);
  };
  console.log(HEADING);
  for (const model of new Set(wanted.map((one) => one.model))) {
    await using workspace = await makeWorkspace([model]);
    await using servery = await startServery(workspace.folder);
    for (const one of wanted.filter((candidate) => candidate.model === model)) {
      print(await (one.floor === 'echo' ? againstEcho : againstEngine)(one, servery, effort));
    }
  }
  for (const [, measure] of behaviours) print(await measure(effort));
  await save('online', lines, { keep });
}
