/** What the crash scenario leaves when nothing happens to it: what it must leave whatever happens. */
import assert from 'node:assert/strict';
import { workUntilOver } from './crash.ts';
import { checkTidy, checkWhole, crashScenario, readOutput, type Left } from './crash-scenario.ts';

export async function undisturbedOutput(): Promise<Left> {
  await using scenario = await crashScenario();
  await workUntilOver(scenario);
  const output = await readOutput(scenario);
  assert.deepEqual(
    Object.keys(output).filter((name) => name.endsWith('.csv')).length,
    4,
    'one file, and one for each day',
  );
  await checkWhole(scenario, output);
  await checkTidy(scenario);
  return output;
}
