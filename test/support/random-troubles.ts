/**
 * Troubles of several kinds at moments that a seed decides, and a count of what they hit. The short suite and the long
 * one differ in the number of seeds only.
 */
import { appendFile, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { workInTrouble, workUntilOver, type Trouble } from './crash.ts';
import {
  checkTidy,
  checkWhole,
  crashScenario,
  retryFailed,
  stateFile,
  type CrashScenario,
  type Left,
} from './crash-scenario.ts';
import { lockStore } from './locked-store.ts';
import { mayMount, smallDisk, type SmallDisk } from './small-disk.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { undisturbedOutput } from './undisturbed-output.ts';

const TROUBLES = ['scheduler', 'worker', 'both', 'scheduler', 'worker', 'both', 'full disk', 'locked store'] as const;
type Name = (typeof TROUBLES)[number];

const LONGEST_MS = 2800;
const MOST_TROUBLES = 3;
/** Longer than a writer waits for another, at times. */
const LONGEST_LOCK_MS = 7000;
const LONGEST_FULL_MS = 2000;
/** Room for everything, and no more. */
const DISK_BYTES = 16_000_000;

/** @param seeds from the first to the last */
export function testRandomTroubles(seeds: { readonly from: number; readonly to: number }, timeoutMs: number): void {
  describe('work in trouble at any moment', { timeout: timeoutMs }, () => {
    const hits: string[] = [];
    let output: Left;
    before(async () => void (output = await undisturbedOutput()));
    after(() => console.log(summarize(hits)));

    for (let seed = seeds.from; seed <= seeds.to; seed += 1) {
      it(`seed ${seed}: is done once, and whole`, async () => {
        hits.push(...(await troubleAtRandom(seed, output)));
      });
    }
  });
}

/** @returns for each trouble, the last failpoint that a process had passed before */
async function troubleAtRandom(seed: number, output: Left): Promise<readonly string[]> {
  const random = mulberry32(seed);
  const names = Array.from(
    { length: 1 + Math.floor(random() * MOST_TROUBLES) },
    () => TROUBLES[Math.floor(random() * TROUBLES.length)]!,
  );
  await using folder = await temporaryFolder();
  await using disk = names.includes('full disk') && mayMount() ? smallDisk(folder.path, DISK_BYTES) : undefined;
  await using scenario = await crashScenario(disk?.path);
  const log = join(tmpdir(), `servery-failpoints-${process.pid}-${seed}`);
  const hits: string[] = [];
  try {
    for (const name of names) {
      const afterMs = 200 + random() * LONGEST_MS;
      await appendFile(log, '');
      const trouble = troubleOf(name, random(), scenario, disk);
      await workInTrouble(scenario, afterMs, trouble, { SERVERY_FAILPOINT_LOG: log });
      const passed = (await readFile(log, 'utf8')).trim().split('\n');
      const last = passed.findLast((point) => !point.startsWith('engine.reconcile')) || 'nothing yet';
      hits.push(typeof trouble === 'function' ? `${name} ${last}` : last);
      if (await scenario.isOver()) break;
    }
    await workUntilOver(scenario);
    while (await retryFailed(scenario)) await workUntilOver(scenario);
    await checkWhole(scenario, output);
    await checkTidy(scenario);
    return hits;
  } finally {
    await rm(log, { force: true });
  }
}

function troubleOf(name: Name, howMuch: number, { folder }: CrashScenario, disk: SmallDisk | undefined): Trouble {
  switch (name) {
    case 'locked store':
      return async () => {
        await using _ = await lockStore(stateFile(folder));
        await sleep(howMuch * LONGEST_LOCK_MS);
      };
    case 'full disk':
      if (disk === undefined) return 'both'; // this system does not let us have one
      return async () => {
        disk.fill();
        await sleep(howMuch * LONGEST_FULL_MS);
        disk.free();
      };
    default:
      return name;
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

function summarize(hits: readonly string[]): string {
  const counts = Object.entries(Object.groupBy(hits, (hit) => hit)).map(([name, all]) => `${name} ${all!.length}`);
  return `in trouble after ${counts.sort().join(', ')}`;
}
