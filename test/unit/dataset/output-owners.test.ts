/** Who may make an output visible when there are several who would, or one that has done it before. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { FAILPOINTS } from '../../../src/core/failpoint.ts';
import { sql } from '../../support/dataset.ts';
import { contents, ended, run, start, stopped } from '../../support/output-runs.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const POINTS = FAILPOINTS.filter((name) => name.startsWith('dataset.'));

test('killed at each step, a run into SQLite is written once', async () => {
  await using folder = await temporaryFolder();
  const output = { sqlite: 'out.db', table: 'scores' };
  let hits = 0;
  for (const point of POINTS) {
    const { signal } = await run(folder.path, output, `run-${point}`, hits, `${point}:kill`);
    if (signal === null) continue;
    hits += 1;
    const { code, errors } = await run(folder.path, output, `run-${point}`, hits - 1);
    assert.equal(code, 0, errors);
    const database = new DatabaseSync(join(folder.path, 'out.db'), { readOnly: true });
    const row = database.prepare('SELECT count(*) AS n, count(DISTINCT id) AS ids, min(id) AS least FROM scores').get();
    database.close();
    assert.deepEqual({ ...row }, { n: 3000, ids: 3000, least: hits - 1 }, point);
  }
  assert.ok(hits >= 8, `${hits} steps were hit`);
});

test('a writer that wakes up after it was taken over makes nothing visible', async () => {
  await using folder = await temporaryFolder();
  const output = { path: 'scores/' };
  // It sleeps after its last look at the lock.
  const zombie = start(folder.path, output, 'run', 0, 'dataset.publish.before:stop');
  const end = ended(zombie);
  await stopped(zombie);
  // The next attempt has other rows, so that they can be told apart.
  assert.equal((await run(folder.path, output, 'run', 0)).code, 0);
  const after = contents(join(folder.path, 'scores'));
  zombie.kill('SIGCONT');
  const { code, errors } = await end;
  assert.equal(code, 1);
  assert.match(errors, /LEASE_LOST/);
  assert.deepEqual(contents(join(folder.path, 'scores')), after);
});

test('another run of the interval waits until the owner has ended', async () => {
  await using folder = await temporaryFolder();
  const output = { path: 'scores/' };
  const owner = start(folder.path, output, 'owner', 0, 'dataset.publish.before:stop');
  const ownerEnd = ended(owner);
  await stopped(owner);
  const waiter = start(folder.path, output, 'waiter', 7000);
  const waiterEnd = ended(waiter);
  await new Promise((resolve) => setTimeout(resolve, 800));
  assert.ok(!existsSync(join(folder.path, 'waiter.ledger')), 'it has not begun');
  owner.kill('SIGKILL');
  await ownerEnd;
  assert.equal((await waiterEnd).code, 0);
  const [row] = await sql(`SELECT min(id)::INTEGER AS least FROM '${folder.path}/scores/**/*.parquet'`);
  assert.deepEqual(row, { least: 7000 });
});

test('of two runs whose intervals overlap one is refused, also when they come to their ends together', async () => {
  await using folder = await temporaryFolder();
  const output = { path: 'scores/' };
  // It sleeps after it has seen that no other interval is there.
  const first = start(folder.path, output, 'first', 0, 'dataset.publish.before:stop');
  const firstEnd = ended(first);
  await stopped(first);
  const second = start(folder.path, output, 'second', 5000, undefined, { hours: 2 });
  let isOver = false;
  const secondEnd = ended(second).finally(() => (isOver = true));
  // Until it waits for its turn, for which a file of its own lies beside the locks.
  const locks = join(folder.path, '.scores.servery/locks');
  const waits = () =>
    existsSync(join(folder.path, 'second.ledger')) &&
    readdirSync(locks).includes('19700101T000000Z-19700101T020000Z.lock') &&
    readdirSync(locks).some((name) => name.startsWith('.'));
  while (!isOver && !waits()) await new Promise((resolve) => setTimeout(resolve, 20));
  first.kill('SIGCONT');
  assert.equal((await firstEnd).code, 0);
  const { code, errors } = await secondEnd;
  assert.equal(code, 1);
  assert.match(errors, /OUTPUT_INVALID/);
  const [row] = await sql(
    `SELECT min(id)::INTEGER AS least, count(*)::INTEGER AS n FROM '${folder.path}/scores/**/*.parquet'`,
  );
  assert.deepEqual(row, { least: 0, n: 3000 });
  assert.deepEqual(readdirSync(locks), [], 'nothing is left of the locks');
});

test('who was killed in its turn keeps nobody waiting', async () => {
  await using folder = await temporaryFolder();
  const output = { path: 'scores/' };
  await run(folder.path, output, 'killed', 0, 'dataset.publish.before:kill');
  assert.equal((await run(folder.path, output, 'other', 5000, undefined, { hours: 2 })).code, 0);
});
