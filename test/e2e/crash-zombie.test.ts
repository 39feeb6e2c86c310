/** Workers that sleep through the loss of their run and wake up in the midst of writing. */
import { before, describe, it } from 'node:test';
import { wakeUpLate } from '../support/crash.ts';
import { checkWhole, crashScenario, type Left } from '../support/crash-scenario.ts';
import { undisturbedOutput } from '../support/undisturbed-output.ts';

describe('a worker that wakes up after its run was done by another', { timeout: 200_000 }, () => {
  let undisturbed: Left;
  before(async () => void (undisturbed = await undisturbedOutput()));

  for (const failpoint of [
    'command.start.after',
    'dataset.stage.after',
    'dataset.publish.before',
    'train.publish.before',
  ]) {
    it(`at ${failpoint} changes nothing`, async () => {
      await using scenario = await crashScenario();
      await wakeUpLate(scenario, failpoint);
      await checkWhole(scenario, undisturbed);
    });
  }
});
