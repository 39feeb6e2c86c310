/** SIGKILL at moments that a seed decides. */
import { after, before, describe, it } from 'node:test';
import { killAtRandom, summarize, undisturbedOutput } from '../support/random-kills.ts';

const SEEDS = 200;

describe('a run that is killed at any moment', { timeout: 3_500_000 }, () => {
  const hits: string[] = [];
  let output: Readonly<Record<string, string>>;
  before(async () => void (output = await undisturbedOutput()));
  after(() => console.log(summarize(hits)));

  for (let seed = 1; seed <= SEEDS; seed += 1) {
    it(`seed ${seed}: is done once, and whole`, async () => {
      hits.push(...(await killAtRandom(seed, output)));
    });
  }
});
