/**
 * Intervals that overlap, in one output: whoever reads the output would find the rows of both twice.
 *
 * Replacing an interval replaces what was made for that very interval. Which of two that overlap is meant cannot be
 * known, so the later one is refused, before it has done any work.
 */
import { ServeryError } from '../core/errors.ts';

/** @returns the first of `there` that overlaps the interval of `key`, and is another; keys are those of `intervalKey` */
export function findOverlap(key: string, there: Iterable<string>): string | undefined {
  const [start, end] = boundsOf(key);
  for (const other of there) {
    if (other === key) continue;
    const [otherStart, otherEnd] = boundsOf(other);
    if (otherStart < end && start < otherEnd) return other;
  }
  return undefined;
}

/** @param what is there of the other one, for the person who has to choose */
export function overlapRefused(key: string, other: string, what: string): ServeryError {
  const message = `Cannot write the output of ${nameOf(key)}: it holds that of ${nameOf(other)}, and their rows would be there twice`;
  return new ServeryError('OUTPUT_INVALID', message, {
    hint: `Remove ${what} first, or write to another output.`,
  });
}

const INSTANT = String.raw`\d{8}T\d{6}(?:\.\d+)?Z`;
export const INTERVAL_KEY = new RegExp(`^(?:all|(${INSTANT})-(${INSTANT}))$`);

/** Texts of instants of one form are in the order of time. */
function boundsOf(key: string): readonly [start: string, end: string] {
  const [, start, end] = INTERVAL_KEY.exec(key) ?? [];
  return start === undefined || end === undefined ? ['', '~'] : [comparable(start), comparable(end)];
}

/** Always with milliseconds. */
function comparable(instant: string): string {
  return instant.includes('.') ? instant : instant.replace('Z', '.000Z');
}

function nameOf(key: string): string {
  return key === 'all' ? 'a run without an interval' : `interval ${key}`;
}
