/** What every engine must do. Each implementation's test file calls this with its own way to open a store. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorCode } from '../../src/core/errors.ts';
import type { Engine, ScheduleEntry, WorkerInfo } from '../../src/engine/engine.ts';
import type { JobDefinition } from '../../src/engine/job-state.ts';
import type { NewRun } from '../../src/engine/run.ts';
import { definition, hour, HOUR_MS, LIMITS, newRun, retryPolicy } from '../support/engine-definitions.ts';
import type { ManualClock } from '../support/manual-clock.ts';

/** A store that several engines may open at once, and its clocks. */
export interface EngineStore extends AsyncDisposable {
  open(): Promise<Engine>;
  readonly wall: ManualClock;
  readonly steady: ManualClock;
}

export const worker: WorkerInfo = { id: 'worker-1', capacity: 10, leaseMs: 15_000 };
const other: WorkerInfo = { id: 'worker-2', capacity: 10, leaseMs: 15_000 };

export function testEngineContract(name: string, makeStore: () => Promise<EngineStore>): void {
  /** A test with a store of its own and one engine on it. */
  function check(title: string, body: (engine: Engine, store: EngineStore) => Promise<void>): void {
    it(title, async () => {
      await using store = await makeStore();
      await using engine = await store.open();
      await body(engine, store);
    });
  }

  describe(`${name} engine: runs`, () => {
    check('adds one run for a key, whoever asks and how often', async (engine, store) => {
      const job = await configured(engine, definition('hourly'));
      await using second = await store.open();
      const answers = await Promise.all([engine, second, engine].map((one) => one.addRun(newRun(job, 3))));
      assert.equal(answers.filter(({ isNew }) => isNew).length, 1);
      assert.equal(answers[0]!.run.id, 'hourly~19700101T030000Z-19700101T040000Z~schedule');
      assert.equal((await engine.listRuns({ limit: 10 })).items.length, 1);
    });

    check('gives a run another key when its cause is another', async (engine) => {
      const job = await configured(engine, definition('hourly'));
      await engine.addRun(newRun(job, 3));
      const late = await engine.addRun(newRun(job, 3, { cause: 'late/1' }));
      assert.equal(late.run.id, 'hourly~19700101T030000Z-19700101T040000Z~late.1');
      const manual = await engine.addRun({ ...newRun(job, 3), interval: undefined, cause: 'manual/a b/ü' });
      assert.match(manual.run.id, /^hourly~19700101T040000Z~manual\.h-[0-9a-f]{32}$/);
    });

    check('refuses a run of a definition that nobody configured', async (engine) => {
      await rejects(engine.addRun(newRun(definition('unknown'), 1)), 'JOB_NOT_FOUND');
      await rejects(engine.getRun('nothing'), 'RUN_NOT_FOUND');
    });

    check('adds a run of a job that no configuration has, with its definition', async (engine) => {
      const own = { ...definition('own', { maxRunning: 1, overlapping: true }), spec: 'first' };
      await engine.addRun(newRun(own, 1), own);
      await engine.addRun(newRun(own, 2), own);
      await configured(engine, definition('hourly'));
      assert.equal((await engine.getJob('own')).isConfigured, false);
      const claimed = await engine.claim(worker, 5);
      assert.deepEqual(
        claimed.map(({ run, spec }) => [run.job, spec]),
        [['own', 'first']],
      );
      const later = { ...own, hash: 'later', spec: 'later' };
      await engine.addRun(newRun(later, 3), later);
      assert.equal((await engine.getJob('own')).definition.hash, 'later');
      await configured(engine, own);
      await engine.addRun(newRun(later, 4), later);
      const { isConfigured, definition: present } = await engine.getJob('own');
      assert.deepEqual([isConfigured, present.hash], [true, own.hash]);
    });

    check('executes a run with the definition that it was added with', async (engine) => {
      const old = await configured(engine, { ...definition('hourly'), hash: 'old', spec: 'old' });
      await engine.addRun(newRun(old, 1));
      await configured(engine, { ...definition('hourly'), hash: 'new', spec: 'new' });
      const [claimed] = await engine.claim(worker, 1);
      assert.equal(claimed?.spec, 'old');
      assert.equal((await engine.getJob('hourly')).definition.hash, 'new');
      assert.equal((await engine.getDefinition('old'))?.spec, 'old');
    });

    check('runs an attempt to its end and keeps what it says', async (engine) => {
      const job = await configured(engine, definition('hourly'));
      await engine.addRun(newRun(job, 1, { params: { day: 1 } }));
      const [claimed] = await engine.claim(worker, 5);
      assert.ok(claimed);
      assert.deepEqual(claimed.run.params, { day: 1 });
      assert.equal(claimed.run.state, 'running');
      await engine.setPinned(claimed.lease, { model: 'churn/3' });
      await engine.setPinned(claimed.lease, { code: 'abc' });
      await engine.recordStep(claimed.lease, { step: 'score', state: 'running', startedMs: 5 });
      await engine.recordStep(claimed.lease, { step: 'score', state: 'succeeded', finishedMs: 9, result: [1] });
      const run = await engine.finishAttempt(claimed.lease, { state: 'succeeded', result: { rows: 3 } });
      assert.equal(run.state, 'succeeded');
      assert.deepEqual(run.result, { rows: 3 });
      assert.deepEqual(run.pinned, { model: 'churn/3', code: 'abc' });
      assert.deepEqual(await engine.steps(run.id), [
        { attempt: 1, step: 'score', state: 'succeeded', startedMs: 5, finishedMs: 9, result: [1] },
      ]);
      const [attempt] = await engine.attempts(run.id);
      assert.equal(attempt?.state, 'succeeded');
      const job1 = await engine.getJob('hourly');
      assert.equal(job1.lastSuccessEndMs, hour(1).endMs);
      assert.equal(job1.lastRun?.id, run.id);
    });

    check('lists runs newest first, by pages and by filters', async (engine) => {
      const a = definition('a');
      const b = definition('b');
      await engine.configure([a, b], LIMITS);
      for (let index = 0; index < 7; index += 1) await engine.addRun(newRun(index % 2 === 0 ? a : b, index));
      await engine.addRun(newRun(a, 9, { cause: 'manual/x' }));
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await engine.listRuns({ limit: 3, after });
        seen.push(...page.items.map((run) => `${run.job}${run.sequence}`));
        after = page.next;
      } while (after !== undefined);
      assert.deepEqual(seen, ['a8', 'a7', 'b6', 'a5', 'b4', 'a3', 'b2', 'a1']);
      const count = async (query: object) => (await engine.listRuns({ limit: 100, ...query })).items.length;
      assert.equal(await count({ job: 'b' }), 3);
      assert.equal(await count({ cause: 'manual' }), 1);
      assert.equal(await count({ cause: 'schedule', job: 'a' }), 4);
      assert.equal(await count({ states: ['running', 'failed'] }), 0);
      assert.equal(await count({ covers: { startMs: hour(2).startMs, endMs: hour(3).endMs } }), 2);
      await rejects(engine.listRuns({ limit: 0 }), 'INVALID_REQUEST');
      await rejects(engine.listRuns({ limit: 5, after: "1' or 1" }), 'INVALID_REQUEST');
    });

    check('refuses a result that is too large', async (engine) => {
      const { lease } = await running(engine, definition('hourly'));
      const result = 'x'.repeat(300_000);
      await rejects(engine.finishAttempt(lease, { state: 'succeeded', result }), 'PAYLOAD_TOO_LARGE');
      assert.equal((await engine.getRun(lease.runId)).state, 'running');
    });
  });

  describe(`${name} engine: retries`, () => {
    check('tries again after a delay that grows, until the attempts are used up', async (engine, { wall }) => {
      const job = await configured(engine, definition('hourly', { retry: retryPolicy({ attempts: 3 }) }));
      await engine.addRun(newRun(job, 1));
      for (const delayMs of [1000, 2000]) {
        const { lease } = await claimOne(engine);
        const run = await engine.finishAttempt(lease, failed('COMMAND_FAILED'));
        assert.equal(run.state, 'retrying');
        assert.equal(run.notBeforeMs - wall.now(), delayMs);
        assert.deepEqual(await engine.claim(worker, 1), []);
        wall.advance(delayMs);
      }
      const { lease } = await claimOne(engine);
      const run = await engine.finishAttempt(lease, failed('COMMAND_FAILED'));
      assert.equal(run.state, 'failed');
      assert.equal(run.attempt, 3);
      assert.deepEqual(run.error, { code: 'COMMAND_FAILED', message: 'no' });
    });

    check('does not try again after the codes that it was told', async (engine) => {
      const retry = retryPolicy({ attempts: 3, notOn: ['MODEL_NOT_FOUND'] });
      const { lease } = await running(engine, definition('hourly', { retry }));
      assert.equal((await engine.finishAttempt(lease, failed('MODEL_NOT_FOUND'))).state, 'failed');
    });

    check('queues a failed run again by hand, as another attempt of the same run', async (engine) => {
      const { lease } = await running(engine, definition('hourly'));
      await engine.finishAttempt(lease, failed('COMMAND_FAILED'));
      assert.equal((await engine.retryRun(lease.runId)).state, 'queued');
      await rejects(engine.retryRun(lease.runId), 'CONFLICT');
      const again = await claimOne(engine);
      assert.equal(again.lease.epoch, 2);
      await engine.finishAttempt(again.lease, { state: 'succeeded' });
      const kinds = (await engine.events({ afterId: 0, limit: 100 })).filter((event) => event.kind === 'run.succeeded');
      assert.equal(kinds[0]?.data['recovered'], true);
    });

    check('gives an interrupted run to the next worker, without counting that as a failure', async (engine) => {
      const { lease } = await running(engine, definition('hourly'));
      assert.equal((await engine.finishAttempt(lease, { state: 'interrupted', reason: 'exit' })).state, 'retrying');
      const [again] = await engine.claim(other, 1);
      assert.equal(again?.lease.epoch, 2);
      assert.equal((await engine.finishAttempt(again!.lease, failed('X'))).state, 'failed');
    });
  });

  describe(`${name} engine: leases`, () => {
    check(
      'gives the run of a silent worker to another and refuses whatever the first still does',
      async (engine, store) => {
        const { lease } = await running(engine, definition('hourly'));
        await engine.savePlan(lease, 'score', { chunks: 2 });
        await engine.commitChunk(lease, 'score', 0, { rows: 5 });
        advance(store, 15_000);
        assert.deepEqual((await engine.reconcile()).changed, [lease.runId]);
        await using second = await store.open();
        const [next] = await second.claim(other, 1);
        assert.equal(next?.lease.epoch, 2);
        await rejects(engine.commitChunk(lease, 'score', 1, {}), 'LEASE_LOST');
        await rejects(engine.confirmLease(lease), 'LEASE_LOST');
        await rejects(engine.savePlan(lease, 'score', {}), 'LEASE_LOST');
        await rejects(engine.recordStep(lease, { step: 'score', state: 'failed' }), 'LEASE_LOST');
        await rejects(engine.setPinned(lease, {}), 'LEASE_LOST');
        await rejects(engine.finishAttempt(lease, { state: 'succeeded' }), 'LEASE_LOST');
        assert.deepEqual((await engine.heartbeat(worker, [{ lease }])).lost, [lease.runId]);
        // The plan and what was committed are the next attempt's to go on with.
        assert.deepEqual(await second.readPlan(lease.runId, 'score'), { chunks: 2 });
        const chunks = await second.committedChunks(lease.runId, 'score');
        assert.deepEqual(
          chunks.map(({ index, attempt, record }) => ({ index, attempt, record })),
          [{ index: 0, attempt: 1, record: { rows: 5 } }],
        );
        await rejects(second.commitChunk(next!.lease, 'score', 0, {}), 'CONFLICT');
        await second.savePlan(next!.lease, 'score', { chunks: 1 });
        assert.deepEqual(await second.committedChunks(lease.runId, 'score'), []);
      },
    );

    check('keeps a lease for as long as its worker is heard', async (engine, store) => {
      const { lease } = await running(engine, definition('hourly'));
      for (let beat = 0; beat < 5; beat += 1) {
        advance(store, 10_000);
        await engine.heartbeat(worker, [{ lease, progress: { rows: beat } }]);
        assert.deepEqual((await engine.reconcile()).changed, []);
      }
      assert.deepEqual((await engine.getRun(lease.runId)).progress, { rows: 4 });
    });

    check('says when the next lease would run out', async (engine, { wall }) => {
      assert.equal((await engine.reconcile()).nextAtMs, undefined);
      await running(engine, definition('hourly'));
      assert.equal((await engine.reconcile()).nextAtMs, wall.now() + 15_000);
    });

    check('ends the leases of a dead worker at once, and stops trying after some losses', async (engine, store) => {
      const { lease } = await running(engine, definition('hourly', { retry: retryPolicy({ workerLosses: 3 }) }));
      assert.deepEqual(await states(engine.releaseWorker(worker.id, 'SIGKILL')), ['retrying']);
      await claimOne(engine); // at once
      await engine.releaseWorker(worker.id, 'SIGKILL');
      assert.deepEqual(await engine.claim(worker, 1), []);
      advance(store, 1000);
      await claimOne(engine);
      assert.deepEqual(await states(engine.releaseWorker(worker.id, 'SIGKILL')), ['failed']);
      const run = await engine.getRun(lease.runId);
      assert.deepEqual(run.error, { code: 'WORKER_LOST', message: 'SIGKILL' });
      const lost = await engine.events({ afterId: 0, limit: 100, kinds: ['worker.lost'] });
      assert.equal(lost.length, 3);
    });

    check('survives a clock that jumps forward: living workers keep their runs', async (engine, { wall, steady }) => {
      const { lease } = await running(engine, definition('hourly'));
      wall.advance(6 * HOUR_MS);
      assert.deepEqual((await engine.reconcile()).changed, []);
      advance({ wall, steady }, 5000);
      assert.deepEqual((await engine.heartbeat(worker, [{ lease }])).lost, []);
      advance({ wall, steady }, 12_000);
      assert.deepEqual((await engine.reconcile()).changed, [], 'the heartbeat counts');
      advance({ wall, steady }, 5000);
      assert.deepEqual((await engine.reconcile()).changed, [lease.runId], 'a dead one is still found');
    });

    check('survives a clock that is moved back: dead workers are still found', async (engine, { wall, steady }) => {
      const { lease } = await running(engine, definition('hourly'));
      wall.set(wall.now() - 600_000);
      assert.deepEqual((await engine.reconcile()).changed, []);
      advance({ wall, steady }, 15_000);
      assert.deepEqual((await engine.reconcile()).changed, [lease.runId]);
    });
  });

  describe(`${name} engine: limits`, () => {
    check('takes the highest priority first, then the oldest', async (engine) => {
      const low = definition('low', { priority: -5 });
      const high = definition('high', { priority: 5 });
      await engine.configure([low, high], LIMITS);
      await engine.addRun(newRun(low, 1));
      await engine.addRun(newRun(high, 1));
      await engine.addRun(newRun(high, 2));
      await engine.addRun(newRun(low, 2, { priority: 9 }));
      const claimed = await engine.claim(worker, 10);
      assert.deepEqual(
        claimed.map(({ run }) => `${run.job}${run.interval!.startMs / HOUR_MS}`),
        ['low2', 'high1', 'high2', 'low1'],
      );
    });

    check('counts slots from the leases that live', async (engine, store) => {
      const big = definition('big', { pool: 'gpu', slots: 3 });
      const small = definition('small', { pool: 'gpu' });
      await engine.configure([big, small], { maxRunning: 100, pools: { gpu: 4 } });
      for (const index of [1, 2]) await engine.addRun(newRun(big, index));
      for (const index of [1, 2]) await engine.addRun(newRun(small, index));
      const names = (await engine.claim(worker, 10)).map(({ run }) => run.job);
      assert.deepEqual(names, ['big', 'small']);
      const [waiting] = (await engine.listRuns({ limit: 10, states: ['queued'], job: 'small' })).items;
      const [why] = await engine.whyWaiting(waiting!.id);
      assert.ok(why?.kind === 'poolFull');
      assert.deepEqual([why.used, why.wanted, why.limit, why.runs.length], [4, 1, 4, 2]);
      // No counter to repair: a worker that dies gives its slots back.
      advance(store, 15_000);
      await engine.reconcile();
      assert.equal((await engine.claim(other, 10)).length, 2);
    });

    check('keeps the limits overall, of a job, and of an interval', async (engine) => {
      const one = definition('one', { maxRunning: 2 });
      const two = definition('two');
      await engine.configure([one, two], { maxRunning: 3, pools: {} });
      for (const index of [1, 2, 3]) await engine.addRun(newRun(one, index));
      await engine.addRun(newRun(one, 1, { cause: 'manual/again' }));
      for (const index of [1, 2]) await engine.addRun(newRun(two, index));
      const claimed = await engine.claim(worker, 10);
      assert.deepEqual(claimed.map(({ run }) => run.job).sort(), ['one', 'one', 'two']);
      const kinds = async (id: string) => (await engine.whyWaiting(id)).map((reason) => reason.kind);
      const base = 'one~19700101T010000Z-19700101T020000Z';
      assert.deepEqual(await kinds(`${base}~manual.again`), ['intervalBusy', 'jobLimit', 'overallLimit']);
      assert.deepEqual(await kinds('two~19700101T020000Z-19700101T030000Z~schedule'), ['overallLimit']);
      assert.deepEqual(await kinds(`${base}~schedule`), ['notWaiting']);
    });

    check('runs one after the other where runs of a job do not overlap', async (engine) => {
      const job = await configured(engine, definition('serial', { overlapping: false }));
      await engine.addRun(newRun(job, 1));
      await engine.addRun(newRun(job, 2));
      const [first, ...rest] = await engine.claim(worker, 10);
      assert.deepEqual(rest, []);
      const [waiting] = (await engine.listRuns({ limit: 1, states: ['queued'] })).items;
      assert.deepEqual(await engine.whyWaiting(waiting!.id), [{ kind: 'jobBusy', run: first!.run.id }]);
      await engine.finishAttempt(first!.lease, { state: 'succeeded' });
      assert.deepEqual(await engine.whyWaiting(waiting!.id), []);
      assert.equal((await engine.claim(worker, 10)).length, 1);
    });

    check('says that no worker is there, or that all are busy', async (engine, store) => {
      const job = await configured(engine, definition('hourly'));
      const { run } = await engine.addRun(newRun(job, 1));
      assert.deepEqual(await engine.whyWaiting(run.id), [{ kind: 'noWorker' }]);
      const small = { ...worker, capacity: 1 };
      await engine.heartbeat(small, []);
      assert.deepEqual(await engine.whyWaiting(run.id), []);
      await engine.claim(small, 1);
      const second = await engine.addRun(newRun(job, 2));
      assert.deepEqual(await engine.whyWaiting(second.run.id), [
        { kind: 'workersBusy', ahead: 0, workers: 1, capacity: 1 },
      ]);
      advance(store, 15_000);
      await engine.reconcile();
      assert.deepEqual(await engine.whyWaiting(second.run.id), [{ kind: 'noWorker' }]);
    });
  });

  describe(`${name} engine: cancelling`, () => {
    check('cancels at once what waits', async (engine) => {
      const job = await configured(engine, definition('hourly'));
      const { run } = await engine.addRun(newRun(job, 1));
      assert.equal((await engine.requestCancel(run.id, { reason: 'mistake' })).state, 'cancelled');
      await rejects(engine.requestCancel(run.id, { reason: 'again' }), 'CONFLICT');
      assert.deepEqual(await engine.claim(worker, 1), []);
    });

    check('cancels what runs when its worker has said so, not before', async (engine) => {
      const { lease } = await running(engine, definition('hourly', { retry: retryPolicy({ attempts: 9 }) }));
      const asked = await engine.requestCancel(lease.runId, { reason: 'mistake' });
      assert.equal(asked.state, 'running');
      const beat = await engine.heartbeat(worker, [{ lease }]);
      assert.deepEqual(beat.stop, [{ runId: lease.runId, reason: 'mistake', force: false, code: 'CANCELLED' }]);
      await engine.requestCancel(lease.runId, { reason: 'now', force: true });
      assert.equal((await engine.heartbeat(worker, [{ lease }])).stop[0]?.force, true);
      // A command that was killed has failed as far as its worker knows.
      const run = await engine.finishAttempt(lease, failed('COMMAND_FAILED'));
      assert.equal(run.state, 'cancelled');
    });

    check('cancels a run whose worker died before it could say so', async (engine, store) => {
      const { lease } = await running(engine, definition('hourly', { retry: retryPolicy({ attempts: 9 }) }));
      await engine.requestCancel(lease.runId, { reason: 'mistake' });
      advance(store, 15_000);
      await engine.reconcile();
      assert.equal((await engine.getRun(lease.runId)).state, 'cancelled');
    });

    check('cancels during the back-off of a retry', async (engine) => {
      const { lease } = await running(engine, definition('hourly', { retry: retryPolicy({ attempts: 9 }) }));
      await engine.finishAttempt(lease, failed('COMMAND_FAILED'));
      assert.equal((await engine.requestCancel(lease.runId, { reason: 'no' })).state, 'cancelled');
    });
  });

  describe(`${name} engine: time`, () => {
    check('fails what waits or runs too long', async (engine, store) => {
      const waits = definition('waits', { queueTimeoutMs: 60_000, priority: -1 });
      const runs = definition('runs', { runTimeoutMs: 40_000, retry: retryPolicy({ attempts: 9 }) });
      await engine.configure([waits, runs], { maxRunning: 1, pools: {} });
      await engine.addRun(newRun(waits, 1));
      await engine.addRun(newRun(runs, 1));
      const { lease } = await claimOne(engine);
      assert.equal(lease.runId, 'runs~19700101T010000Z-19700101T020000Z~schedule');
      for (let beat = 0; beat < 4; beat += 1) {
        advance(store, 10_000);
        await engine.heartbeat(worker, [{ lease }]);
      }
      await engine.reconcile();
      const { stop } = await engine.heartbeat(worker, [{ lease }]);
      assert.equal(stop[0]?.code, 'TIMED_OUT');
      const run = await engine.finishAttempt(lease, { state: 'cancelled', reason: 'stopped' });
      assert.deepEqual([run.state, run.error?.code], ['failed', 'TIMED_OUT']);
      advance(store, 20_000);
      const { changed } = await engine.reconcile();
      assert.deepEqual(await states(Promise.all(changed.map((id) => engine.getRun(id)))), ['failed']);
    });

    check('measures timeouts by what has passed, not by a clock that is moved', async (engine, store) => {
      const { lease } = await running(engine, definition('runs', { runTimeoutMs: 40_000 }));
      for (const ms of [3 * HOUR_MS, -2 * HOUR_MS]) {
        store.wall.set(store.wall.now() + ms);
        await engine.reconcile();
        assert.deepEqual((await engine.heartbeat(worker, [{ lease }])).stop, []);
      }
      for (let beat = 0; beat < 4; beat += 1) {
        advance(store, 10_000);
        await engine.heartbeat(worker, [{ lease }]);
      }
      await engine.reconcile();
      assert.equal((await engine.heartbeat(worker, [{ lease }])).stop[0]?.code, 'TIMED_OUT');
    });

    check('tells of each deadline once', async (engine, store) => {
      const deadlines = { startWithinMs: 10_000, finishWithinMs: 20_000, freshWithinMs: 30_000 };
      const job = await configured(engine, definition('hourly', { deadlines }));
      await engine.addRun(newRun(job, 1, { scheduledForMs: store.wall.now() }));
      const told = async () => {
        await engine.reconcile();
        const kinds = ['deadline.start', 'deadline.finish', 'deadline.fresh'] as const;
        return (await engine.events({ afterId: 0, limit: 100, kinds })).map(({ kind }) => kind);
      };
      assert.deepEqual(await told(), []);
      advance(store, 10_000);
      assert.deepEqual(await told(), ['deadline.start']);
      advance(store, 20_000);
      assert.deepEqual(await told(), ['deadline.start', 'deadline.finish', 'deadline.fresh']);
      const { lease } = await claimOne(engine);
      await engine.finishAttempt(lease, { state: 'succeeded' });
      advance(store, 29_000);
      assert.equal((await told()).length, 3);
      advance(store, 1000);
      assert.equal((await told()).length, 4, 'stale again');
    });
  });

  describe(`${name} engine: scheduling`, () => {
    check('moves the cursor and adds the run together, once', async (engine, store) => {
      const job = await configured(engine, definition('hourly'));
      await using second = await store.open();
      const lease = (await engine.acquireTicker('a', 15_000))!;
      const due = entry(job, undefined, 2, [newRun(job, 1)]);
      const [first] = await engine.schedule(lease, [due]);
      assert.deepEqual(first, {
        job: 'hourly',
        isMoved: true,
        added: ['hourly~19700101T010000Z-19700101T020000Z~schedule'],
      });
      const [again] = await engine.schedule(lease, [due]);
      assert.equal(again?.isMoved, false);
      // A schedule that was changed may come to the same interval again.
      const [same] = await engine.schedule(lease, [entry(job, 2, 3, [newRun(job, 1)])]);
      assert.deepEqual(same, { job: 'hourly', isMoved: true, added: [] });
      assert.equal((await second.getJob('hourly')).cursorMs, 3);
      assert.equal((await second.listRuns({ limit: 10 })).items.length, 1);
    });

    check('lets one ticker schedule: the one before is refused', async (engine, store) => {
      const job = await configured(engine, definition('hourly'));
      await using second = await store.open();
      const old = (await engine.acquireTicker('a', 15_000))!;
      assert.equal(await second.acquireTicker('b', 15_000), undefined);
      advance(store, 10_000);
      assert.deepEqual(await engine.acquireTicker('a', 15_000), old);
      advance(store, 15_000);
      const next = (await second.acquireTicker('b', 15_000))!;
      assert.ok(next.epoch > old.epoch);
      await rejects(engine.schedule(old, [entry(job, undefined, 2, [newRun(job, 1)])]), 'LEASE_LOST');
      await second.releaseTicker(next);
      assert.equal((await engine.acquireTicker('a', 15_000))?.epoch, next.epoch + 1);
    });

    check('records what was suppressed, with its reason', async (engine) => {
      const job = await configured(engine, definition('hourly'));
      const lease = (await engine.acquireTicker('a', 15_000))!;
      const suppressed = [1, 2, 3].map((index) => ({
        scheduledForMs: hour(index).endMs,
        interval: hour(index),
        reason: 'overlap: skip',
      }));
      await engine.schedule(lease, [{ ...entry(job, undefined, 2, []), suppressed }]);
      const first = await engine.listSuppressed({ job: 'hourly', limit: 2 });
      assert.deepEqual(
        first.items.map((item) => item.scheduledForMs),
        [hour(3).endMs, hour(2).endMs],
      );
      const rest = await engine.listSuppressed({ job: 'hourly', limit: 2, after: first.next });
      assert.deepEqual([rest.items.length, rest.next], [1, undefined]);
      assert.equal(rest.items[0]?.reason, 'overlap: skip');
    });

    check('cancels the others where the next run wants that', async (engine) => {
      const job = await configured(engine, definition('hourly', { overlapping: false }));
      const lease = (await engine.acquireTicker('a', 15_000))!;
      await engine.schedule(lease, [entry(job, undefined, 1, [newRun(job, 1)])]);
      const one = await claimOne(engine);
      await engine.schedule(lease, [entry(job, 1, 2, [newRun(job, 2)])]);
      await engine.schedule(lease, [{ ...entry(job, 2, 3, [newRun(job, 3)]), cancelOthers: 'terminate' }]);
      const beat = await engine.heartbeat(worker, [{ lease: one.lease }]);
      assert.equal(beat.stop[0]?.force, true);
      assert.deepEqual(await states(engine.listRuns({ limit: 9 }).then(({ items }) => items)), [
        'queued',
        'cancelled',
        'running',
      ]);
      assert.deepEqual(await engine.claim(worker, 9), [], 'the new one waits until the old one is gone');
      await engine.finishAttempt(one.lease, { state: 'cancelled', reason: '' });
      assert.equal((await engine.claim(worker, 9)).length, 1);
    });

    check('knows where schedules stand', async (engine) => {
      const job = definition('a');
      await engine.configure([job, definition('b')], LIMITS);
      const lease = (await engine.acquireTicker('t', 15_000))!;
      await engine.schedule(lease, [entry(job, undefined, 5, [newRun(job, 1), newRun(job, 2)])]);
      await claimOne(engine);
      await engine.addRun(newRun(job, 1, { cause: 'late/1', notBeforeMs: 9e9 }));
      await engine.pauseJob('b', 'broken source');
      const all = await engine.scheduleStates();
      assert.deepEqual(all.get('a')?.active, { waiting: 1, running: 1 });
      assert.equal(all.get('a')?.cursorMs, 5);
      assert.equal(all.get('b')?.isPaused, true);
      assert.equal((await engine.scheduleStates(['a'])).size, 1);
    });

    check('holds what the schedule of a paused job had queued, and nothing else', async (engine) => {
      const job = await configured(engine, definition('hourly'));
      await engine.addRun(newRun(job, 1));
      await engine.addRun(newRun(job, 2, { cause: 'manual/x' }));
      const paused = await engine.pauseJob('hourly', 'broken source');
      assert.equal(paused.paused?.note, 'broken source');
      const claimed = await engine.claim(worker, 10);
      assert.deepEqual(
        claimed.map(({ run }) => run.cause),
        ['manual/x'],
      );
      const [why] = await engine.whyWaiting('hourly~19700101T010000Z-19700101T020000Z~schedule');
      assert.ok(why?.kind === 'jobPaused' && why.note === 'broken source');
      await engine.resumeJob('hourly');
      assert.equal((await engine.claim(worker, 10)).length, 1);
      await rejects(engine.pauseJob('nothing', ''), 'JOB_NOT_FOUND');
    });
  });

  describe(`${name} engine: backfills`, () => {
    const intervals = [1, 2, 3, 4].map(hour);
    const backfill = (job: JobDefinition, changes: object = {}) => ({
      id: 'b1',
      job: job.job,
      definitionHash: job.hash,
      intervals,
      order: 'oldest' as const,
      parallel: 2,
      reprocess: 'all' as const,
      priority: -10,
      ...changes,
    });

    check('keeps as many runs as may run at once, until all are done', async (engine) => {
      const job = await configured(engine, definition('hourly', { overlapping: false }));
      const made = await engine.createBackfill(backfill(job));
      assert.deepEqual(made.intervals, {
        total: 4,
        skipped: 0,
        pending: 2,
        active: 2,
        succeeded: 0,
        failed: 0,
        cancelled: 0,
      });
      assert.deepEqual(await engine.createBackfill(backfill(job)), made, 'the same request again');
      const order: number[] = [];
      for (;;) {
        const claimed = await engine.claim(worker, 10);
        if (claimed.length === 0) break;
        assert.ok(claimed.length <= 2);
        for (const { lease, run } of claimed) {
          order.push(run.interval!.startMs / HOUR_MS);
          await engine.finishAttempt(lease, { state: 'succeeded' });
        }
      }
      assert.deepEqual(order, [1, 2, 3, 4]);
      const done = await engine.getBackfill('b1');
      assert.deepEqual([done.state, done.intervals.succeeded], ['succeeded', 4]);
      assert.deepEqual(done.range, { startMs: hour(1).startMs, endMs: hour(4).endMs });
    });

    check('does again what it is told to, newest first', async (engine) => {
      const job = await configured(engine, definition('hourly'));
      for (const index of [1, 2]) await engine.addRun(newRun(job, index));
      const [one, two] = await engine.claim(worker, 2);
      await engine.finishAttempt(one!.lease, { state: 'succeeded' });
      await engine.finishAttempt(two!.lease, failed('COMMAND_FAILED'));
      const none = await engine.createBackfill(backfill(job, { reprocess: 'none', parallel: 9 }));
      assert.equal(none.intervals.skipped, 2);
      await engine.cancelBackfill('b1', 'enough');
      const bad = await engine.createBackfill(backfill(job, { id: 'b2', reprocess: 'failed', order: 'newest' }));
      assert.equal(bad.intervals.skipped, 1);
      const claimed = await engine.claim(worker, 1);
      assert.equal(claimed[0]?.run.interval?.startMs, hour(4).startMs);
    });

    check('pauses, resumes, and is cancelled as one', async (engine) => {
      const job = await configured(engine, definition('hourly'));
      await engine.createBackfill(backfill(job));
      const { lease } = await claimOne(engine);
      await engine.pauseBackfill('b1', 'source is down');
      assert.deepEqual(await engine.claim(worker, 9), []);
      const [waiting] = (await engine.listRuns({ limit: 9, states: ['queued'], backfill: 'b1' })).items;
      const [why] = await engine.whyWaiting(waiting!.id);
      assert.deepEqual(why, { kind: 'backfillPaused', backfill: 'b1', note: 'source is down' });
      await engine.finishAttempt(lease, { state: 'succeeded' });
      assert.equal((await engine.getBackfill('b1')).intervals.active, 1, 'a paused one gets no new run');
      const resumed = await engine.resumeBackfill('b1');
      assert.deepEqual([resumed.state, resumed.intervals.active], ['running', 2]);
      const next = await claimOne(engine);
      const cancelled = await engine.cancelBackfill('b1', 'wrong range');
      assert.deepEqual([cancelled.state, cancelled.intervals.cancelled], ['cancelled', 2]);
      assert.equal((await engine.heartbeat(worker, [{ lease: next.lease }])).stop.length, 1);
      await engine.finishAttempt(next.lease, { state: 'cancelled', reason: '' });
      assert.equal((await engine.getBackfill('b1')).intervals.cancelled, 3);
      await rejects(engine.resumeBackfill('b1'), 'CONFLICT');
      await rejects(engine.getBackfill('b9'), 'NOT_FOUND');
      assert.equal((await engine.listBackfills({ limit: 5, job: 'hourly' })).items.length, 1);
    });

    check('ends as failed when a run of it failed, and reopens when that is retried', async (engine) => {
      const job = await configured(engine, definition('hourly'));
      await engine.createBackfill(backfill(job, { intervals: [hour(1)] }));
      const { lease } = await claimOne(engine);
      await engine.finishAttempt(lease, failed('COMMAND_FAILED'));
      assert.equal((await engine.getBackfill('b1')).state, 'failed');
      await engine.retryRun(lease.runId);
      assert.equal((await engine.getBackfill('b1')).state, 'running');
      const again = await claimOne(engine);
      await engine.finishAttempt(again.lease, { state: 'succeeded' });
      assert.equal((await engine.getBackfill('b1')).state, 'succeeded');
    });

    check('is nothing to do when nothing is left of it', async (engine) => {
      const job = await configured(engine, definition('hourly'));
      const made = await engine.createBackfill(backfill(job, { intervals: [] }));
      assert.equal(made.state, 'succeeded');
    });
  });

  describe(`${name} engine: events and retention`, () => {
    check('tells every change in the order of its commit', async (engine) => {
      const { lease } = await running(engine, definition('hourly'));
      await engine.finishAttempt(lease, { state: 'succeeded' });
      const all = await engine.events({ afterId: 0, limit: 100 });
      assert.deepEqual(
        all.map(({ kind }) => kind),
        ['jobs.configured', 'run.queued', 'run.started', 'run.succeeded'],
      );
      assert.equal(await engine.lastEventId(), all.at(-1)!.id);
      const some = await engine.events({ afterId: all[1]!.id, limit: 1, job: 'hourly' });
      assert.deepEqual(
        some.map(({ kind }) => kind),
        ['run.started'],
      );
      assert.equal((await engine.events({ afterId: 0, limit: 9, runId: lease.runId })).length, 3);
    });

    check('wakes those who watch, in any process', async (engine, store) => {
      await using second = await store.open();
      const changes = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      using _own = engine.watch(() => changes[0]!.resolve());
      using _other = second.watch(() => changes[1]!.resolve());
      await second.listJobs({ limit: 1 }); // the watch was begun before this was answered
      await configured(engine, definition('hourly'));
      await Promise.all(changes.map(({ promise }) => promise));
    });

    check('deletes what is old, but so many runs of each job stay', async (engine, store) => {
      const job = await configured(engine, definition('hourly'));
      for (let index = 0; index < 10; index += 1) {
        await engine.addRun(newRun(job, index));
        const { lease } = await claimOne(engine);
        await engine.commitChunk(lease, 'score', 0, {});
        await engine.finishAttempt(lease, { state: 'succeeded' });
        store.wall.advance(1000);
      }
      await engine.addRun(newRun(job, 11));
      const retention = { runsMs: 100_000, keepRuns: 3, maxRuns: 6, eventsMs: 5000 };
      const { runs, hasMore } = await engine.prune(retention);
      assert.deepEqual([runs.length, hasMore], [5, false], 'more than maxRuns');
      assert.deepEqual([runs[0]!.job, runs[0]!.spec], ['hourly', job.spec]);
      store.wall.advance(200_000);
      assert.equal((await engine.prune(retention)).runs.length, 3, 'too old');
      const left = (await engine.listRuns({ limit: 100 })).items;
      assert.deepEqual(
        left.map(({ state }) => state),
        ['queued', 'succeeded', 'succeeded'],
      );
      assert.deepEqual(await engine.events({ afterId: 0, limit: 10 }), []);
      // The number of a deleted event is not used again: readers go on from where they were.
      await engine.pauseJob('hourly', '');
      assert.ok((await engine.events({ afterId: 0, limit: 10 }))[0]!.id > 30);
    });
  });
}

