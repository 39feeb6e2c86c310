/** Kills at moments that a seed decides, and counts what was hit. The short suite and the long one differ in number. */
import { appendFile, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workAndKill, workUntilOver } from './crash.ts';
import { checkWhole, crashScenario, readOutput } from './crash-scenario.ts';

const TARGETS = ['scheduler', 'worker', 'both'] as const;
const LONGEST_MS = 3500;
const KILLS = 3;

/** A run without any trouble: what its output must be. */
export async function undisturbedOutput(): Promise<Readonly<Record<string, string>>> {
  await using scenario = await crashScenario();
  const run = await workUntilOver(scenario.folder, scenario.engine, scenario.runId);
  const output = await readOutput(scenario);
  await checkWhole(scenario, run, output);
  return output;
}

/** One run that is killed up to three times. @returns the last failpoint that each killed process had passed */
export async function killAtRandom(seed: number, output: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const random = mulberry32(seed);
  await using scenario = await crashScenario();
  const { folder, engine, runId } = scenario;
  const log = join(tmpdir(), `servery-failpoints-${process.pid}-${seed}`);
  const hits: string[] = [];
  try {
    const kills = 1 + Math.floor(random() * KILLS);
    for (let i = 0; i < kills; i += 1) {
      const afterMs = 200 + random() * LONGEST_MS;
      const target = TARGETS[Math.floor(random() * TARGETS.length)]!;
      await appendFile(log, '');
      await workAndKill(folder, afterMs, target, { SERVERY_FAILPOINT_LOG: log });
      const passed = (await readFile(log, 'utf8')).trim().split('\n');
      hits.push(passed.findLast((name) => !name.startsWith('engine.reconcile')) || 'nothing yet');
      if ((await engine.getRun(runId)).state === 'succeeded') break;
    }
    await checkWhole(scenario, await workUntilOver(folder, engine, runId), output);
    return hits;
  } finally {
    await rm(log, { force: true });
  }
}

/** A small generator of numbers in [0, 1): the same seed, the same numbers, on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function summarize(hits: readonly string[]): string {
  const counts = Object.entries(Object.groupBy(hits, (hit) => hit)).map(([name, all]) => `${name} ${all!.length}`);
  return `killed after ${counts.sort().join(', ')}`;
}
