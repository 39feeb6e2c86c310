/** Instants in zones, and the changes of zones. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { formatLocal, parseInstant, parseInterval } from '../../../src/schedule/instant.ts';
import { openZone } from '../../../src/schedule/zone.ts';

const iso = (instantMs: number): string => new Date(instantMs).toISOString();

describe('an instant', () => {
  const read: readonly (readonly [text: string, timezone: string, expected: string])[] = [
    ['2026-11-23T11:00:00Z', 'Asia/Seoul', '2026-11-23T11:00:00.000Z'],
    ['2026-11-23T20:00', 'Asia/Seoul', '2026-11-23T11:00:00.000Z'],
    ['2026-11-23 20:00:30.250', 'Asia/Seoul', '2026-11-23T11:00:30.250Z'],
    ['2026-11-23', 'Asia/Seoul', '2026-11-22T15:00:00.000Z'],
    ['2026-11-23T20:00:00+09:00', 'UTC', '2026-11-23T11:00:00.000Z'],
    ['2026-11-23T05:30:00-0530', 'UTC', '2026-11-23T11:00:00.000Z'],
    ['2024-07-01T12:00', 'Asia/Kathmandu', '2024-07-01T06:15:00.000Z'],
    // What the clock jumps over is the first instant after; what it shows twice, the first.
    ['2024-03-10T02:30', 'America/New_York', '2024-03-10T07:00:00.000Z'],
    ['2024-03-10T03:00', 'America/New_York', '2024-03-10T07:00:00.000Z'],
    ['2024-03-10T01:59', 'America/New_York', '2024-03-10T06:59:00.000Z'],
    ['2024-11-03T01:30', 'America/New_York', '2024-11-03T05:30:00.000Z'],
    ['2024-10-06T02:15', 'Australia/Lord_Howe', '2024-10-05T15:30:00.000Z'],
    ['2011-12-30T12:00', 'Pacific/Apia', '2011-12-30T10:00:00.000Z'],
    ['2011-12-31T00:00', 'Pacific/Apia', '2011-12-30T10:00:00.000Z'],
    ['2023-09-03T00:00', 'America/Santiago', '2023-09-03T04:00:00.000Z'],
  ];
  for (const [text, timezone, expected] of read) {
    it(`${text} in ${timezone}`, () => assert.equal(iso(parseInstant(text, timezone)), expected));
  }

  for (const text of [
    '',
    'tomorrow',
    '2024-02-30',
    '2024-13-01',
    '2024-01-01T25:00',
    '2024-01-01T24:00',
    '1704067200000',
  ]) {
    it(`not ${JSON.stringify(text)}`, () => assert.throws(() => parseInstant(text, 'UTC'), /as an instant/));
  }
});

test('an interval has two of them, in order', () => {
  const { startMs, endMs } = parseInterval('2026-11-01T00:00/2026-11-02T00:00', 'Asia/Seoul');
  assert.deepEqual([iso(startMs), iso(endMs)], ['2026-10-31T15:00:00.000Z', '2026-11-01T15:00:00.000Z']);
  for (const text of ['2026-11-01', '2026-11-01/2026-11-01', '2026-11-02/2026-11-01', '2026-11-01/x', '1/2/3']) {
    assert.throws(() => parseInterval(text, 'UTC'), { code: 'USAGE' }, text);
  }
});

test('local time with its offset', () => {
  assert.equal(formatLocal(Date.parse('2026-11-23T11:00Z'), 'Asia/Seoul'), '2026-11-23 20:00 +09:00');
  assert.equal(formatLocal(Date.parse('2026-11-23T11:00:05Z'), 'America/St_Johns'), '2026-11-23 07:30:05 -03:30');
});

test('offsets are those of Intl, at every hour around every change of half a century', () => {
  for (const name of ['America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo', 'America/Recife', 'Africa/Monrovia']) {
    const zone = openZone(name);
    const format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
    const shown = (instantMs: number) => format.format(instantMs).split('GMT')[1] || '+00:00';
    let span = zone.spanAt(0);
    while (span.endMs < Date.parse('2030-01-01')) {
      for (const instantMs of [span.endMs - 3_600_000, span.endMs - 1000, span.endMs, span.endMs + 3_600_000]) {
        assert.equal(formatLocal(instantMs, name).split(' ')[2], shown(instantMs), `${name} at ${iso(instantMs)}`);
      }
      span = zone.spanAt(span.endMs);
    }
  }
});

test('a zone that is none is refused', () => {
  assert.throws(() => openZone('Mars/Olympus'), { code: 'USAGE', message: 'There is no time zone "Mars/Olympus"' });
  assert.throws(() => openZone(''), { code: 'USAGE' });
});
