/** A writer that dies anywhere: readers see whole results only, and the next attempt ends as if nothing had been. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FAILPOINTS } from '../../../src/core/failpoint.ts';
import { sql } from '../../support/dataset.ts';
import { contents, ended, run, start } from '../../support/output-runs.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const POINTS = FAILPOINTS.filter((name) => name.startsWith('dataset.'));

test('killed at each step, a run of files ends with the bytes of one that was not', async () => {
  await using folder = await temporaryFolder();
  const output = { path: 'scores/' };
  assert.equal((await run(folder.path, output, 'before', 0)).code, 0);
  const before = contents(join(folder.path, 'scores'));
  assert.equal((await run(folder.path, { path: 'expected/' }, 'expected', 5000)).code, 0);
  const expected = contents(join(folder.path, 'expected'));
  let hits = 0;
  for (const point of POINTS) {
    for (const name of point.startsWith('dataset.stage') ? [`${point}:kill`, `${point}:kill@3`] : [`${point}:kill`]) {
      // The old result again, as the one that readers have.
      assert.equal((await run(folder.path, output, `reset-${name}`, 0)).code, 0);
      const { signal } = await run(folder.path, output, `run-${name}`, 5000, name);
      if (signal === null) continue;
      hits += 1;
      const seen = contents(join(folder.path, 'scores'));
      assert.ok(
        [before, expected].some((whole) => JSON.stringify(whole) === JSON.stringify(seen)),
        `whole after ${name}`,
      );
      const { code, errors } = await run(folder.path, output, `run-${name}`, 5000);
      assert.equal(code, 0, errors);
      assert.deepEqual(contents(join(folder.path, 'scores')), expected, name);
      assert.deepEqual(readdirSync(join(folder.path, '.scores.servery/staging')), [], name);
      assert.deepEqual(readdirSync(join(folder.path, '.scores.servery/locks')), [], name);
    }
  }
  assert.ok(hits >= 13, `${hits} steps were hit`);
});

test('a reader in a loop never sees a part, while writers are killed at any moment', async () => {
  await using folder = await temporaryFolder();
  const output = { path: 'scores/' };
  assert.equal((await run(folder.path, output, 'first', 0)).code, 0);
  let isOver = false;
  let reads = 0;
  const reader = (async () => {
    while (!isOver) {
      const [row] = await sql(
        `SELECT count(*)::INTEGER AS n, (max(id) - min(id))::INTEGER AS width FROM '${folder.path}/scores/**/*.parquet'`,
      );
      assert.deepEqual(row, { n: 3000, width: 2999 });
      reads += 1;
    }
  })();
  for (let i = 0; i < 12; i += 1) {
    const child = start(folder.path, output, `run-${i}`, i * 10_000);
    const end = ended(child);
    // Moments spread over the life of a run, from a fixed sequence.
    const delayMs = 150 + ((i * 97) % 12) * 45;
    const timer = setTimeout(() => child.kill('SIGKILL'), delayMs);
    await end;
    clearTimeout(timer);
  }
  isOver = true;
  await reader;
  assert.ok(reads > 10, `${reads} reads`);
});
