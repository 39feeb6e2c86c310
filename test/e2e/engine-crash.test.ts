/** Processes that are killed, stopped and doubled while they use a store: nothing is lost, nothing is doubled. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FAILPOINTS } from '../../src/core/failpoint.ts';
import { openSqliteEngine } from '../../src/engine/sqlite/open.ts';
import type { FinalState } from '../support/engine-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RUNS = [
  'hourly~19700101T010000Z-19700101T020000Z~schedule',
  'hourly~19700101T020000Z-19700101T030000Z~schedule',
  'hourly~19700101T050000Z-19700101T060000Z~manual.request',
  'hourly~19700101T060000Z-19700101T070000Z~backfill.b',
  'hourly~19700101T070000Z-19700101T080000Z~backfill.b',
  'hourly~19700101T080000Z-19700101T090000Z~backfill.b',
];
const undisturbed: FinalState = {
  cursorMs: 2,
  backfill: 'succeeded',
  runs: RUNS.map((id) => ({ id, state: 'succeeded', chunks: [0, 1, 2] })),
  suppressed: 2,
};

const children = new Set<ChildProcess>();
// A stopped one would keep the test's process alive for ever.
after(() => children.forEach((child) => child.kill('SIGKILL')));

function start(file: string, env: Readonly<Record<string, string>> = {}, leaseMs = 15_000): ChildProcess {
  const script = path.join(import.meta.dirname, '../support/engine-process.ts');
  const child = spawn(process.execPath, ['--conditions=servery-source', script, file, String(leaseMs)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  children.add(child);
  return child;
}

async function end(child: ChildProcess): Promise<{ signal: string | null; state: FinalState | undefined }> {
  let text = '';
  child.stdout!.on('data', (data: Buffer) => (text += data.toString()));
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { signal, state: text === '' ? undefined : (JSON.parse(text) as FinalState) };
}

describe('a store whose process is killed', () => {
  // Those of other parts are passed in the tests of those parts; `reconcile` has something to do after a kill only.
  const names = FAILPOINTS.filter((name) => name.startsWith('engine.') && !name.startsWith('engine.reconcile'));
  for (const name of names) {
    it(`at ${name}`, async () => {
      await using folder = await temporaryFolder();
      const file = path.join(folder.path, 'state.db');
      const killed = await end(start(file, { SERVERY_FAILPOINT: `${name}:kill` }));
      assert.equal(killed.signal, 'SIGKILL', 'the failpoint was passed');
      assert.deepEqual((await end(start(file))).state, undisturbed);
    });
  }

  for (const name of ['engine.reconcile.before', 'engine.reconcile.after'] as const) {
    it(`at ${name}, after a kill at a chunk`, async () => {
      await using folder = await temporaryFolder();
      const file = path.join(folder.path, 'state.db');
      await end(start(file, { SERVERY_FAILPOINT: 'engine.commitChunk.after:kill@5' }));
      assert.equal((await end(start(file, { SERVERY_FAILPOINT: `${name}:kill` }))).signal, 'SIGKILL');
      assert.deepEqual((await end(start(file))).state, undisturbed);
    });
  }

  it('at random moments', async (t) => {
    const passed = new Map<string, number>();
    const random = seeded(20_261_123);
    let kills = 0;
    while (kills < 20) {
      await using folder = await temporaryFolder();
      const file = path.join(folder.path, 'state.db');
      const log = path.join(folder.path, 'failpoints');
      // Two kills in the same store, then one that is left alone: a third loss would end a run, as it should.
      for (let kill = 0; kill < 2; kill += 1) {
        const child = start(file, { SERVERY_FAILPOINT_LOG: log });
        const ended = end(child);
        await firstCommit(log, child);
        await sleep(random() * 60);
        child.kill('SIGKILL');
        if ((await ended).signal !== 'SIGKILL') break;
        kills += 1;
        const last = (await readFile(log, 'utf8')).trim().split('\n').at(-1)!;
        passed.set(last, (passed.get(last) ?? 0) + 1);
      }
      assert.deepEqual((await end(start(file))).state, undisturbed);
    }
    for (const [name, count] of passed) t.diagnostic(`killed after ${name}: ${count}`);
  });
});

describe('a store that several processes use', () => {
  it('gives each run to one of them', async () => {
    await using folder = await temporaryFolder();
    const file = path.join(folder.path, 'state.db');
    const three = [1, 2, 3].map(() => end(start(file)));
    for (const { state } of await Promise.all(three)) assert.deepEqual(state, undisturbed);
  });

  it('refuses a worker that wakes up after its lease', async () => {
    await using folder = await temporaryFolder();
    const file = path.join(folder.path, 'state.db');
    const log = path.join(folder.path, 'failpoints');
    const sleeper = start(file, { SERVERY_FAILPOINT: 'engine.claim.after:stop', SERVERY_FAILPOINT_LOG: log }, 300);
    let errors = '';
    sleeper.stderr!.on('data', (data: Buffer) => (errors += data.toString()));
    const awake = once(sleeper, 'close');
    await until(async () => (await readFile(log, 'utf8').catch(() => '')).includes('engine.claim.after'));
    assert.deepEqual((await end(start(file))).state, undisturbed, 'the others go on without it');
    sleeper.kill('SIGCONT');
    const [code] = (await awake) as [number | null];
    assert.equal(code, 1);
    assert.match(errors, /LEASE_LOST/);
    await using engine = await openSqliteEngine({ file });
    const { items } = await engine.listRuns({ limit: 100 });
    assert.deepEqual(
      items.map(({ state }) => state),
      RUNS.map(() => 'succeeded'),
    );
  });

  it('says so when one of them keeps it locked', async () => {
    await using folder = await temporaryFolder();
    const file = path.join(folder.path, 'state.db');
    const log = path.join(folder.path, 'failpoints');
    const sleeper = start(file, { SERVERY_FAILPOINT: 'engine.addRun.before:stop', SERVERY_FAILPOINT_LOG: log });
    const ended = end(sleeper);
    await until(async () => (await readFile(log, 'utf8').catch(() => '')).includes('engine.addRun.before'));
    {
      await using engine = await openSqliteEngine({ file });
      await assert.rejects(engine.pauseJob('hourly', ''), {
        code: 'DATABASE_FAILED',
        message: /locked for more than 5000 ms/,
      });
      assert.equal((await engine.listJobs({ limit: 10 })).items.length, 1, 'reading goes on');
    }
    sleeper.kill('SIGCONT');
    assert.deepEqual((await ended).state, undisturbed);
  });
});

/** Until the process has written something, or is over. */
async function firstCommit(log: string, child: ChildProcess): Promise<void> {
  const before = await readFile(log, 'utf8').catch(() => '');
  await until(
    async () => child.exitCode !== null || (await readFile(log, 'utf8').catch(() => '')).length > before.length,
  );
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(2);
}

/** Mulberry32: the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
