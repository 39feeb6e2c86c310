/** What each occurrence covers and when it fires; the vectors of data intervals are facts from Airflow's tests. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { formatInstant } from '../../../src/core/data-interval.ts';
import { scheduleOptions } from '../../../src/schedule/options.ts';
import { compileSchedule, type Occurrence, type Schedule } from '../../../src/schedule/schedule.ts';
import { show } from '../../support/schedules.ts';

const HOUR_MS = 3_600_000;

function schedule(options: Readonly<Record<string, unknown>>): Schedule {
  return compileSchedule('a-job', scheduleOptions.parse(options));
}

function covered(options: Readonly<Record<string, unknown>>, from: string, count: number): string[] {
  const { next } = schedule(options);
  const found: string[] = [];
  let occurrence = next(Date.parse(from));
  while (occurrence !== undefined && found.length < count) {
    found.push(show(occurrence.interval));
    occurrence = next(occurrence.scheduledForMs);
  }
  return found;
}

describe('previous tick', () => {
  const zurich = 'Europe/Zurich';
  const vectors: readonly (readonly [what: string, Record<string, unknown>, from: string, intervals: string[]])[] = [
    [
      'through a gap',
      { cron: '0 2 * * *', timezone: zurich },
      '2023-03-24T12:00Z',
      ['03-24T01:00 03-25T01:00', '03-25T01:00 03-26T01:00', '03-26T01:00 03-27T00:00'],
    ],
    [
      'through a fold, at its first time',
      { cron: '0 2 * * *', timezone: zurich },
      '2023-10-28T12:00Z',
      ['10-28T00:00 10-29T00:00', '10-29T00:00 10-30T01:00'],
    ],
    [
      'through a fold, at its second time',
      { cron: '0 2 * * *', timezone: zurich, fold: 'second' },
      '2023-10-28T12:00Z',
      ['10-28T00:00 10-29T01:00', '10-29T01:00 10-30T01:00'],
    ],
    [
      'beside a fold',
      { cron: '0 3 * * *', timezone: zurich },
      '2023-10-28T12:00Z',
      ['10-28T01:00 10-29T02:00', '10-29T02:00 10-30T02:00'],
    ],
    [
      'of several hours of the day',
      { cron: '0 7-8 * * *', timezone: 'America/Los_Angeles' },
      '2020-03-07T15:30Z',
      ['03-07T15:00 03-07T16:00', '03-07T16:00 03-08T14:00', '03-08T14:00 03-08T15:00'],
    ],
    [
      'goes down to the grid when an older schedule left it at an odd time',
      { cron: '@daily' },
      '2022-08-08T01:00Z',
      ['08-08T00:00 08-09T00:00'],
    ],
    [
      'begins with the first whole interval after the start',
      { cron: '30 16 * * *', start: '2021-09-06T00:00Z' },
      '2021-09-01T00:00Z',
      ['09-06T16:30 09-07T16:30', '09-07T16:30 09-08T16:30'],
    ],
    [
      'cron keeps to its grid',
      { cron: '*/30 * * * *', start: '2021-09-06T00:10Z' },
      '2021-09-05T00:00Z',
      ['09-06T00:30 09-06T01:00'],
    ],
    [
      'every keeps to the start',
      { every: '30m', start: '2021-09-06T00:10Z' },
      '2021-09-05T00:00Z',
      ['09-06T00:10 09-06T00:40'],
    ],
    [
      'every keeps to its anchor',
      { every: '1d', anchor: '2021-01-01T06:00Z' },
      '2021-09-05T00:00Z',
      ['09-04T06:00 09-05T06:00'],
    ],
    [
      'ends with the last whole interval',
      { cron: '0 * * * *', end: '2021-09-06T02:30Z' },
      '2021-09-06T00:30Z',
      ['09-06T00:00 09-06T01:00', '09-06T01:00 09-06T02:00'],
    ],
    [
      'of several expressions',
      { cron: ['0 8 * * *', '0 20 * * *', '0 20 * * 1'] },
      '2021-09-06T00:30Z',
      ['09-05T20:00 09-06T08:00', '09-06T08:00 09-06T20:00'],
    ],
  ];
  for (const [what, options, from, intervals] of vectors) {
    it(what, () => assert.deepEqual(covered(options, from, intervals.length), intervals));
  }

  it('is what an only tick has since the start', () => {
    const once = { cron: '0 0 0 1 6 * 2024' };
    assert.deepEqual(covered({ ...once, start: '2024-05-01' }, '2024-01-01T00:00Z', 2), ['05-01T00:00 06-01T00:00']);
    assert.deepEqual(covered(once, '2024-01-01T00:00Z', 2), ['01-01T00:00 06-01T00:00']);
  });
});

