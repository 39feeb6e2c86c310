/** SIGKILL before and after each durable step of a run, in real processes; shared out over test files. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FAILPOINTS } from '../../src/core/failpoint.ts';
import { workUntilKilled, workUntilOver } from './crash.ts';
import { checkWhole, crashScenario, readOutput } from './crash-scenario.ts';

/** Those that the scenario does not pass: the tests of the engine and of databases do. */
const ELSEWHERE = /^engine\.(schedule|addRun|createBackfill|prune|reconcile)\.|^dataset\.commit\./;

/** @param kind the beginning of the names of the failpoints */
export function testKillsAt(kind: RegExp): void {
  describe('a run that is killed', { timeout: 280_000 }, () => {
    const hits = new Map<string, number>();
    after(() => console.log(`killed at ${[...hits].map(([name, count]) => `${name} ${count}`).join(', ')}`));

    let undisturbed: Readonly<Record<string, string>>;
    before(async () => {
      await using scenario = await crashScenario();
      const run = await workUntilOver(scenario.folder, scenario.engine, scenario.runId);
      undisturbed = await readOutput(scenario);
      await checkWhole(scenario, run, undisturbed);
      assert.equal(Object.keys(undisturbed).length, 1);
    });

    for (const name of FAILPOINTS.filter((name) => kind.test(name) && !ELSEWHERE.test(name))) {
      it(`at ${name} is done once, and whole`, async () => {
        await using scenario = await crashScenario();
        const { folder, engine, runId } = scenario;
        const how = await workUntilKilled(folder, engine, runId, `${name}:kill`);
        hits.set(name, (hits.get(name) ?? 0) + (how === 'killed' ? 1 : 0));
        assert.equal(how, 'killed');
        await checkWhole(scenario, await workUntilOver(folder, engine, runId), undisturbed);
      });
    }
  });
}
