import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServeryError, type ErrorCode } from '../../../src/core/errors.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { openJobDesk } from '../../support/job-desk.ts';

const NOW = Date.parse('2026-11-25T10:20:00Z');
const DAILY = { schedule: { cron: '0 20 * * *', timezone: 'Asia/Seoul' }, command: ['true'] };
const HALF_HOURLY = { schedule: { every: '30m' }, command: ['true'] };

function clockAt(instantMs: number): ManualClock {
  const clock = new ManualClock();
  clock.advance(instantMs - clock.now());
  return clock;
}
const desk = (jobs: Parameters<typeof openJobDesk>[0]) => openJobDesk(jobs, { clock: clockAt(NOW) });
const refused = (code: ErrorCode) => (error: unknown) => error instanceof ServeryError && error.code === code;

test('a job shows when it fires next and what that covers', async () => {
  await using at = await desk({ nightly: DAILY });
  const job = await at.jobs.showJob('nightly');
  assert.deepEqual(job.next, {
    scheduledFor: '2026-11-25T11:00:00Z',
    firesAt: '2026-11-25T11:00:00Z',
    interval: { start: '2026-11-24T11:00:00Z', end: '2026-11-25T11:00:00Z' },
  });
  assert.deepEqual(
    [job.schedule, job.scheduleInWords, job.timezone, job.steps],
    ['cron 0 20 * * * (Asia/Seoul)', 'At 20:00, every day (Asia/Seoul)', 'Asia/Seoul', ['command']],
  );
  assert.deepEqual([job.lastRun, job.active, job.paused], [null, 0, null]);
  assert.equal(job.upcoming.length, 5);
});

test('a schedule of any kind is said in words', async () => {
  const command = ['true'];
  const timezone = 'Europe/Berlin';
  await using at = await desk({
    both: { schedule: { cron: ['0 9 * * 1-5', '0 12 * * SAT'], timezone }, command },
    steps: { schedule: { cron: '*/15 8-17 * * *', timezone }, command },
    every: { schedule: { every: '30m' }, command },
    follows: { schedule: { after: 'every' }, command },
    hand: { command },
  });
  const { jobs } = await at.jobs.listJobs({ limit: 10 });
  assert.deepEqual(Object.fromEntries(jobs.map(({ name, scheduleInWords }) => [name, scheduleInWords])), {
    both: 'At 09:00, on Monday through Friday; At 12:00, on Saturday (Europe/Berlin)',
    steps: 'Every 15 minutes, between 08:00 and 17:59 (Europe/Berlin)',
    every: 'every 30m',
    follows: 'after every',
    hand: 'by hand',
  });
});

test('an instant that has passed is still next while its delay has not', async () => {
  await using at = await desk({ late: { ...HALF_HOURLY, schedule: { every: '30m', delay: '45m' } } });
  const next = await at.jobs.nextOccurrences('late', 2);
  assert.deepEqual(
    next.map(({ scheduledFor, firesAt }) => [scheduledFor, firesAt]),
    [
      ['2026-11-25T10:00:00Z', '2026-11-25T10:45:00Z'],
      ['2026-11-25T10:30:00Z', '2026-11-25T11:15:00Z'],
    ],
  );
});

test('intervals since the last success are shown from where they begin', async () => {
  await using at = await desk({ all: { schedule: { every: '30m', interval: 'sinceLastSuccess' }, command: ['true'] } });
  const next = await at.jobs.nextOccurrences('all', 2);
  assert.deepEqual(
    next.map(({ interval }) => interval),
    [
      { start: '2026-11-25T10:00:00Z', end: '2026-11-25T10:30:00Z' },
      { start: '2026-11-25T10:30:00Z', end: '2026-11-25T11:00:00Z' },
    ],
  );
});

test('a name that is not there suggests the nearest', async () => {
  await using at = await desk({ nightly: DAILY, hourly: HALF_HOURLY });
  await assert.rejects(at.jobs.showJob('nigthly'), (error: ServeryError) => {
    assert.deepEqual([error.code, error.hint], ['JOB_NOT_FOUND', 'Did you mean "nightly"?']);
    return true;
  });
  await assert.rejects(at.jobs.showJob('something else'), refused('JOB_NOT_FOUND'));
  await assert.rejects(at.jobs.listRuns({ job: 'nothing', limit: 10 }), refused('JOB_NOT_FOUND'));
});

