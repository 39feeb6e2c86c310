/** Intervals as tests write them: `03-24T01:00 03-25T01:00`, in UTC, the year left out. */
import type { DataInterval } from '../../src/core/data-interval.ts';

export function show(interval: DataInterval | undefined): string {
  if (interval === undefined) return 'none';
  return [interval.startMs, interval.endMs]
    .map((instantMs) => new Date(instantMs).toISOString().slice(5, 16))
    .join(' ');
}