async function configured(engine: Engine, job: JobDefinition): Promise<JobDefinition> {
  await engine.configure([job], LIMITS);
  return job;
}

async function claimOne(engine: Engine) {
  const [claimed] = await engine.claim(worker, 1);
  assert.ok(claimed, 'there is a run to claim');
  return claimed;
}

/** A run of the job that is running. */
async function running(engine: Engine, job: JobDefinition) {
  await configured(engine, job);
  await engine.addRun(newRun(job, 1));
  return claimOne(engine);
}

function failed(code: string) {
  return { state: 'failed', error: { code, message: 'no' } } as const;
}

function entry(job: JobDefinition, from: number | undefined, to: number, runs: readonly NewRun[]): ScheduleEntry {
  return { job: job.job, cursor: { of: 'instant', from, to }, runs, suppressed: [] };
}

async function states(runs: Promise<readonly { readonly state: string }[]>): Promise<string[]> {
  return (await runs).map(({ state }) => state);
}

/** Time passes, on both clocks. */
function advance({ wall, steady }: Pick<EngineStore, 'wall' | 'steady'>, ms: number): void {
  wall.advance(ms);
  steady.advance(ms);
}

async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(
    promise,
    (error: { code?: string }) => error.code === code || assert.fail(`${code}: ${String(error)}`),
  );
}
