/**
 * Instants and intervals as people write them: ISO 8601, with an offset or in a named zone.
 *
 * A reading that the zone's clock jumps over means the first instant after the jump; one that it shows twice,
 * the first: the same as a fixed time of a schedule.
 */
import type { DataInterval } from '../core/data-interval.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { openZone, type Zone } from './zone.ts';

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?))?(Z|[+-]\d\d:?\d\d)?$/i;

/**
 * @param timezone where a text without an offset is read
 * @throws {ServeryError} `USAGE`
 */
export function parseInstant(text: string, timezone: string): number {
  const [, date, time = '00:00', offset] = ISO.exec(text.trim()) ?? [];
  const wallMs = date === undefined ? NaN : Date.parse(`${date}T${time}Z`);
  // `Date.parse` turns 30 February into 1 March.
  if (Number.isNaN(wallMs) || new Date(wallMs).toISOString().slice(0, 10) !== date) {
    throw new ServeryError('USAGE', `Cannot read ${quote(text)} as an instant`, {
      hint: 'Write it as 2026-11-23T20:00, 2026-11-23T11:00:00Z or 2026-11-23T20:00:00+09:00.',
    });
  }
  return offset === undefined ? instantOf(wallMs, openZone(timezone)) : wallMs - offsetOf(offset);
}

/** `START/END`, each as in `parseInstant`. */
export function parseInterval(text: string, timezone: string): DataInterval {
  const [start, end, ...rest] = text.split('/');
  if (start === undefined || end === undefined || rest.length > 0) {
    throw new ServeryError('USAGE', `Cannot read ${quote(text)} as an interval`, {
      hint: 'Write START/END, such as 2026-11-01T00:00/2026-11-02T00:00.',
    });
  }
  const interval = { startMs: parseInstant(start, timezone), endMs: parseInstant(end, timezone) };
  if (interval.startMs >= interval.endMs) {
    throw new ServeryError('USAGE', `Cannot use the interval ${quote(text)}: it must end after it starts`, {
      hint: 'The end is not part of an interval: a day ends at 00:00 of the next.',
    });
  }
  return interval;
}

/** `2026-11-23 20:00:00 +09:00`; seconds only where there are any. */
export function formatLocal(instantMs: number, timezone: string): string {
  const offsetMs = openZone(timezone).offsetAt(instantMs);
  const [date = '', time = ''] = new Date(instantMs + offsetMs).toISOString().replace('Z', '').split('T');
  return `${date} ${time.replace(/(:00)?\.000$/, '')} ${formatOffset(offsetMs)}`;
}

export function formatOffset(offsetMs: number): string {
  const [hours, minutes, seconds] = [3600, 60, 1].map((unit) => Math.floor(Math.abs(offsetMs) / 1000 / unit) % 60);
  const parts = [hours, minutes, ...(seconds === 0 ? [] : [seconds])].map((part) => String(part).padStart(2, '0'));
  return `${offsetMs < 0 ? '-' : '+'}${parts.join(':')}`;
}

function instantOf(wallMs: number, zone: Zone): number {
  // The earlier offset gives the first of two readings, or lands after the jump by as much as was jumped over.
  const before = zone.spanAt(wallMs - 86_400_000);
  const candidates = [before.offsetMs, zone.offsetAt(wallMs + 86_400_000), zone.offsetAt(wallMs)]
    .map((offsetMs) => wallMs - offsetMs)
    .filter((instantMs) => instantMs + zone.offsetAt(instantMs) === wallMs);
  return candidates.length > 0 ? Math.min(...candidates) : zone.spanAt(wallMs - before.offsetMs).startMs;
}

function offsetOf(text: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(text) ?? [];
  if (sign === undefined) return 0;
  const size = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? -size : size;
}
