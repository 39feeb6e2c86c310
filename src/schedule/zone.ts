/**
 * A time zone as spans of constant offset.
 *
 * Intl answers for one instant and costs a microsecond each time; so the changes of a zone are searched once for
 * each year that is looked at, and all else is integer arithmetic.
 */
import { ServeryError, quote } from '../core/errors.ts';

/** `[startMs, endMs)`, in which wall clock = instant + `offsetMs`. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
  readonly offsetMs: number;
  /** The offset just before `startMs`; the same where the span begins with no change. */
  readonly offsetBeforeMs: number;
  /** The offset from `endMs` on; the same where the span ends with no change. */
  readonly offsetAfterMs: number;
}

export interface Zone {
  readonly name: string;
  /** The span that holds an instant. It may begin or end without a change, but not within months of the instant. */
  spanAt(instantMs: number): Span;
  offsetAt(instantMs: number): number;
}

const DAY_MS = 86_400_000;
/** A multiple of the step below. */
const YEAR_MS = 366 * DAY_MS;
const SECOND_MS = 1000;

const zones = new Map<string, Zone>();

export function isZone(name: string): boolean {
  return findZone(name) !== undefined;
}

/** @throws {ServeryError} `USAGE` for a name that is not in the time zone database */
export function openZone(name: string): Zone {
  const zone = findZone(name);
  if (zone !== undefined) return zone;
  throw new ServeryError('USAGE', `There is no time zone ${quote(name)}`, {
    hint: 'Use a name of the IANA database, such as Asia/Seoul, Europe/Paris or UTC.',
  });
}

/** Made once for each name: what Intl keeps for one formatter is larger than all else of a schedule. */
function findZone(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known !== undefined || name === '') return known;
  try {
    const zone = createZone(name);
    zones.set(name, zone);
    return zone;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function createZone(name: string): Zone {
  const offsetAt = offsetReader(name);
  /** By number of the year (of 366 days since the epoch): the spans' starts in it, and their offsets. */
  const years = new Map<number, readonly Change[]>();
  const changesOf = (year: number): readonly Change[] => {
    const known = years.get(year);
    if (known !== undefined) return known;
    const changes = findChanges(offsetAt, year * YEAR_MS, (year + 1) * YEAR_MS);
    years.set(year, changes);
    return changes;
  };
  let latest: Span | undefined;

  const spanAt = (instantMs: number): Span => {
    if (latest !== undefined && latest.startMs <= instantMs && instantMs < latest.endMs) return latest;
    const year = Math.floor(instantMs / YEAR_MS);
    const around = [year - 1, year, year + 1].flatMap(changesOf);
    const before = around.findLast(({ atMs }) => atMs <= instantMs);
    const after = around.find(({ atMs }) => atMs > instantMs);
    const offsetMs = before?.offsetMs ?? after?.offsetBeforeMs ?? offsetAt(instantMs);
    latest = {
      startMs: before?.atMs ?? (year - 1) * YEAR_MS,
      endMs: after?.atMs ?? (year + 2) * YEAR_MS,
      offsetMs,
      offsetBeforeMs: before?.offsetBeforeMs ?? offsetMs,
      offsetAfterMs: after?.offsetMs ?? offsetMs,
    };
    return latest;
  };
  return { name, spanAt, offsetAt: (instantMs) => spanAt(instantMs).offsetMs };
}

interface Change {
  readonly atMs: number;
  readonly offsetBeforeMs: number;
  readonly offsetMs: number;
}

/** Of all zones since 1970, the shortest time between two changes is 7 days (Recife, October 2000). */
const STEP_MS = 6 * DAY_MS;

function findChanges(offsetAt: (instantMs: number) => number, fromMs: number, toMs: number): readonly Change[] {
  const changes: Change[] = [];
  let offset = offsetAt(fromMs);
  for (let startMs = fromMs; startMs < toMs; startMs += STEP_MS) {
    const next = offsetAt(startMs + STEP_MS);
    if (next === offset) continue;
    let [low, high] = [startMs, startMs + STEP_MS];
    while (high - low > SECOND_MS) {
      const middle = low + Math.floor((high - low) / 2 / SECOND_MS) * SECOND_MS;
      if (offsetAt(middle) === offset) low = middle;
      else high = middle;
    }
    changes.push({ atMs: high, offsetBeforeMs: offset, offsetMs: next });
    offset = next;
  }
  return changes;
}

function offsetReader(timeZone: string): (instantMs: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  return (instantMs) => {
    const [, sign, hours, minutes, seconds] = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(
      format.format(instantMs),
    )!;
    if (sign === undefined) return 0;
    const size = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds ?? 0)) * SECOND_MS;
    return sign === '-' ? -size : size;
  };
}
