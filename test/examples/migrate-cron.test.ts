/** The crontab of docs/migrate.md, imported: its jobs are sound, fire when the crontab says so, and do what it says. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const MINUTE_MS = 60_000;
const COUNT = 6;

interface WallClock {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly weekday: number;
}

/** What the five fields of each line mean, said once more by hand. */
const MEANING: Readonly<Record<string, (at: WallClock) => boolean>> = {
  report: ({ minute, hour, weekday }) => minute === 0 && hour === 20 && weekday >= 1 && weekday <= 5,
  poll: ({ minute, hour }) => minute % 30 === 0 && hour >= 8 && hour <= 18,
  tar: ({ minute, hour, day, weekday }) => minute === 15 && hour === 3 && day % 2 === 1 && weekday === 1,
  find: ({ minute, hour }) => minute === 0 && hour === 0,
};

describe('a crontab', () => {
  it('becomes jobs that pass the check, fire when cron would, and run the same programs', async () => {
    await using workspace = await imported();
    const servery = (...args: string[]) => run(workspace.path, ...args);
    assert.match(servery('check', '.'), /^job report$/m);
    for (const [job, isDue] of Object.entries(MEANING)) {
      const before = Date.now();
      const { next } = JSON.parse(servery('job', 'next', job, '--count', String(COUNT), '--json')) as {
        next: readonly { readonly firesAt: string }[];
      };
      const found = next.map(({ firesAt }) => Date.parse(firesAt));
      // A minute may begin between the two.
      const expected = [before, Date.now()].map((fromMs) => dueMs(isDue, fromMs));
      assert.ok(
        expected.some((instants) => instants.join() === found.join()),
        `${job}: ${JSON.stringify({ found, expected })}`,
      );
    }
    servery('job', 'run', 'report', '--local');
    assert.equal(await readFile(`${workspace.path}/out/report.txt`, 'utf8'), 'report of seoul\n');
  });
});

async function imported(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  await cp(`${ROOT}examples/migrate/cron`, folder.path, { recursive: true });
  await mkdir(`${folder.path}/models`);
  await writeFile(`${folder.path}/servery.config.yaml`, run(folder.path, 'cron', 'import', 'crontab'));
  return folder;
}

function run(cwd: string, ...args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(`${ROOT}bin/servery`, args, { cwd, encoding: 'utf8' });
  assert.equal(status, 0, `servery ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** The next instants in Seoul, whose clock is nine hours ahead of UTC and never changes, minute by minute. */
function dueMs(isDue: (at: WallClock) => boolean, fromMs: number): readonly number[] {
  const instants: number[] = [];
  for (let ms = Math.floor(fromMs / MINUTE_MS + 1) * MINUTE_MS; instants.length < COUNT; ms += MINUTE_MS) {
    const wall = new Date(ms + 9 * 60 * MINUTE_MS);
    const [minute, hour] = [wall.getUTCMinutes(), wall.getUTCHours()];
    if (isDue({ minute, hour, day: wall.getUTCDate(), weekday: wall.getUTCDay() })) instants.push(ms);
  }
  return instants;
}
