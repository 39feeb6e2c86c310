/**
 * One field of a cron expression: which values it names.
 *
 * Strict on purpose: what other parsers read in different ways (`5/15`, `22-2`, `monday`) is refused with
 * the text to write instead, because a schedule that means something else is found out at night.
 */
import { quote } from '../core/errors.ts';

export type FieldName = 'second' | 'minute' | 'hour' | 'day of month' | 'month' | 'day of week' | 'year';

/** A value of a day field that depends on the month: the text is what the calendar understands. */
export type MonthlyDay = string;

export interface Field {
  readonly name: FieldName;
  /** As it was written. */
  readonly text: string;
  /** Exactly `*` (or `?`): the field restricts nothing. */
  readonly isStar: boolean;
  /** Ascending, without duplicates. */
  readonly values: readonly number[];
  /** `L`, `LW`, `15W` of a day of month; `5L`, `5#3` of a day of week, with the day as a number. */
  readonly monthly: readonly MonthlyDay[];
}

/** Why a field is refused, and what to write. */
export class FieldProblem extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface Range {
  readonly low: number;
  readonly high: number;
  /** The lowest value is that of the first name. */
  readonly names?: readonly string[];
}

const RANGES: Readonly<Record<FieldName, Range>> = {
  second: { low: 0, high: 59 },
  minute: { low: 0, high: 59 },
  hour: { low: 0, high: 23 },
  'day of month': { low: 1, high: 31 },
  month: { low: 1, high: 12, names: MONTHS },
  // 7 is Sunday too, so that `5-7` is a range.
  'day of week': { low: 0, high: 7, names: DAYS },
  year: { low: 1970, high: 2199 },
};

/** One list for each field: most fields of thousands of schedules are stars. */
const ALL_VALUES = Object.fromEntries(
  Object.entries(RANGES).map(([name, range]) => [name, spread(name as FieldName, range)]),
) as Readonly<Record<FieldName, readonly number[]>>;

/** @throws {FieldProblem} */
export function parseField(name: FieldName, text: string): Field {
  const isDay = name === 'day of month' || name === 'day of week';
  if (text === '*' || (isDay && text === '?')) {
    return { name, text, isStar: true, values: ALL_VALUES[name], monthly: [] };
  }
  const values = new Set<number>();
  const monthly = new Set<MonthlyDay>();
  for (const item of text.split(',')) {
    const special = isDay ? parseMonthlyDay(name, item) : undefined;
    if (special !== undefined) monthly.add(special);
    else for (const value of parseItem(name, item)) values.add(value);
  }
  return { name, text, isStar: false, values: [...values].sort((a, b) => a - b), monthly: [...monthly] };
}

