/** Cron expressions against the real clock: known answers, none of which a cron library has given. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it, test } from 'node:test';
import { parseCron } from '../../../src/schedule/cron-syntax.ts';
import { cronTicks } from '../../../src/schedule/schedule.ts';
import { walk } from '../../support/cron-oracle.ts';
import type { OracleVector } from '../../support/make-cron-vectors.ts';

const vectors = JSON.parse(
  await readFile(new URL('../../fixtures/cron-vectors.json', import.meta.url), 'utf8'),
) as readonly OracleVector[];

/** Expressions with what documentation and sources of other systems say, by hand. */
const known: readonly (readonly [
  what: string,
  expression: string,
  timezone: string,
  from: string,
  next: readonly string[],
])[] = [
  // cronie(8), crontab(5): a fixed time that was jumped over runs right after; one that comes twice runs once.
  ['gap', '30 2 * * *', 'America/New_York', '2024-03-09T08:00Z', ['2024-03-10T07:00Z', '2024-03-11T06:30Z']],
  ['fold', '30 1 * * *', 'America/New_York', '2024-11-02T12:00Z', ['2024-11-03T05:30Z', '2024-11-04T06:30Z']],
  // cronie: entries with a star in minute or hour follow the real clock.
  [
    'every half hour through the fold',
    '*/30 * * * *',
    'America/New_York',
    '2024-11-03T04:59Z',
    ['2024-11-03T05:00Z', '2024-11-03T05:30Z', '2024-11-03T06:00Z', '2024-11-03T06:30Z', '2024-11-03T07:00Z'],
  ],
  [
    'every half hour through the gap',
    '*/30 * * * *',
    'America/New_York',
    '2024-03-10T06:29Z',
    ['2024-03-10T06:30Z', '2024-03-10T07:00Z', '2024-03-10T07:30Z', '2024-03-10T08:00Z'],
  ],
  [
    'half past each hour through the gap',
    '30 * * * *',
    'America/New_York',
    '2024-03-10T06:00Z',
    ['2024-03-10T06:30Z', '2024-03-10T07:30Z', '2024-03-10T08:30Z'],
  ],
  [
    'every second hour on the night of the gap',
    '0 */2 * * *',
    'America/New_York',
    '2024-03-10T04:59Z',
    ['2024-03-10T05:00Z', '2024-03-10T08:00Z', '2024-03-10T10:00Z'],
  ],
  [
    'every second hour on the night of the fold',
    '0 */2 * * *',
    'America/New_York',
    '2024-11-03T03:59Z',
    ['2024-11-03T04:00Z', '2024-11-03T07:00Z', '2024-11-03T09:00Z'],
  ],
  // Lord Howe moves its clocks by half an hour.
  ['gap of 30 minutes', '15 2 * * *', 'Australia/Lord_Howe', '2024-10-05T00:00Z', ['2024-10-05T15:30Z']],
  ['fold of 30 minutes', '45 1 * * *', 'Australia/Lord_Howe', '2024-04-06T00:00Z', ['2024-04-06T14:45Z']],
  ['gap at midnight', '0 0 * * *', 'America/Santiago', '2023-09-02T12:00Z', ['2023-09-03T04:00Z', '2023-09-04T03:00Z']],
  ['fold at midnight', '0 0 * * *', 'America/Havana', '2024-11-02T12:00Z', ['2024-11-03T04:00Z', '2024-11-04T05:00Z']],
  // Samoa left out 30 December 2011.
  ['a day that is not', '0 12 30 12 *', 'Pacific/Apia', '2011-12-01T00:00Z', ['2012-12-29T22:00Z']],
  [
    'daily over the day that is not',
    '0 12 * * *',
    'Pacific/Apia',
    '2011-12-29T00:00Z',
    ['2011-12-29T22:00Z', '2011-12-30T22:00Z'],
  ],
  ['gap of two hours', '0 2 * * *', 'Antarctica/Troll', '2024-03-30T12:00Z', ['2024-03-31T01:00Z']],
  ['in winter', '0 20 * * *', 'Europe/Paris', '2024-03-30T00:00Z', ['2024-03-30T19:00Z', '2024-03-31T18:00Z']],
  ['in summer', '0 20 * * *', 'Europe/Paris', '2024-10-26T00:00Z', ['2024-10-26T18:00Z', '2024-10-27T19:00Z']],
  // Two day fields. POSIX crontab(1p): either suffices. OCPS 1.4: a plus demands both.
  [
    'either day',
    '0 0 13 * 5',
    'UTC',
    '2024-09-01T00:00Z',
    ['2024-09-06T00:00Z', '2024-09-13T00:00Z', '2024-09-20T00:00Z', '2024-09-27T00:00Z'],
  ],
  ['both days', '0 0 13 * +5', 'UTC', '2024-09-01T00:00Z', ['2024-09-13T00:00Z', '2024-12-13T00:00Z']],
  [
    'a star with a step restricts',
    '0 0 */2 * 1',
    'UTC',
    '2024-09-01T12:00Z',
    ['2024-09-02T00:00Z', '2024-09-03T00:00Z', '2024-09-05T00:00Z', '2024-09-07T00:00Z', '2024-09-09T00:00Z'],
  ],
  [
    'what vixie means by it',
    '0 0 */2 * +1',
    'UTC',
    '2024-09-01T12:00Z',
    ['2024-09-09T00:00Z', '2024-09-23T00:00Z', '2024-10-07T00:00Z'],
  ],
  ['all days by number', '0 0 1-31 * 1', 'UTC', '2024-09-03T12:00Z', ['2024-09-04T00:00Z', '2024-09-05T00:00Z']],
  ['all weekdays by number', '0 0 13 * 0-7', 'UTC', '2024-09-03T12:00Z', ['2024-09-04T00:00Z', '2024-09-05T00:00Z']],
  // OCPS 1.2: 15 September 2024 is a Sunday; 1 June 2024 a Saturday.
  ['the nearest workday', '0 0 15W 9 *', 'UTC', '2024-09-01T00:00Z', ['2024-09-16T00:00Z']],
  ['within the month', '0 0 1W 6 *', 'UTC', '2024-05-15T00:00Z', ['2024-06-03T00:00Z']],
  ['the third Friday', '0 0 * * 5#3', 'UTC', '2024-09-01T00:00Z', ['2024-09-20T00:00Z', '2024-10-18T00:00Z']],
  ['the last Friday', '0 0 * * 5L', 'UTC', '2024-09-01T00:00Z', ['2024-09-27T00:00Z', '2024-10-25T00:00Z']],
  ['a fifth Friday', '0 0 * * 5#5', 'UTC', '2024-09-01T00:00Z', ['2024-11-29T00:00Z', '2025-01-31T00:00Z']],
  // 2100 is no leap year.
  ['29 February', '0 0 29 2 *', 'UTC', '2096-03-01T00:00Z', ['2104-02-29T00:00Z']],
  ['29 February in a zone', '0 0 29 2 *', 'Europe/Paris', '2096-03-01T00:00Z', ['2104-02-28T23:00Z']],
  ['steps are of the field', '*/7 * * * *', 'UTC', '2024-01-01T00:50Z', ['2024-01-01T00:56Z', '2024-01-01T01:00Z']],
  ['a step beyond the range', '*/90 * * * *', 'UTC', '2024-01-01T00:50Z', ['2024-01-01T01:00Z', '2024-01-01T02:00Z']],
  ['the last year', '0 0 1 1 *', 'UTC', '2198-06-01T00:00Z', ['2199-01-01T00:00Z']],
];

