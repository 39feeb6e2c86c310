/** What a cron expression means, for people: in words, with its next instants, and what may surprise in it. */
import type { DataInterval } from '../core/data-interval.ts';
import { createCalendar } from './calendar.ts';
import { clockChangeNotes } from './clock-changes.ts';
import { parseCron, type CronExpression } from './cron-syntax.ts';
import { scheduleOptions } from './options.ts';
import { compileSchedule } from './schedule.ts';
import { describeCron } from './words.ts';
import { openZone } from './zone.ts';

export interface Explanation {
  readonly expression: string;
  readonly timezone: string;
  readonly description: string;
  readonly next: readonly { readonly atMs: number; readonly interval: DataInterval }[];
  /** What the clock does in the span that `next` covers, and what that does to the schedule. */
  readonly notes: readonly string[];
  /** What its author may not have meant. */
  readonly warnings: readonly string[];
}

/**
 * @param fromMs instants after this one
 * @throws {ServeryError} `CRON_INVALID`, or `USAGE` for an unknown zone
 */
export function explainCron(text: string, timezone: string, fromMs: number, count: number): Explanation {
  const expression = parseCron(text);
  const zone = openZone(timezone);
  const schedule = compileSchedule('', scheduleOptions.parse({ cron: text, timezone }));
  const next: { atMs: number; interval: DataInterval }[] = [];
  let occurrence = schedule.next(fromMs);
  while (occurrence !== undefined && next.length < count) {
    next.push({ atMs: occurrence.scheduledForMs, interval: occurrence.interval! });
    occurrence = schedule.next(occurrence.scheduledForMs);
  }
  const lastMs = next.at(-1)?.atMs ?? fromMs;
  const isCron = !('everyMs' in expression);
  return {
    expression: expression.text,
    timezone,
    description: describeCron(expression),
    next,
    notes: isCron ? clockChangeNotes(createCalendar(expression), expression.isFixed, zone, fromMs, lastMs) : [],
    warnings: isCron ? cronWarnings(expression) : [],
  };
}

/** What a linter would say of an expression; nothing of it is an error. */
function cronWarnings(expression: CronExpression): readonly string[] {
  const { second, minute, hour, dayOfMonth, dayOfWeek, needsBothDays } = expression;
  const warnings: string[] = [];
  if (createCalendar(expression).next(-1) === undefined) warnings.push('It never fires: no such date exists.');
  if (!dayOfMonth.isStar && !dayOfWeek.isStar && !needsBothDays) {
    const hasStar = [dayOfMonth, dayOfWeek].some(({ text }) => text.startsWith('*'));
    const vixie = hasStar ? " vixie's cron and cronie demand both here, since one field starts with a star." : '';
    warnings.push(
      'Both day fields restrict, so a day that matches either one fires.' +
        `${vixie} For days that match both, put a plus before the day of week: ${withPlus(expression)}.`,
    );
  }
  for (const { name, text, values } of [second, minute, hour]) {
    const [, step] = /^\*\/(\d+)$/.exec(text) ?? [];
    const length = name === 'hour' ? 24 : 60;
    const whole = { second: 'minute', minute: 'hour', hour: 'day' }[name as 'second' | 'minute' | 'hour'];
    if (step !== undefined && Number(step) >= length) {
      warnings.push(`The step of ${text} is larger than its range: only ${name} ${values[0]} is left.`);
    } else if (step !== undefined && length % Number(step) !== 0) {
      warnings.push(
        `The steps of ${text} begin anew with each ${whole}: from ${name} ${values.at(-1)} it goes to ${name} 0.`,
      );
    }
  }
  return warnings;
}

/** The day of week is the fifth field, or the sixth after seconds. */
function withPlus({ text }: CronExpression): string {
  const fields = text.split(' ');
  const index = fields.length === 5 ? 4 : 5;
  return fields.with(index, `+${fields[index]!}`).join(' ');
}