function parseMonthlyDay(name: FieldName, item: string): MonthlyDay | undefined {
  if (name === 'day of month') {
    const upper = item.toUpperCase();
    if (upper === 'L' || upper === 'LW') return upper;
    const [, day] = /^(\d{1,2})W$/.exec(upper) ?? [];
    if (day !== undefined) return `${parseValue(name, day)}W`;
    if (upper.startsWith('L-')) {
      throw new FieldProblem(`${quote(item)} counts from the end of the month`, 'Only L and LW are known there.');
    }
    return undefined;
  }
  const [, day, nth] = /^(\d|[a-z]{3})(L|#[0-9a-z]*)$/i.exec(item) ?? [];
  if (day === undefined || nth === undefined) return undefined;
  const weekday = parseValue(name, day) % 7;
  const which = nth.replace('#', '').toUpperCase();
  if (which === 'L') return `${weekday}#L`;
  if (!/^[1-5]$/.test(which)) {
    throw new FieldProblem(`${quote(item)} names no week of a month`, 'After # comes 1 to 5, or L for the last.');
  }
  return `${weekday}#${which}`;
}

function parseItem(name: FieldName, item: string): readonly number[] {
  const [range = '', step, ...rest] = item.split('/');
  if (item === '') throw new FieldProblem('a list has an empty item', 'Remove the comma that has nothing beside it.');
  if (rest.length > 0) throw new FieldProblem(`${quote(item)} has more than one step`);
  if (range.includes('?')) throw new FieldProblem(...questionMark(name, item));

  const { low, high } = RANGES[name];
  const stepSize = step === undefined ? 1 : parseStep(item, step);
  if (range === '*') return spread(name, RANGES[name], stepSize);
  const [from = '', to, ...more] = range.split('-');
  if (more.length > 0 || from === '' || to === '') {
    throw new FieldProblem(`${quote(item)} is not a range`, `A range is written LOW-HIGH, within ${low} to ${high}.`);
  }
  const first = parseValue(name, from);
  if (to === undefined) {
    if (step === undefined) return [name === 'day of week' ? first % 7 : first];
    const top = name === 'day of week' ? 6 : high;
    const instead = first === low ? `*/${step}` : `${from}-${top}/${step}`;
    throw new FieldProblem(`${quote(item)} has a step but no range`, `Write ${instead}.`);
  }
  const second = parseValue(name, to);
  // `sat-sun` ends in the Sunday that comes after.
  const last = name === 'day of week' && second === 0 && first > 0 ? 7 : second;
  if (first > last) {
    const top = name === 'day of week' ? 6 : high;
    const instead = name === 'year' ? `${to}-${from}` : `${first % (top + 1)}-${top},${low}-${last}`;
    throw new FieldProblem(`the range ${quote(range)} goes backwards`, `Write ${instead}.`);
  }
  return spread(name, { low: first, high: last }, stepSize);
}

function spread(name: FieldName, { low, high }: Range, step = 1): readonly number[] {
  const values = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, index) => low + index * step);
  return name === 'day of week' ? [...new Set(values.map((value) => value % 7))].sort((a, b) => a - b) : values;
}

/** A step larger than the range is valid and leaves its first value. */
function parseStep(item: string, text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) === 0) {
    throw new FieldProblem(`${quote(item)} has no step of at least 1`, 'A step is written */N or LOW-HIGH/N.');
  }
  return Number(text);
}

function parseValue(name: FieldName, text: string): number {
  const { low, high, names } = RANGES[name];
  if (/^\d{1,4}$/.test(text)) {
    const value = Number(text);
    if (value < low || value > high) {
      throw new FieldProblem(`${text} is not within ${low} to ${high}`, outside(name, value));
    }
    return value;
  }
  const index = names?.indexOf(text.toLowerCase()) ?? -1;
  if (index >= 0) return low + index;
  throw new FieldProblem(...notAValue(name, text));
}

function outside(name: FieldName, value: number): string | undefined {
  if (name === 'hour' && value === 24) return 'Midnight is hour 0.';
  if ((name === 'minute' || name === 'second') && value === 60) return `The first ${name} is 0.`;
  if (name === 'day of week' && value >= 1970) {
    return 'A sixth field comes first and is seconds; a year needs 7 fields.';
  }
  return undefined;
}

function notAValue(name: FieldName, text: string): [string, string?] {
  const { low, high, names } = RANGES[name];
  const known = names === undefined ? `a number from ${low} to ${high}` : `${low} to ${high}, or ${names.join(' ')}`;
  const problem = `expected ${known}, got ${quote(text)}`;
  const short = names?.find((candidate) => text.toLowerCase().startsWith(candidate));
  if (short !== undefined) return [problem, `Names have three letters: ${short}.`];
  if (text === 'H' || text.includes('~')) {
    return [problem, 'Write a fixed number; `jitter` spreads the starts of jobs.'];
  }
  if (/^l$/i.test(text) && name === 'day of week') return [problem, 'The last Friday of a month is 5L.'];
  if (/[LW#]/i.test(text)) return [problem, 'L, LW and 15W are days of month; 5L and 5#3 are days of week.'];
  return [problem];
}

function questionMark(name: FieldName, item: string): [string, string] {
  const isDay = name === 'day of month' || name === 'day of week';
  return isDay
    ? [`${quote(item)} puts ? beside something else`, 'A ? stands alone, for a day field that restricts nothing.']
    : [`${quote(item)} is for day fields only`, 'Write * here.'];
}
