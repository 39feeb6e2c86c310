/**
 * The calendar of a cron expression: which wall clock readings it names, in no zone.
 *
 * A reading is a number of milliseconds as if the wall clock showed UTC, so a day always has 24 hours here;
 * zones and their changes come on top (`wall-ticks.ts`). Which days match is asked of croner, with what it reads
 * differently already written out; it is kept by the day fields alone, since one pattern holds 80 KB and thousands
 * of schedules share a few. The time of day is arithmetic.
 */
import { Cron } from 'croner';
import type { Field } from './cron-fields.ts';
import type { CronExpression } from './cron-syntax.ts';
import { greatest, least } from './ticks.ts';

export interface Calendar {
  /** The first reading later than `wallMs`. */
  next(wallMs: number): number | undefined;
  /** The last reading earlier than `wallMs`. */
  previous(wallMs: number): number | undefined;
}

const DAY_MS = 86_400_000;
const SECOND_MS = 1000;
/** Years 1970 to 2199. */
const FIRST_MS = 0;
const LAST_MS = Date.UTC(2200, 0, 1) - 1;

export function createCalendar(expression: CronExpression): Calendar {
  const days = daysOf(expression);
  const { hour, minute, second } = expression;
  const times = [hour.values, minute.values, second.values] as const;
  const firstOfDay = laterInDay(times, 0)!;
  const lastOfDay = earlierInDay(times, DAY_MS / SECOND_MS - 1)!;
  return {
    next(wallMs) {
      // The first whole second after it.
      const from = Math.max(FIRST_MS, (Math.floor(wallMs / SECOND_MS) + 1) * SECOND_MS);
      if (from > LAST_MS) return undefined;
      const day = Math.floor(from / DAY_MS) * DAY_MS;
      const time = days.has(day) ? laterInDay(times, (from - day) / SECOND_MS) : undefined;
      if (time !== undefined) return day + time * SECOND_MS;
      const later = days.next(day);
      return later === undefined || later > LAST_MS ? undefined : later + firstOfDay * SECOND_MS;
    },
    previous(wallMs) {
      const to = Math.min(LAST_MS, (Math.ceil(wallMs / SECOND_MS) - 1) * SECOND_MS);
      if (to < FIRST_MS) return undefined;
      const day = Math.floor(to / DAY_MS) * DAY_MS;
      const time = days.has(day) ? earlierInDay(times, Math.floor((to - day) / SECOND_MS)) : undefined;
      if (time !== undefined) return day + time * SECOND_MS;
      const earlier = days.previous(day);
      return earlier === undefined || earlier < FIRST_MS ? undefined : earlier + lastOfDay * SECOND_MS;
    },
  };
}

type Times = readonly [hours: readonly number[], minutes: readonly number[], seconds: readonly number[]];

/** The first second of the day that matches and is not before `from`. */
function laterInDay([hours, minutes, seconds]: Times, from: number): number | undefined {
  const lastMinute = minutes.at(-1)! * 60;
  const lastSecond = seconds.at(-1)!;
  const hour = hours.find((value) => value * 3600 + lastMinute + lastSecond >= from);
  if (hour === undefined) return undefined;
  const minute = minutes.find((value) => hour * 3600 + value * 60 + lastSecond >= from)!;
  const second = seconds.find((value) => hour * 3600 + minute * 60 + value >= from)!;
  return hour * 3600 + minute * 60 + second;
}

/** The last second of the day that matches and is not after `to`. */
function earlierInDay([hours, minutes, seconds]: Times, to: number): number | undefined {
  const hour = hours.findLast((value) => value * 3600 + minutes[0]! * 60 + seconds[0]! <= to);
  if (hour === undefined) return undefined;
  const minute = minutes.findLast((value) => hour * 3600 + value * 60 + seconds[0]! <= to)!;
  const second = seconds.findLast((value) => hour * 3600 + minute * 60 + value <= to)!;
  return hour * 3600 + minute * 60 + second;
}

/** Days by their first millisecond. */
interface Days {
  has(day: number): boolean;
  next(day: number): number | undefined;
  previous(day: number): number | undefined;
}

const everyDay: Days = { has: () => true, next: (day) => day + DAY_MS, previous: (day) => day - DAY_MS };

function daysOf(expression: CronExpression): Days {
  const { dayOfMonth, month, dayOfWeek, year } = expression;
  if ([dayOfMonth, month, dayOfWeek, year].every(({ isStar }) => isStar)) return everyDay;
  return unionOf(dayPatterns(expression).map(cronerDays));
}

/** What croner is given. It takes no `LW` in a list, so that gets a pattern of its own: a union all the same. */
function dayPatterns({ dayOfMonth, month, dayOfWeek, year, needsBothDays }: CronExpression): readonly string[] {
  const monthDays = dayOfMonth.isStar ? ['*'] : [...dayOfMonth.values.map(String), ...dayOfMonth.monthly];
  const withoutLastWeekday = monthDays.filter((day) => day !== 'LW').join(',');
  const parts = [withoutLastWeekday, monthDays.includes('LW') ? 'LW' : ''].filter((part) => part !== '');
  const weekDays = `${needsBothDays ? '+' : ''}${listOf(dayOfWeek)}`;
  return parts.map((part) => `0 0 0 ${part} ${listOf(month)} ${weekDays} ${listOf(year)}`);
}

function listOf({ isStar, values, monthly }: Field): string {
  return isStar ? '*' : [...values, ...monthly].join(',');
}

/** Asked in order most of the time, so the last answers answer most questions. */
function cronerDays(pattern: string): Days {
  /** From `from` on, the next day that matches is `answer`; and up to `to`, the previous one. */
  let after: { from: number; answer: number | undefined } | undefined;
  let before: { to: number; answer: number | undefined } | undefined;
  return {
    has(day) {
      if (after?.answer === day || before?.answer === day) return true;
      return cronerOf(pattern).match(new Date(day));
    },
    next(day) {
      if (after === undefined || day < after.from || day >= (after.answer ?? Infinity)) {
        after = { from: day, answer: cronerOf(pattern).nextRun(new Date(day))?.getTime() };
      }
      return after.answer;
    },
    previous(day) {
      if (before === undefined || day > before.to || day <= (before.answer ?? -Infinity)) {
        before = { to: day, answer: cronerOf(pattern).previousRuns(1, new Date(day))[0]?.getTime() };
      }
      return before.answer;
    },
  };
}

/** 16 MB of patterns at most; one more costs 0.1 ms to make again. */
const MAX_PATTERNS = 200;
const patterns = new Map<string, Cron>();

function cronerOf(pattern: string): Cron {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  // A fixed offset of zero: croner works on the numbers and asks no zone.
  const cron = new Cron(pattern, { mode: '7-part', utcOffset: 0, paused: true });
  const oldest = patterns.size < MAX_PATTERNS ? undefined : patterns.keys().next().value;
  if (oldest !== undefined) patterns.delete(oldest);
  patterns.set(pattern, cron);
  return cron;
}

function unionOf(parts: readonly Days[]): Days {
  const [only] = parts;
  if (parts.length === 1) return only!;
  return {
    has: (day) => parts.some((part) => part.has(day)),
    next: (day) => least(parts.map((part) => part.next(day))),
    previous: (day) => greatest(parts.map((part) => part.previous(day))),
  };
}
