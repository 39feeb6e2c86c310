/** Workers that sleep through the loss of their run and wake up in the midst of writing. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { wakeUpLate, workUntilOver } from '../support/crash.ts';
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

describe('a worker that is stopped and never wakes up', { timeout: 100_000 }, () => {
  // More chunks than half of all: the process that comes after it gets to the end.
  for (const failpoint of ['engine.commitChunk.before:stop@10', 'dataset.stage.after:stop@5']) {
    it(`at ${failpoint} is ended when its lease is over`, async () => {
      await using scenario = await crashScenario();
      const output = await undisturbedOutput();
      const log = await workUntilOver(scenario, { SERVERY_FAILPOINT: failpoint });
      assert.match(log, /gives no sign of life, and is ended/);
      await checkWhole(scenario, output);
    });
  }
});
