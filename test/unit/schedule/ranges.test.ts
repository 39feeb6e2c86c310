/** Backfills and runs by hand have the intervals that the schedule's own runs have. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { scheduleOptions } from '../../../src/schedule/options.ts';
import { decideOverlap } from '../../../src/schedule/overlap.ts';
import { intervalOfManualRun, intervalsOfRange } from '../../../src/schedule/ranges.ts';
import { compileSchedule, type Schedule } from '../../../src/schedule/schedule.ts';
import { show } from '../../support/schedules.ts';

const schedule = (options: Readonly<Record<string, unknown>>): Schedule =>
  compileSchedule('job', scheduleOptions.parse(options));
const range = (start: string, end: string) => ({ startMs: Date.parse(start), endMs: Date.parse(end) });

describe('a backfill', () => {
  it('has the days of the zone, over a change of the clock', () => {
    const days = schedule({ cron: '0 0 * * *', timezone: 'Europe/Paris' });
    const intervals = intervalsOfRange(days, range('2024-03-29T23:00Z', '2024-04-01T22:00Z'));
    assert.deepEqual(intervals.map(show), [
      '03-29T23:00 03-30T23:00',
      '03-30T23:00 03-31T22:00',
      '03-31T22:00 04-01T22:00',
    ]);
  });

  it('leaves out intervals that lie partly outside', () => {
    const intervals = intervalsOfRange(
      schedule({ cron: '0 * * * *' }),
      range('2024-01-01T00:30Z', '2024-01-01T03:30Z'),
    );
    assert.deepEqual(intervals.map(show), ['01-01T01:00 01-01T02:00', '01-01T02:00 01-01T03:00']);
  });

  it('may reach before the start of the schedule', () => {
    const started = schedule({ cron: '0 0 * * *', start: '2024-06-01' });
    assert.equal(intervalsOfRange(started, range('2024-01-01', '2024-01-03')).length, 2);
  });

  it('has the range itself where the schedule has no intervals', () => {
    const whole = range('2024-01-01', '2024-02-01');
    for (const options of [{}, { after: 'other' }, { cron: '@daily', interval: 'none' }]) {
      assert.deepEqual(intervalsOfRange(schedule(options), whole), [whole]);
    }
  });

  it('plans a thousand intervals in less than 100 ms, and refuses a million', () => {
    const hours = schedule({ cron: '0 * * * *', timezone: 'America/New_York' });
    const started = performance.now();
    assert.equal(intervalsOfRange(hours, range('2024-01-01T05:00Z', '2024-02-11T21:00Z')).length, 1000);
    assert.ok(performance.now() - started < 100);
    assert.throws(() => intervalsOfRange(schedule({ every: '1s' }), range('2024-01-01', '2024-02-01')), /Split|100000/);
  });
});

describe('a run by hand covers the last complete interval', () => {
  const covers = (options: Record<string, unknown>, now: string, lastSuccessEndMs?: number) =>
    show(intervalOfManualRun(schedule(options), Date.parse(now), lastSuccessEndMs));

  // The first three are facts from Airflow's tests.
  it('in the middle of one', () =>
    assert.equal(covers({ cron: '@daily' }, '2022-08-08T01:00Z'), '08-07T00:00 08-08T00:00'));
  it('at its very end', () => assert.equal(covers({ cron: '@daily' }, '2022-08-08T00:00Z'), '08-07T00:00 08-08T00:00'));
  it('at a gap', () => {
    const lordHowe = { cron: '0 2 * * *', timezone: 'Australia/Lord_Howe' };
    assert.equal(covers(lordHowe, '2024-10-05T15:30Z'), '10-04T15:30 10-05T15:30');
  });
  it('of a fixed length', () => {
    assert.equal(covers({ cron: '@daily', interval: '1h' }, '2022-08-08T01:00Z'), '08-07T23:00 08-08T00:00');
  });
  it('or all since the last success', () => {
    const since = { cron: '@daily', interval: 'sinceLastSuccess' };
    assert.equal(covers(since, '2022-08-08T01:00Z', Date.parse('2022-08-01T00:00Z')), '08-01T00:00 08-08T01:00');
  });
  it('or nothing where there are no intervals', () => {
    assert.equal(covers({}, '2022-08-08T01:00Z'), 'none');
    assert.equal(covers({ cron: '@daily', interval: 'none' }, '2022-08-08T01:00Z'), 'none');
  });
});

test('overlap', () => {
  const alone = { queued: 0, running: 0 };
  const busy = { queued: 0, running: 1 };
  const waiting = { queued: 1, running: 1 };
  const decisions = (['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'terminateOther', 'allow'] as const).map(
    (policy) => [alone, busy, waiting].map((active) => decideOverlap(policy, active)).join(' '),
  );
  assert.deepEqual(decisions, [
    'start skip skip',
    'start buffer skip',
    'start buffer buffer',
    'start cancelOthers cancelOthers',
    'start terminateOthers terminateOthers',
    'start start start',
  ]);
});