test('jobs come in pages, by name', async () => {
  await using at = await desk(Object.fromEntries(['c', 'a', 'b'].map((name) => [name, HALF_HOURLY])));
  const first = await at.jobs.listJobs({ limit: 2 });
  assert.deepEqual([first.jobs.map(({ name }) => name), first.nextCursor], [['a', 'b'], 'b']);
  const second = await at.jobs.listJobs({ limit: 2, cursor: 'b' });
  assert.deepEqual([second.jobs.map(({ name }) => name), second.nextCursor], [['c'], null]);
});

test('a run by hand covers the latest interval unless it names one, in the zone of the job', async () => {
  await using at = await desk({ nightly: DAILY });
  const latest = await at.jobs.startRun('nightly', {});
  assert.deepEqual(latest.run.interval, { start: '2026-11-23T11:00:00Z', end: '2026-11-24T11:00:00Z' });
  const named = await at.jobs.startRun('nightly', { interval: { start: '2026-11-01', end: '2026-11-02T00:00' } });
  assert.deepEqual(named.run.interval, { start: '2026-10-31T15:00:00Z', end: '2026-11-01T15:00:00Z' });
  for (const interval of [
    { start: '2026-11-02', end: '2026-11-01' },
    { start: 'yesterday', end: 'today' },
    { start: '2026-02-30', end: '2026-03-01' },
  ]) {
    await assert.rejects(at.jobs.startRun('nightly', { interval }), refused('INVALID_REQUEST'));
  }
});

test('the same request is the same run, also when the latest interval has moved on', async () => {
  const clock = clockAt(NOW);
  await using at = await openJobDesk({ often: HALF_HOURLY }, { clock });
  const first = await at.jobs.startRun('often', { request: 'a-1' });
  clock.advance(3_600_000);
  const again = await at.jobs.startRun('often', { request: 'a-1' });
  assert.deepEqual([first.created, again.created, again.run.id], [true, false, first.run.id]);
  assert.equal(first.run.cause, 'manual/a-1');
  const interval = { start: '2026-11-01T00:00Z', end: '2026-11-02T00:00Z' };
  await assert.rejects(at.jobs.startRun('often', { request: 'a-1', interval }), refused('CONFLICT'));
  assert.notEqual((await at.jobs.startRun('often', { request: 'a-2' })).run.id, first.run.id);
});

test('parameters are checked before the run is added', async () => {
  await using at = await desk({
    report: { command: ['true'], params: { days: { type: 'integer', default: 7 }, shop: { type: 'string' } } },
  });
  await assert.rejects(at.jobs.startRun('report', {}), refused('INVALID_REQUEST'));
  await assert.rejects(at.jobs.startRun('report', { params: { shop: 'a', day: 1 } }), refused('INVALID_REQUEST'));
  const { run } = await at.jobs.startRun('report', { params: { shop: 'a' } });
  assert.deepEqual(run.params, { days: 7, shop: 'a' });
  assert.deepEqual((await at.jobs.listRuns({ limit: 10 })).runs.length, 1);
});

test('a run shows its steps, attempts, rows, files, and what it keeps to', async () => {
  await using at = await desk({
    report: { steps: { extract: { command: ['true'] }, score: { needs: ['extract'], command: ['true'] } } },
  });
  const { run: queued } = await at.jobs.startRun('report', {});
  assert.deepEqual(
    queued.steps.map(({ name, state }) => [name, state]),
    [
      ['extract', 'waiting'],
      ['score', 'waiting'],
    ],
  );
  const claimed = await at.claim();
  await at.engine.setPinned(claimed.lease, { code: 'abc123' });
  await at.record(claimed, {
    step: 'extract',
    state: 'succeeded',
    startedMs: NOW,
    finishedMs: NOW + 5,
    result: { n: 1 },
  });
  await at.record(claimed, { step: 'score', state: 'running', startedMs: NOW + 5 });
  await at.engine.savePlan(claimed.lease, 'score', { chunks: [{}, {}, {}] });
  await at.engine.commitChunk(claimed.lease, 'score', 0, { rows: 1 });
  const running = await at.jobs.showRun(queued.id);
  assert.equal(running.state, 'running');
  assert.deepEqual(running.steps[1]!.chunks, { committed: 1, planned: 3 });
  assert.equal(running.pinned.facts['code'], 'abc123');

  const outcome = { rows: { in: 5, out: 4, bad: 1, nulled: 0 }, outputs: ['out/a.parquet'], badRows: ['bad.ndjson'] };
  const details = { ...outcome, model: { name: 'churn', version: 3 } };
  await at.record(claimed, { step: 'score', state: 'succeeded', startedMs: NOW + 5, finishedMs: NOW + 9, details });
  await at.finish(claimed, { state: 'succeeded', result: { ...details, results: {} } });
  const done = await at.jobs.showRun(queued.id);
  assert.equal(done.state, 'succeeded');
  assert.deepEqual([done.rows, done.model], [outcome.rows, { name: 'churn', version: 3 }]);
  assert.deepEqual([done.outputs, done.badRows], [outcome.outputs, outcome.badRows]);
  assert.deepEqual(done.steps[1]!.rows, outcome.rows);
  assert.deepEqual(
    done.attempts.map(({ attempt, state }) => [attempt, state]),
    [[1, 'succeeded']],
  );
  assert.deepEqual((await at.jobs.showJob('report')).lastRun!.rows, outcome.rows);
});

