/** What holds for every expression, zone and instant, tried on many; and equality with the walk over the real clock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { scheduleOptions } from '../../../src/schedule/options.ts';
import { compileSchedule, type Schedule } from '../../../src/schedule/schedule.ts';
import { walk } from '../../support/cron-oracle.ts';

const DAY_MS = 86_400_000;
const RUNS = process.env['SERVERY_LONG'] === '1' ? 20_000 : 300;

/** Zones, each with days on which its clock changed. */
const CHANGES: readonly (readonly [string, readonly string[]])[] = [
  ['America/New_York', ['2024-03-10', '2024-11-03', '2024-07-01']],
  ['America/Los_Angeles', ['2020-03-08', '2020-11-01']],
  ['America/Santiago', ['2023-09-03', '2024-04-07']],
  ['America/Havana', ['2024-03-10', '2024-11-03']],
  ['Europe/Paris', ['2024-03-31', '2024-10-27']],
  ['Europe/Zurich', ['2023-03-26', '2023-10-29']],
  ['Australia/Lord_Howe', ['2024-10-05', '2024-04-06']],
  ['Antarctica/Troll', ['2024-03-31', '2024-10-27']],
  ['Pacific/Apia', ['2011-12-30', '2011-04-02', '2011-09-24']],
  ['Africa/Casablanca', ['2024-03-10', '2024-04-14']],
  ['Africa/Cairo', ['2014-05-15', '2014-06-26', '2014-07-31']],
  ['Asia/Gaza', ['2011-08-01', '2011-08-30']],
  ['Asia/Kathmandu', ['1985-12-31']],
  ['Asia/Seoul', ['2024-03-10', '1988-05-07']],
  ['UTC', ['2024-02-29']],
];

const list = (...items: string[]) => fc.constantFrom(...items);
const minutes = list('0', '30', '15,45', '*/30', '*', '*/20', '10-20/5', '0,59', '*/7', '*/90');
const hours = list('0', '1', '2', '3', '2,3', '1-3', '23', '0-23', '*', '*/2', '*/5', '0-6/2');
const daysOfMonth = list(
  '*',
  '*',
  '*',
  '?',
  '13',
  '1,15',
  '*/2',
  '*/10',
  'L',
  'LW',
  '15W',
  '1W',
  '31W',
  '3,L',
  '10,LW',
);
const months = list('*', '*', '*', '3', '10', 'MAR-NOV', '*/2', '11');
const daysOfWeek = list(
  '*',
  '*',
  '?',
  '0',
  '7',
  '1-5',
  'SAT-SUN',
  '5L',
  'sun#L',
  '7#1',
  'fri#2',
  '*/2',
  '0-7',
  '+1',
  '+*/2',
);
const expression = fc.tuple(minutes, hours, daysOfMonth, months, daysOfWeek).map((fields) => fields.join(' '));
const fixedTime = fc.tuple(fc.integer({ min: 0, max: 59 }), fc.integer({ min: 0, max: 23 }));
const place = fc
  .constantFrom(...CHANGES)
  .chain(([timezone, days]) => fc.record({ timezone: fc.constant(timezone), day: fc.constantFrom(...days) }));

const compile = (cron: string, timezone: string, more: Readonly<Record<string, unknown>> = {}): Schedule =>
  compileSchedule('job', scheduleOptions.parse({ cron, timezone, ...more }));
const between = (schedule: Schedule, fromMs: number, toMs: number): number[] =>
  [...schedule.between(fromMs, toMs)].map(({ scheduledForMs }) => scheduledForMs);

test('it fires exactly when a walk over the real clock does', () => {
  const day = fc.integer({ min: -1440, max: 1440 });
  fc.assert(
    fc.property(expression, place, day, (cron, { timezone, day: change }, shiftMinutes) => {
      const fromMs = Date.parse(change) - DAY_MS + shiftMinutes * 60_000;
      const toMs = fromMs + 3 * DAY_MS;
      assert.deepEqual(between(compile(cron, timezone), fromMs, toMs), walk(cron, timezone, fromMs, toMs));
    }),
    { numRuns: RUNS / 2 },
  );
});

