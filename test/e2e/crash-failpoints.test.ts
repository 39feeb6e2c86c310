/** SIGKILL before and after each durable step of a run, in real processes. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { FAILPOINTS } from '../../src/core/failpoint.ts';
import { workUntilKilled, workUntilOver } from '../support/crash.ts';
import { checkWhole, crashScenario } from '../support/crash-scenario.ts';

/** Those that the scenario does not pass: other tests do. */
const ELSEWHERE = /^engine\.(schedule|addRun|createBackfill|prune)\.|^engine\.(commitChunk)\.|^dataset\.|^predict\./;

describe('a run that is killed', { timeout: 280_000 }, () => {
  const hits = new Map<string, number>();
  after(() => console.log(`killed at ${[...hits].map(([name, count]) => `${name} ${count}`).join(', ')}`));

  for (const name of FAILPOINTS.filter((name) => !ELSEWHERE.test(name))) {
    it(`at ${name} is done once, and whole`, async () => {
      await using scenario = await crashScenario();
      const { folder, engine, runId } = scenario;
      const how = await workUntilKilled(folder, engine, runId, `${name}:kill`);
      hits.set(name, (hits.get(name) ?? 0) + (how === 'killed' ? 1 : 0));
      assert.equal(how, 'killed');
      await checkWhole(scenario, await workUntilOver(folder, engine, runId));
    });
  }
});
