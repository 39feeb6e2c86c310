/**
 * A cron expression in words.
 *
 * cronstrue words each field by itself, after it was written out as this dialect reads it; the two day fields are
 * joined here, since "13 of the month, and on Friday" says AND where cron means OR. It is loaded by nothing that schedules.
 */
import cronstrue from 'cronstrue';
import { formatDuration } from '../core/duration.ts';
import type { Field } from './cron-fields.ts';
import type { CronExpression, EveryExpression } from './cron-syntax.ts';

export function describeCron(expression: CronExpression | EveryExpression): string {
  if ('everyMs' in expression) return `Every ${formatDuration(expression.everyMs)} of real time`;
  const { second, minute, hour, dayOfMonth, month, dayOfWeek, year, needsBothDays, isFixed } = expression;
  const time = [second, minute, hour].map((field) => timeField(field));
  const parts = [
    words(`${time.join(' ')} * * *`),
    daysInWords(dayOfMonth, dayOfWeek, needsBothDays) || (isFixed ? 'every day' : ''),
    month.isStar ? '' : afterTime(`0 0 * ${ranges(month.values)} *`).replace(/^(?!only in)/, 'in '),
    year.isStar ? '' : afterTime(`0 0 0 * * * ${ranges(year.values)}`).replace(/^(?!only in)/, 'in '),
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function daysInWords(dayOfMonth: Field, dayOfWeek: Field, needsBoth: boolean): string {
  const ofMonth = dayOfMonth.isStar
    ? []
    : [
        ...plain(dayOfMonth.values, (list) => `0 0 ${list} * *`),
        ...dayOfMonth.monthly.map((day) => afterTime(`0 0 ${day} * *`)),
      ];
  // Sunday last, so that a weekend is a range.
  const weekdays = dayOfWeek.values.map((day) => (day === 0 ? 7 : day)).sort((a, b) => a - b);
  const ofWeek = dayOfWeek.isStar
    ? []
    : [
        ...plain(weekdays, (list) => `0 0 * * ${list}`),
        ...dayOfWeek.monthly.map((day) => afterTime(`0 0 * * ${day.replace('#L', 'L')}`)),
      ];
  const monthDays = ofMonth.join(' and ');
  const weekDays = ofWeek.map((part) => part.replace(/^only /, '').replace(/^(?!on )/, 'on ')).join(' and ');
  if (monthDays === '' || weekDays === '') return monthDays + weekDays;
  return needsBoth ? `${monthDays}, if that is ${weekDays}` : `${monthDays} or ${weekDays}`;
}

function plain(values: readonly number[], expressionOf: (list: string) => string): readonly string[] {
  return values.length === 0 ? [] : [afterTime(expressionOf(ranges(values)))];
}

/** A step that does not divide the hour or day starts anew with each: then the values are said, not the step. */
function timeField({ name, text, values, isStar }: Field): string {
  if (isStar) return '*';
  const length = name === 'hour' ? 24 : 60;
  const [, from, to, step] = /^(?:\*|(\d+)-(\d+))\/(\d+)$/.exec(text) ?? [];
  if (step === undefined || values.length < 2) return ranges(values);
  const isEven = from === undefined ? length % Number(step) === 0 : (Number(to) - Number(from)) % Number(step) === 0;
  return isEven ? text : values.join(',');
}

/** `1-3,7`: three or more in a row are a range. */
function ranges(values: readonly number[]): string {
  const runs: number[][] = [];
  for (const value of values) {
    const run = runs.at(-1);
    if (run?.at(-1) === value - 1) run.push(value);
    else runs.push([value]);
  }
  return runs.map((run) => (run.length < 3 ? run.join(',') : `${run[0]}-${run.at(-1)}`)).join(',');
}

function afterTime(text: string): string {
  return words(text).replace(/^At 00:00, /, '');
}

function words(text: string): string {
  return cronstrue.toString(text.replace(/^0 (?=\S+ \S+ \S+ \S+ \S+$)/, ''), { use24HourTimeFormat: true });
}
