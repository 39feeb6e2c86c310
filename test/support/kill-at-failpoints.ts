/** SIGKILL before and after each durable step of a run, in real processes; shared out over test files. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FAILPOINTS } from '../../src/core/failpoint.ts';
import { workUntilKilled, workUntilOver } from './crash.ts';
import { checkTidy, checkWhole, crashScenario, type Left } from './crash-scenario.ts';
import { undisturbedOutput } from './undisturbed-output.ts';

/** Those that the scenario does not pass: the tests of the engine and of databases do. */
const ELSEWHERE = /^engine\.(schedule|addRun|createBackfill|prune|reconcile)\.|^dataset\.commit\./;

/** @param kind the beginning of the names of the failpoints */
export function testKillsAt(kind: RegExp): void {
  describe('a run that is killed', { timeout: 280_000 }, () => {
    const hits = new Map<string, number>();
    after(() => console.log(`killed at ${[...hits].map(([name, count]) => `${name} ${count}`).join(', ')}`));

    let undisturbed: Left;
    before(async () => void (undisturbed = await undisturbedOutput()));

    for (const name of FAILPOINTS.filter((name) => kind.test(name) && !ELSEWHERE.test(name))) {
      it(`at ${name} is done once, and whole`, async () => {
        await using scenario = await crashScenario();
        const how = await workUntilKilled(scenario, `${name}:kill`);
        hits.set(name, (hits.get(name) ?? 0) + (how === 'killed' ? 1 : 0));
        assert.equal(how, 'killed');
        await workUntilOver(scenario);
        await checkWhole(scenario, undisturbed);
        await checkTidy(scenario);
      });
    }
  });
}