test('"why is this waiting?" has an answer for every run that waits', async () => {
  await using at = await desk({ nightly: DAILY });
  const { run } = await at.jobs.startRun('nightly', {});
  assert.deepEqual(
    run.waiting.map(({ kind }) => kind),
    ['noWorker'],
  );
  const claimed = await at.claim();
  assert.deepEqual((await at.jobs.showRun(run.id)).waiting, []);
  const { run: second } = await at.jobs.startRun('nightly', {});
  assert.ok(second.waiting.some(({ kind, message }) => kind === 'jobBusy' && message.includes(run.id)));
  await at.finish(claimed, { state: 'succeeded' });
  const freed = (await at.jobs.showRun(second.id)).waiting;
  assert.ok(freed.length > 0 && freed.every(({ message }) => message.length > 10));
});

test('cancel and retry move a run, and refuse what has no meaning', async () => {
  await using at = await desk({ nightly: DAILY });
  const { run } = await at.jobs.startRun('nightly', {});
  await assert.rejects(at.jobs.retryRun(run.id), refused('CONFLICT'));
  const cancelled = await at.jobs.cancelRun(run.id, 'not today');
  assert.deepEqual([cancelled.state, cancelled.cancel?.reason], ['cancelled', 'not today']);
  await assert.rejects(at.jobs.cancelRun(run.id, ''), refused('CONFLICT'));
  assert.equal((await at.jobs.retryRun(run.id)).state, 'queued');
  await assert.rejects(at.jobs.showRun('nothing'), refused('RUN_NOT_FOUND'));
});

test('a pause keeps its note until it is over', async () => {
  await using at = await desk({ nightly: DAILY });
  const paused = await at.jobs.pauseJob('nightly', 'the source is down');
  assert.deepEqual(paused.paused, { note: 'the source is down', since: '2026-11-25T10:20:00Z' });
  assert.equal((await at.jobs.resumeJob('nightly')).paused, null);
});

test('runs are listed by job, state and time, in pages', async () => {
  const clock = clockAt(NOW);
  await using at = await openJobDesk({ a: HALF_HOURLY, b: HALF_HOURLY }, { clock });
  for (const [job, request] of [
    ['a', '1'],
    ['b', '2'],
    ['a', '3'],
  ] as const) {
    await at.jobs.startRun(job, { request });
    clock.advance(60_000);
  }
  const causes = async (query: object) =>
    (await at.jobs.listRuns({ limit: 10, ...query })).runs.map(({ cause }) => cause.replace('manual/', ''));
  assert.deepEqual(await causes({}), ['3', '2', '1']);
  assert.deepEqual(await causes({ job: 'a' }), ['3', '1']);
  assert.deepEqual(await causes({ states: ['failed'] }), []);
  assert.deepEqual(await causes({ from: '2026-11-25T10:21Z', to: '2026-11-25T10:22Z' }), ['2']);
  const first = await at.jobs.listRuns({ limit: 2 });
  assert.equal(first.runs.length, 2);
  assert.deepEqual((await at.jobs.listRuns({ limit: 2, cursor: first.nextCursor! })).runs.length, 1);
  await assert.rejects(at.jobs.listRuns({ limit: 2, cursor: 'x' }), refused('INVALID_REQUEST'));
});

