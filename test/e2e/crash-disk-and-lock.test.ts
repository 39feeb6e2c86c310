/** A disk that fills up and a store that somebody keeps locked, in the midst of work: it goes on when they are over. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { workThrough, workUntilOver } from '../support/crash.ts';
import { checkTidy, checkWhole, crashScenario, retryFailed, stateFile, type Left } from '../support/crash-scenario.ts';
import { lockStore } from '../support/locked-store.ts';
import { smallDisk, testsThatMount } from '../support/small-disk.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { undisturbedOutput } from '../support/undisturbed-output.ts';

const DISK_BYTES = 16_000_000;
const FULL_MS = 2500;
/** Longer than a writer waits for another, and than a lease. */
const LOCKED_MS = 6500;

testsThatMount(import.meta.filename, () => {
  describe('work beside a disk that is full', { timeout: 250_000 }, () => {
    let undisturbed: Left;
    before(async () => void (undisturbed = await undisturbedOutput()));

    for (const failpoint of [
      'dataset.stage.before',
      'dataset.assemble.before',
      'dataset.publish.after',
      'command.end',
    ]) {
      it(`from ${failpoint} on says so, and is whole after a retry`, async () => {
        await using folder = await temporaryFolder();
        await using disk = smallDisk(folder.path, DISK_BYTES);
        await using scenario = await crashScenario(disk.path);
        const full = (): Promise<AsyncDisposable> => {
          disk.fill();
          return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve(disk.free()) });
        };
        const told = await workThrough(scenario, failpoint, full, FULL_MS);
        assert.match(told, /STORAGE_FULL|disk is full|no space left/, 'the reason is told');
        while (await retryFailed(scenario)) await workUntilOver(scenario);
        await checkWhole(scenario, undisturbed);
        await checkTidy(scenario);
      });
    }
  });
});

describe('work beside a store that is locked', { timeout: 250_000 }, () => {
  let undisturbed: Left;
  before(async () => void (undisturbed = await undisturbedOutput()));

  for (const failpoint of ['dataset.stage.after', 'command.end', 'train.publish.before']) {
    it(`from ${failpoint} on is whole without anybody's help`, async () => {
      await using scenario = await crashScenario();
      const told = await workThrough(scenario, failpoint, () => lockStore(stateFile(scenario.folder)), LOCKED_MS);
      assert.match(told, /another process has kept it locked for more than 5000 ms|Its worker was silent/);
      await checkWhole(scenario, undisturbed);
      await checkTidy(scenario);
    });
  }
});