test('next goes up, previous is its inverse, and intervals touch without overlap', () => {
  const policy = fc.record({ gap: list('after', 'skip', 'shift'), fold: list('first', 'second', 'both') });
  fc.assert(
    fc.property(expression, place, policy, fc.integer({ min: 0, max: 3 * DAY_MS }), (cron, where, choice, shiftMs) => {
      const schedule = compile(cron, where.timezone, choice);
      let at = Date.parse(where.day) - 2 * DAY_MS + shiftMs;
      let before = schedule.next(at);
      for (let count = 0; count < 40 && before !== undefined; count += 1) {
        assert.ok(before.scheduledForMs > at, 'later');
        const back = schedule.previous(before.scheduledForMs)?.scheduledForMs ?? -Infinity;
        assert.ok(back <= at, 'nothing between');
        at = before.scheduledForMs;
        assert.equal(schedule.previous(at + 1)!.scheduledForMs, at, 'previous finds it again');
        const after = schedule.next(at);
        if (after === undefined) return;
        assert.ok(after.interval!.startMs < after.interval!.endMs, 'not empty');
        assert.equal(after.interval!.startMs, before.interval!.endMs, 'contiguous');
        assert.equal(after.interval!.endMs, after.scheduledForMs, 'up to the tick');
        before = after;
      }
    }),
    { numRuns: RUNS },
  );
});

test('a daily fixed time fires once for each day of the zone that exists', () => {
  fc.assert(
    fc.property(fixedTime, place, ([minute, hour], { timezone, day }) => {
      const format = new Intl.DateTimeFormat('en-CA', { timeZone: timezone, dateStyle: 'short' });
      const fromMs = Date.parse(day) - 20 * DAY_MS;
      const daysSeen = new Set<string>();
      // The first and last days are not whole.
      for (let instant = fromMs; instant < fromMs + 40 * DAY_MS; instant += DAY_MS / 8) {
        daysSeen.add(format.format(instant));
      }
      const wholeDays = [...daysSeen].slice(1, -1);
      const schedule = compile(`${minute} ${hour} * * *`, timezone);
      const fired = between(schedule, fromMs - DAY_MS, fromMs + 41 * DAY_MS).map((instant) => format.format(instant));
      assert.deepEqual(
        fired.filter((date) => wholeDays.includes(date)),
        wholeDays,
      );
    }),
    { numRuns: RUNS },
  );
});

test('it depends on nothing but its arguments', () => {
  fc.assert(
    fc.property(
      expression,
      place,
      fc.array(fc.integer({ min: 0, max: 4e12 }), { maxLength: 5 }),
      (cron, where, others) => {
        const at = Date.parse(where.day);
        const first = compile(cron, where.timezone);
        const expected = first.next(at);
        // Other questions in between, to the same object and to others, leave no trace.
        for (const other of others) assert.ok((first.next(other)?.scheduledForMs ?? Infinity) > other);
        for (const other of others) compile(cron, 'Pacific/Apia').previous(other);
        assert.deepEqual(first.next(at), expected);
        assert.deepEqual(compile(cron, where.timezone).next(at), expected);
      },
    ),
    { numRuns: RUNS },
  );
});

test('several expressions are the union of each', () => {
  fc.assert(
    fc.property(expression, expression, place, (one, other, { timezone, day }) => {
      const [fromMs, toMs] = [Date.parse(day) - DAY_MS, Date.parse(day) + DAY_MS];
      const both = compileSchedule('job', scheduleOptions.parse({ cron: [one, other], timezone }));
      const each = [one, other].flatMap((cron) => between(compile(cron, timezone), fromMs, toMs));
      assert.deepEqual(
        between(both, fromMs, toMs),
        [...new Set(each)].sort((a, b) => a - b),
      );
    }),
    { numRuns: RUNS },
  );
});

test('next takes less than 20 microseconds', () => {
  for (const cron of [
    '30 2 * * *',
    '*/30 * * * *',
    '0 20 * * 1-5',
    '0 0 L * *',
    '0 0 13 * 5',
    '0 0 29 2 *',
    '17 * * * *',
  ]) {
    const { ticks } = compile(cron, 'America/New_York');
    const started = Date.parse('2024-01-01T00:00Z');
    const measure = (count: number): number => {
      const before = performance.now();
      for (let index = 0; index < count; index += 1) ticks.next(started + index * 3_700_000);
      return ((performance.now() - before) / count) * 1000;
    };
    measure(500);
    // The best of several: the machine may be busy with other things.
    const best = Math.min(...Array.from({ length: 10 }, () => measure(200)));
    assert.ok(best < 20, `${cron}: ${best.toFixed(1)} microseconds`);
  }
});
