/**
 * Data intervals: the half-open span `[start, end)` of data that a run covers.
 *
 * Instants are milliseconds since the epoch; a zone matters only where an interval is made or shown.
 */

export interface DataInterval {
  /** Included. */
  readonly startMs: number;
  /** Not included; greater than `startMs`. */
  readonly endMs: number;
}

/** `2026-11-23T11:00:00Z`; with milliseconds only where there are any. */
export function formatInstant(instantMs: number): string {
  return new Date(instantMs).toISOString().replace('.000Z', 'Z');
}

/** `20261123T110000Z`: an instant as a part of file names and keys. */
export function compactInstant(instantMs: number): string {
  return formatInstant(instantMs).replace(/[-:]/g, '');
}

/** `20261123T110000Z-20261123T113000Z`: an interval as a part of keys. */
export function compactInterval({ startMs, endMs }: DataInterval): string {
  return `${compactInstant(startMs)}-${compactInstant(endMs)}`;
}
