/** A writer that dies anywhere: readers see whole results only, and the next attempt ends as if nothing had been. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { FAILPOINTS } from '../../../src/core/failpoint.ts';
import { sql } from '../../support/dataset.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const POINTS = FAILPOINTS.filter((name) => name.startsWith('dataset.'));
const SCRIPT = new URL('../../support/output-process.ts', import.meta.url).pathname;

function start(workspace: string, output: object, runId: string, first: number, failpoint?: string): ChildProcess {
  const args = ['--conditions=servery-source', SCRIPT, workspace, JSON.stringify(output), runId, String(first)];
  const env = { ...process.env, ...(failpoint === undefined ? {} : { SERVERY_FAILPOINT: failpoint }) };
  return spawn(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'pipe'] });
}

async function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null; errors: string }> {
  let errors = '';
  child.stderr!.on('data', (text: Buffer) => (errors += text.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, errors };
}

async function run(...args: Parameters<typeof start>) {
  return ended(start(...args));
}

/** All files below a folder, by path. */
function contents(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [
      join(parentPath, name).slice(folder.length),
      readFileSync(join(parentPath, name), 'base64'),
    ]),
  );
}

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

test('a writer that wakes up after it was taken over makes nothing visible', async () => {
  await using folder = await temporaryFolder();
  const output = { path: 'scores/' };
  // It sleeps after its last look at the lock.
  const zombie = start(folder.path, output, 'run', 0, 'dataset.publish.before:stop');
  const end = ended(zombie);
  while (!/T/.test(stateOf(zombie.pid!))) await new Promise((resolve) => setTimeout(resolve, 20));
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
  while (!/T/.test(stateOf(owner.pid!))) await new Promise((resolve) => setTimeout(resolve, 20));
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

function stateOf(pid: number): string {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2)[0] ?? '';
}
