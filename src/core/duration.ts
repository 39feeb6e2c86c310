/**
 * Durations as people write them in a configuration: `30s`, `10m`, `2h`, `1d`, `250ms`; never bare numbers.
 *
 * Inside the code they are milliseconds, and their names say so.
 */
import * as z from 'zod';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^([0-9]{1,9})(ms|s|m|h|d)$/;

/** Milliseconds of `30s`; undefined when the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = DURATION.exec(text) ?? [];
  return unit === undefined ? undefined : Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** The shortest exact text: 90000 is `90s`, 120000 is `2m`. */
export function formatDuration(durationMs: number): string {
  const [unit, size] = Object.entries(UNIT_MS).findLast(([, ms]) => durationMs % ms === 0) ?? ['ms', 1];
  return `${durationMs / size}${unit}`;
}

/** About how long something took or waits, for people: `850ms`, `12.3s`, `4m 5s`, `2h 3m`, `3d 4h`. */
export function roughDuration(ms: number): string {
  if (ms < 1000) return formatDuration(Math.max(0, Math.round(ms)));
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}s`;
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const;
  const at = units.findIndex(([, size]) => ms >= size);
  const [name, size] = units[at]!;
  const [next, nextSize] = units[at + 1] ?? ['', Infinity];
  const rest = Math.floor((ms % size) / nextSize);
  return `${Math.floor(ms / size)}${name}${rest === 0 ? '' : ` ${rest}${next}`}`;
}

/** An option that is written as `30s` and read as 30000. Give it a default with `.prefault('30s')`. */
export const duration = z
  .string()
  .regex(DURATION, 'expected a duration such as 250ms, 30s, 10m, 2h or 1d')
  .transform((text) => parseDuration(text)!);