test('a backfill lists its exact intervals, leaves alone what it should, and makes the same ones', async () => {
  await using at = await desk({ nightly: DAILY });
  const order = { start: '2026-11-20T20:00', end: '2026-11-23T20:00', order: 'newest', parallel: 2 } as const;
  const plan = await at.jobs.planBackfill('nightly', { ...order, reprocess: 'none' });
  assert.deepEqual(
    plan.intervals.map(({ start }) => start),
    ['2026-11-22T11:00:00Z', '2026-11-21T11:00:00Z', '2026-11-20T11:00:00Z'],
  );
  await at.jobs.startRun('nightly', { interval: plan.intervals[1]! });
  await at.finish(await at.claim(), { state: 'failed', error: { code: 'COMMAND_FAILED', message: 'exit code 1' } });
  const counts = async (reprocess: 'none' | 'failed' | 'all') => {
    const { intervals, skipped } = await at.jobs.planBackfill('nightly', { ...order, reprocess });
    return [intervals.length, skipped.length];
  };
  assert.deepEqual(await counts('none'), [2, 1]);
  assert.deepEqual(await counts('failed'), [3, 0]);
  const backfill = await at.jobs.createBackfill('nightly', { ...order, reprocess: 'none' });
  assert.deepEqual([backfill.intervals.total, backfill.intervals.skipped, backfill.intervals.active], [3, 1, 2]);
  assert.ok(backfill.priority < 0);
  assert.equal((await at.jobs.changeBackfill(backfill.id, 'pause', 'lunch')).note, 'lunch');
  assert.equal((await at.jobs.changeBackfill(backfill.id, 'resume', '')).state, 'running');
  assert.equal((await at.jobs.changeBackfill(backfill.id, 'cancel', 'enough')).state, 'cancelled');
  await assert.rejects(at.jobs.changeBackfill(backfill.id, 'pause', ''), refused('CONFLICT'));
  await assert.rejects(at.jobs.showBackfill('nothing'), refused('NOT_FOUND'));
  assert.equal((await at.jobs.listBackfills({ limit: 10 })).backfills.length, 1);
  const none = { ...order, start: '2026-11-20T21:00', end: '2026-11-20T22:00', reprocess: 'none' } as const;
  await assert.rejects(at.jobs.planBackfill('nightly', none), refused('INVALID_REQUEST'));
});

test('a job that left the configuration can be looked at, not run', async () => {
  await using at = await desk({ nightly: DAILY, other: DAILY });
  await at.jobs.startRun('nightly', {});
  await at.configure({ other: DAILY });
  const job = await at.jobs.showJob('nightly');
  assert.deepEqual([job.configured, job.next, job.runs.length], [false, null, 1]);
  await assert.rejects(at.jobs.startRun('nightly', {}), refused('CONFLICT'));
});

test('a log is read in pieces that cut no character, until its attempt is over', async () => {
  await using at = await desk({ hello: { command: ['true'] } });
  const { run } = await at.jobs.startRun('hello', {});
  const read = (offset: number, maxBytes = 5) => at.jobs.readLog({ run: run.id, offset, maxBytes });
  assert.deepEqual(await read(0), { step: null, attempt: null, text: '', nextOffset: 0, isComplete: false });
  const claimed = await at.claim();
  await at.record(claimed, { step: 'command', state: 'running', startedMs: NOW });
  await at.print(claimed, 'command', 'abcd한국');
  assert.deepEqual(await read(0), { step: 'command', attempt: 1, text: 'abcd', nextOffset: 4, isComplete: false });
  assert.deepEqual((await read(4, 6)).text, '한국');
  assert.deepEqual(await read(10), { step: 'command', attempt: 1, text: '', nextOffset: 10, isComplete: false });
  await at.record(claimed, { step: 'command', state: 'succeeded', startedMs: NOW, finishedMs: NOW });
  await at.finish(claimed, { state: 'succeeded' });
  assert.equal((await read(10)).isComplete, true);
  const wrong = at.jobs.readLog({ run: run.id, step: 'other', offset: 0, maxBytes: 5 });
  await assert.rejects(wrong, refused('NOT_FOUND'));
});

test('events are read from where a reader stopped, and waited for', async () => {
  await using at = await openJobDesk({ hello: { command: ['true'] }, other: { command: ['true'] } });
  const { lastId } = await at.jobs.readEvents({ limit: 10, waitMs: 0 });
  const waiting = at.jobs.readEvents({ after: lastId, job: 'hello', limit: 10, waitMs: 10_000 });
  await at.jobs.startRun('other', {});
  const { run } = await at.jobs.startRun('hello', {});
  const { events } = await waiting;
  assert.deepEqual(
    events.map(({ kind, job, run: id }) => [kind, job, id]),
    [['run.queued', 'hello', run.id]],
  );
  const none = await at.jobs.readEvents({ after: events[0]!.id, job: 'hello', limit: 10, waitMs: 0 });
  assert.deepEqual(none, { events: [], lastId: events[0]!.id });
  await assert.rejects(at.jobs.readEvents({ run: 'nothing', limit: 1, waitMs: 0 }), refused('RUN_NOT_FOUND'));
});
