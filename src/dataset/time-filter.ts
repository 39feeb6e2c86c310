/**
 * The rows of a data interval, as an SQL condition over the time column.
 *
 * Half-open, as intervals are. A condition is written so that DuckDB can skip row groups by their statistics wherever
 * the type allows it. Rows without a time lie in no interval.
 */
import { formatInstant, type DataInterval } from '../core/data-interval.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { literal } from './sql-text.ts';

export interface TimeColumn {
  readonly name: string;
  /** An SQL expression. */
  readonly sql: string;
  /** As DESCRIBE says it. */
  readonly sqlType: string;
  readonly timeZone: string;
  readonly timeUnit: 's' | 'ms' | 'us' | 'ns' | undefined;
}

export interface TimeFilter {
  /** True for rows inside; null or false outside. */
  readonly inside: string;
  /** True where there is a text that is no time; undefined where that cannot be. */
  readonly unreadable: string | undefined;
}

const DAY_MS = 86_400_000;
const UNITS_PER_SECOND = { s: 1n, ms: 1000n, us: 1_000_000n, ns: 1_000_000_000n };

/** @throws {ServeryError} `DATA_INVALID` for a column that cannot be read as a time */
export function timeFilter(column: TimeColumn, interval: DataInterval): TimeFilter {
  const { name, sql, sqlType, timeZone, timeUnit } = column;
  const isNumber = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$|^DOUBLE$|^FLOAT$|^DECIMAL/.test(sqlType);
  if (timeUnit !== undefined && !isNumber) {
    throw new ServeryError('DATA_INVALID', `The time column ${quote(name)} has times, so timeUnit is not for it`);
  }
  if (isNumber) {
    if (timeUnit === undefined) {
      throw new ServeryError('DATA_INVALID', `The time column ${quote(name)} has numbers: say what they count`, {
        hint: 'Set `input.timeUnit` to s, ms, us or ns.',
      });
    }
    const [from, to] = [interval.startMs, interval.endMs].map((ms) => sinceEpoch(ms, timeUnit, sqlType));
    return { inside: `(${sql} >= ${from} AND ${sql} < ${to})`, unreadable: undefined };
  }
  if (sqlType === 'TIMESTAMP WITH TIME ZONE') return { inside: between(sql, interval), unreadable: undefined };
  if (/^TIMESTAMP/.test(sqlType) || sqlType === 'DATE') return localTimes(sql, sqlType, timeZone, interval);
  if (sqlType === 'VARCHAR') return textTimes(sql, timeZone, interval);
  throw new ServeryError('DATA_INVALID', `The time column ${quote(name)} has no times: it is ${sqlType}`);
}

/** Numbers are compared as they are; a bound between two of them rounds up, which keeps both halves exact. */
function sinceEpoch(ms: number, unit: keyof typeof UNITS_PER_SECOND, sqlType: string): string {
  if (sqlType === 'DOUBLE' || sqlType === 'FLOAT' || sqlType.startsWith('DECIMAL')) {
    return `${(ms / 1000) * Number(UNITS_PER_SECOND[unit])}`;
  }
  const scaled = BigInt(ms) * UNITS_PER_SECOND[unit];
  const floor = scaled / 1000n;
  return String(scaled % 1000n > 0n ? floor + 1n : floor);
}

function between(sql: string, { startMs, endMs }: DataInterval): string {
  return `(${sql} >= ${instant(startMs)} AND ${sql} < ${instant(endMs)})`;
}

function instant(ms: number): string {
  return `TIMESTAMPTZ ${literal(formatInstant(ms))}`;
}

function localTimes(sql: string, sqlType: string, zone: string, interval: DataInterval): TimeFilter {
  const local = (ms: number) => `TIMESTAMP ${literal(formatInstant(ms).replace('Z', ''))}`;
  if (zone === 'UTC' && sqlType !== 'DATE') {
    const inside = `(${sql} >= ${local(interval.startMs)} AND ${sql} < ${local(interval.endMs)})`;
    return { inside, unreadable: undefined };
  }
  // A clock is never a day away from UTC: these bounds let row groups be skipped, the conversion decides.
  const coarse = `(${sql} >= ${local(interval.startMs - DAY_MS)} AND ${sql} < ${local(interval.endMs + DAY_MS)})`;
  const exact = between(`timezone(${literal(zone)}, CAST(${sql} AS TIMESTAMP))`, interval);
  return { inside: `(${coarse} AND ${exact})`, unreadable: undefined };
}

const HAS_ZONE = String.raw`\d{2}:\d{2}.*([Zz]|[+-]\d{2}(:?\d{2})?)$`;
const IS_ISO = String.raw`\s*\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([Zz]|[+-]\d{2}(:?\d{2})?)?)?\s*`;

/** ISO 8601; what has no offset is a time of the zone, a date is its midnight there. */
function textTimes(sql: string, zone: string, interval: DataInterval): TimeFilter {
  const time =
    `CASE WHEN NOT regexp_full_match(${sql}, ${literal(IS_ISO)}) THEN NULL ` +
    `WHEN regexp_matches(${sql}, ${literal(HAS_ZONE)}) THEN TRY_CAST(trim(${sql}) AS TIMESTAMPTZ) ` +
    `ELSE timezone(${literal(zone)}, TRY_CAST(trim(${sql}) AS TIMESTAMP)) END`;
  return { inside: between(`(${time})`, interval), unreadable: `(${sql} IS NOT NULL AND (${time}) IS NULL)` };
}
