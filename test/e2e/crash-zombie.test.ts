/** Workers that sleep through the loss of their run and wake up in the midst of writing. */
import { describe, it } from 'node:test';
import { wakeUpLate, workUntilOver } from '../support/crash.ts';
import { checkWhole, crashScenario, readOutput } from '../support/crash-scenario.ts';

describe('a worker that wakes up after its run was done by another', { timeout: 200_000 }, () => {
  for (const failpoint of [
    'command.start.after',
    'dataset.stage.after',
    'dataset.publish.before',
    'train.publish.before',
  ]) {
    it(`at ${failpoint} changes nothing`, async () => {
      await using undisturbed = await crashScenario();
      await workUntilOver(undisturbed.folder, undisturbed.engine, undisturbed.runId);
      const output = await readOutput(undisturbed);
      await using scenario = await crashScenario();
      const run = await wakeUpLate(scenario.folder, scenario.engine, scenario.runId, failpoint);
      await checkWhole(scenario, run, output);
    });
  }
});