test('the table has at least 300 vectors, and each expression answers all of its own', () => {
  assert.ok(vectors.length + known.length >= 300, String(vectors.length));
});

describe('by hand', () => {
  for (const [what, expression, timezone, from, next] of known) {
    it(`${what}: ${expression} in ${timezone}`, () => {
      assert.deepEqual(firings(expression, timezone, Date.parse(from), next.length), next.map(iso));
    });
  }
});

describe('by a walk over the real clock', () => {
  for (const { expression, timezone, from, to, next } of vectors) {
    it(`${expression} in ${timezone} from ${from}`, () => {
      const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
      const wanted = next.length < 6 ? Infinity : 6;
      const found = firings(expression, timezone, fromMs - 1, wanted, toMs);
      assert.deepEqual(found, next.map(iso));
      assert.deepEqual(firingsBackwards(expression, timezone, found.at(-1), fromMs), found);
    });
  }
});

test('the table is what the walk says', () => {
  // All of them take minutes; in a normal run, the short ones of every fifth.
  const isLong = process.env['SERVERY_LONG'] === '1';
  const some = vectors.filter(
    ({ from, to }, index) => isLong || (index % 5 === 0 && Date.parse(to) - Date.parse(from) < 5 * 86_400_000),
  );
  assert.ok(some.length >= 40);
  for (const { expression, timezone, from, to, next } of some) {
    const walked = walk(expression, timezone, Date.parse(from), Date.parse(to)).slice(0, 6);
    assert.deepEqual(walked.map(iso), next.map(iso), `${expression} in ${timezone} from ${from}`);
  }
});

function firings(expression: string, timezone: string, afterMs: number, count: number, toMs = Infinity): string[] {
  const ticks = cronTicks(parseCron(expression), { timezone, gap: 'after', fold: 'first' });
  const found: string[] = [];
  let tick = ticks.next(afterMs);
  while (tick !== undefined && tick < toMs && found.length < count) {
    found.push(iso(tick));
    tick = ticks.next(tick);
  }
  return found;
}

function firingsBackwards(expression: string, timezone: string, last: string | undefined, fromMs: number): string[] {
  const ticks = cronTicks(parseCron(expression), { timezone, gap: 'after', fold: 'first' });
  const found: string[] = [];
  let tick = last === undefined ? undefined : ticks.previous(Date.parse(last) + 1);
  while (tick !== undefined && tick >= fromMs) {
    found.unshift(iso(tick));
    tick = ticks.previous(tick);
  }
  return found;
}

function iso(instant: number | string): string {
  return new Date(instant).toISOString();
}
