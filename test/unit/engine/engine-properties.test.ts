/** Whatever is asked of an engine, in whatever order: limits hold, no run is held twice, backfills add up. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServeryError } from '../../../src/core/errors.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { openSqliteEngine } from '../../../src/engine/sqlite/open.ts';
import type { ClaimedRun } from '../../../src/engine/run.ts';
import { definition, hour, newRun, retryPolicy } from '../../support/engine-definitions.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const retry = retryPolicy({ attempts: 2, delayMs: 1000 });
const jobs = [
  definition('serial', { overlapping: false, retry }),
  definition('pooled', { pool: 'gpu', slots: 2, retry }),
  definition('capped', { maxRunning: 2, pool: 'gpu', retry }),
];
const limits = { maxRunning: 5, pools: { gpu: 5 } };
const workers = ['w1', 'w2'].map((id) => ({ id, capacity: 4, leaseMs: 15_000 }));

const index = fc.nat({ max: 2 });
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), job: index, interval: fc.nat({ max: 5 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      worker: fc.nat({ max: 1 }),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('succeed', 'fail', 'interrupt', 'cancelled'), held: fc.nat() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cancel', 'retry', 'why'), run: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('pause', 'resume'), job: index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('backfill' as const), job: index }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('pauseBackfill', 'resumeBackfill', 'cancelBackfill'), job: index }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(1, 20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), worker: fc.nat({ max: 1 }) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly clocks: { readonly wall: ManualClock; readonly steady: ManualClock };
  readonly engine: Engine;
  /** All that was ever claimed: an old one must be refused. */
  readonly held: ClaimedRun[] = [];

  static async open(file: string): Promise<World> {
    const clocks = { wall: new ManualClock(), steady: new ManualClock() };
    const world = new World(await openSqliteEngine({ file, ...clocks }), clocks);
    await world.engine.configure(jobs, limits);
    return world;
  }

  private constructor(engine: Engine, clocks: World['clocks']) {
    this.engine = engine;
    this.clocks = clocks;
  }

  async act(step: Action): Promise<void> {
    try {
      await this.#act(step);
    } catch (error) {
      const isRefusal = error instanceof ServeryError && ['CONFLICT', 'LEASE_LOST', 'NOT_FOUND'].includes(error.code);
      if (!isRefusal) throw error;
    }
  }

  async #act(step: Action): Promise<unknown> {
    const { engine, held } = this;
    if ('interval' in step) return engine.addRun(newRun(jobs[step.job]!, step.interval));
    if ('count' in step) return held.push(...(await engine.claim(workers[step.worker]!, step.count)));
    if ('seconds' in step) {
      this.clocks.wall.advance(step.seconds * 1000);
      this.clocks.steady.advance(step.seconds * 1000);
      return engine.reconcile();
    }
    if ('held' in step) {
      const claimed = held[step.held % Math.max(1, held.length)];
      return claimed && engine.finishAttempt(claimed.lease, outcomes[step.do]);
    }
    if ('run' in step) {
      const { items } = await engine.listRuns({ limit: 1000 });
      const run = items[step.run % Math.max(1, items.length)];
      if (run === undefined) return undefined;
      if (step.do === 'why') return engine.whyWaiting(run.id);
      return step.do === 'retry' ? engine.retryRun(run.id) : engine.requestCancel(run.id, { reason: 'test' });
    }
    if ('worker' in step) return engine.releaseWorker(workers[step.worker]!.id, 'killed');
    const job = jobs[step.job]!;
    const id = `b-${job.job}`;
    switch (step.do) {
      case 'pause':
        return engine.pauseJob(job.job, '');
      case 'resume':
        return engine.resumeJob(job.job);
      case 'pauseBackfill':
        return engine.pauseBackfill(id, '');
      case 'resumeBackfill':
        return engine.resumeBackfill(id);
      case 'cancelBackfill':
        return engine.cancelBackfill(id, 'test');
      case 'backfill':
        return engine.createBackfill({
          id,
          job: job.job,
          definitionHash: job.hash,
          intervals: [1, 2, 3, 4, 5].map(hour),
          order: 'oldest',
          parallel: 2,
          reprocess: 'failed',
          priority: -1,
        });
    }
  }

  async check(): Promise<void> {
    const { items } = await this.engine.listRuns({ limit: 1000 });
    const running = items.filter(({ state }) => state === 'running');
    const of = (job: string) => running.filter((run) => run.job === job);
    assert.ok(running.length <= limits.maxRunning, 'the limit overall');
    const slots = running.filter(({ pool }) => pool === 'gpu').reduce((sum, run) => sum + run.slots, 0);
    assert.ok(slots <= limits.pools.gpu, 'the slots of the pool');
    assert.ok(of('serial').filter(({ cause }) => !cause.startsWith('backfill/')).length <= 1, 'no overlap');
    assert.ok(of('capped').length <= 2, 'the limit of the job');
    const intervals = running.map(({ job, interval }) => `${job} ${interval?.startMs}`);
    assert.equal(new Set(intervals).size, intervals.length, 'one run for an interval at a time');
    for (const run of items) {
      const isOver = run.finishedMs !== undefined;
      assert.equal(isOver, ['succeeded', 'failed', 'cancelled', 'skipped'].includes(run.state));
      assert.equal(run.worker !== undefined, run.state === 'running');
    }
    for (const backfill of (await this.engine.listBackfills({ limit: 10 })).items) {
      const { total, skipped, pending, active, succeeded, failed, cancelled } = backfill.intervals;
      assert.equal(total, 5);
      assert.equal(total, skipped + pending + active + succeeded + failed + cancelled);
      const own = items.filter(({ cause }) => cause === `backfill/${backfill.id}`);
      const alive = own.filter(({ finishedMs }) => finishedMs === undefined);
      assert.equal(active, alive.length, 'what is active has a run that is not over');
      assert.ok(own.filter(({ state }) => state === 'running').length <= backfill.parallel);
      if (backfill.state === 'running') assert.ok(active > 0, 'it goes on by itself');
      if (backfill.state === 'succeeded') assert.equal(failed + cancelled + pending, 0);
    }
  }
}

const outcomes = {
  succeed: { state: 'succeeded' },
  fail: { state: 'failed', error: { code: 'COMMAND_FAILED', message: '' } },
  interrupt: { state: 'interrupted', reason: 'exit' },
  cancelled: { state: 'cancelled', reason: 'asked' },
} as const;

test('keeps its promises under any sequence of requests', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 80, size: 'max' }), async (steps) => {
      await using folder = await temporaryFolder();
      const world = await World.open(path.join(folder.path, 'state.db'));
      await using _engine = world.engine;
      for (const step of steps) {
        await world.act(step);
        await world.check();
      }
      // Left alone with a worker that always succeeds, everything that may end does.
      for (const { job } of jobs) await world.engine.resumeJob(job);
      for (let round = 0; round < 60; round += 1) {
        await world.act({ do: 'pass', seconds: 20 });
        for (const { lease } of await world.engine.claim(workers[0]!, 4)) {
          await world.engine.finishAttempt(lease, outcomes.succeed);
        }
      }
      await world.check();
      const { items } = await world.engine.listRuns({ limit: 100, states: ['queued', 'running', 'retrying'] });
      for (const run of items) {
        const why = await world.engine.whyWaiting(run.id);
        assert.deepEqual(
          why.map(({ kind }) => kind),
          ['backfillPaused'],
          run.id,
        );
      }
    }),
    { numRuns: 25 },
  );
});