test('a fixed length looks back from the tick', () => {
  const weekOfEachDay = { cron: '0 6 * * *', interval: '7d', start: '2024-01-01T00:00Z' };
  assert.deepEqual(covered(weekOfEachDay, '2023-01-01T00:00Z', 2), [
    '01-01T06:00 01-08T06:00',
    '01-02T06:00 01-09T06:00',
  ]);
});

test('a list of instants is read in its zone, sorted, and ends', () => {
  const at = ['2024-07-01T09:00', '2024-01-01T09:00', '2024-03-01T09:00Z'];
  const { next, previous } = schedule({ at, timezone: 'Asia/Seoul' });
  const found: string[] = [];
  for (let one = next(0); one !== undefined; one = next(one.scheduledForMs)) {
    found.push(formatInstant(one.scheduledForMs));
  }
  assert.deepEqual(found, ['2024-01-01T00:00:00Z', '2024-03-01T09:00:00Z', '2024-07-01T00:00:00Z']);
  assert.equal(next(0)!.interval, undefined);
  assert.equal(previous(Date.parse('2024-01-01T00:00Z')), undefined);
});

test('without intervals, start and end bound the instants themselves', () => {
  const bounded = { cron: '0 * * * *', interval: 'none', start: '2024-01-01T03:00Z', end: '2024-01-01T06:00Z' };
  const hours = [...schedule(bounded).between(0, Infinity)].map(({ scheduledForMs }) =>
    new Date(scheduledForMs).getUTCHours(),
  );
  assert.deepEqual(hours, [3, 4, 5]);
});

test('by hand and after another job there are no instants', () => {
  assert.equal(compileSchedule('by-hand').kind, 'manual');
  const after = schedule({ after: 'extract' });
  assert.deepEqual([after.kind, after.options.after, after.next(0)], ['after', 'extract', undefined]);
});

test('what never fires has no next', () => {
  const started = performance.now();
  const { next, previous } = schedule({ cron: '0 0 30 2 *' });
  for (let count = 0; count < 10_000; count += 1) assert.equal(next(count) ?? previous(1e12), undefined);
  assert.ok(performance.now() - started < 1000);
});

test('a run fires after the delay, and its second one after the lateness', () => {
  const late = schedule({ cron: '0 * * * *', delay: '10m', allowedLateness: '6h' });
  const occurrence = late.next(0)!;
  assert.equal(occurrence.fireAtMs - occurrence.scheduledForMs, 600_000);
  assert.equal(occurrence.rerunAtMs! - occurrence.fireAtMs, 6 * HOUR_MS);
});

test('jitter is the same each time, and spreads jobs over its whole length', () => {
  const waitOf = (job: string): number => {
    const { scheduledForMs, fireAtMs } = compileSchedule(
      job,
      scheduleOptions.parse({ every: '1h', jitter: '10m' }),
    ).next(0)!;
    return fireAtMs - scheduledForMs;
  };
  assert.equal(waitOf('job-1'), waitOf('job-1'));
  const minutes = Array.from({ length: 1000 }, (_, index) => Math.floor(waitOf(`job-${index}`) / 60_000));
  const perMinute = Array.from({ length: 10 }, (_, minute) => minutes.filter((value) => value === minute).length);
  assert.ok(Math.min(...perMinute) > 60 && Math.max(...perMinute) < 140, String(perMinute));
});

describe('clock changes by choice', () => {
  const newYork = { cron: '30 2 * * *', timezone: 'America/New_York' };
  const firings = (options: Record<string, unknown>, from: string, to: string): string[] =>
    [...schedule(options).between(Date.parse(from), Date.parse(to))].map((one: Occurrence) =>
      formatInstant(one.scheduledForMs),
    );

  it('a gap is left out, or shifts the time', () => {
    const days = ['2024-03-10T00:00Z', '2024-03-11T12:00Z'] as const;
    assert.deepEqual(firings({ ...newYork, gap: 'skip' }, ...days), ['2024-03-11T06:30:00Z']);
    assert.deepEqual(firings({ ...newYork, gap: 'shift' }, ...days), ['2024-03-10T07:30:00Z', '2024-03-11T06:30:00Z']);
    const often = { ...newYork, cron: '0,20,40 2,3 * * *', gap: 'shift' };
    assert.deepEqual(firings(often, '2024-03-10T00:00Z', '2024-03-10T12:00Z'), [
      '2024-03-10T07:00:00Z',
      '2024-03-10T07:20:00Z',
      '2024-03-10T07:40:00Z',
    ]);
  });

  it('a fold fires at its second time, or at both', () => {
    const night = ['2024-11-03T00:00Z', '2024-11-04T00:00Z'] as const;
    const halfPastOne = { ...newYork, cron: '30 1 * * *' };
    assert.deepEqual(firings({ ...halfPastOne, fold: 'second' }, ...night), ['2024-11-03T06:30:00Z']);
    assert.deepEqual(firings({ ...halfPastOne, fold: 'both' }, ...night), [
      '2024-11-03T05:30:00Z',
      '2024-11-03T06:30:00Z',
    ]);
  });
});

describe('options that do not go together', () => {
  const refused: readonly (readonly [options: Record<string, unknown>, path: string, message: RegExp])[] = [
    [{ cron: '5/15 * * * *' }, 'cron', /Write 5-59\/15/],
    [{ cron: ['@daily', '* * *'] }, 'cron.1', /expected 5, 6 or 7 fields/],
    [{ cron: '@daily', timezone: 'Mars/Olympus' }, 'timezone', /no time zone "Mars\/Olympus"/],
    [{ cron: '@daily', every: '1h' }, 'every', /already says when/],
    [{ at: ['yesterday'] }, 'at.0', /as an instant/],
    [{ cron: '@daily', start: '2024-02-30' }, 'start', /as an instant/],
    [{ cron: '@daily', anchor: '2024-01-01' }, 'anchor', /for `every` only/],
    [{ every: '0s' }, 'every', /at least 1ms/],
    [{ every: 90 }, 'every', /expected string/],
    [{ at: ['2024-01-01'], interval: 'previousTick' }, 'interval', /previous tick/],
    [{ after: 'other', interval: '1h' }, 'interval', /covers what that run covered/],
    [{ cron: '@daily', interval: 'sinceLastSuccess', overlap: 'allow' }, 'overlap', /twice/],
    [{ cron: '@daily', interval: 'sinceLastSuccess', catchUp: 'all' }, 'catchUp', /say latest/],
    [{ cron: '@daily', catchup: 'all' }, '', /Unrecognized key/],
  ];
  for (const [options, path, message] of refused) {
    it(`${JSON.stringify(options)}`, () => {
      const [issue] = scheduleOptions.safeParse(options).error!.issues;
      assert.equal(issue!.path.join('.'), path);
      assert.match(issue!.message, message);
    });
  }
});
