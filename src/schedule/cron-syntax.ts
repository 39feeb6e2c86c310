/**
 * The cron dialect: 5, 6 (seconds first) or 7 (year last) fields, macros, `L`, `W`, `#`, and `+` for AND.
 *
 * The checks are ours and come before any calendar sees the text. Day of month and day of week are one rule:
 * where both restrict, either suffices, as in every cron; a `+` before the day of week demands both. Only a
 * literal `*` or `?` restricts nothing; vixie's cron also lets a star with a step count as one.
 */
import { parseDuration } from '../core/duration.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { FieldProblem, parseField, type Field, type FieldName } from './cron-fields.ts';

export interface CronExpression {
  /** As it was written, with single spaces. */
  readonly text: string;
  readonly second: Field;
  readonly minute: Field;
  readonly hour: Field;
  readonly dayOfMonth: Field;
  readonly month: Field;
  readonly dayOfWeek: Field;
  readonly year: Field;
  /** Both day fields must match (`+`); else one that restricts suffices. */
  readonly needsBothDays: boolean;
  /** No field of the time of day starts with a star: it fires at fixed times of the local day. */
  readonly isFixed: boolean;
}

/** `@every 90m`: not a calendar at all. */
export interface EveryExpression {
  readonly text: string;
  readonly everyMs: number;
}

const MACROS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const FIELDS: readonly FieldName[] = ['second', 'minute', 'hour', 'day of month', 'month', 'day of week', 'year'];
const MAX_LENGTH = 1000;

/** @throws {ServeryError} `CRON_INVALID`, with what to write instead where that can be known */
export function parseCron(text: string): CronExpression | EveryExpression {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH) throw refuse(text, `it is longer than ${MAX_LENGTH} characters`);
  if (trimmed.startsWith('@')) return parseMacro(trimmed);
  if (/^(CRON_)?TZ=/.test(trimmed)) throw refuse(text, 'it names a zone', 'Say `timezone` beside `cron` instead.');
  const parts = trimmed.split(/[ \t]+/);
  if (trimmed === '' || parts.length < 5 || parts.length > 7) {
    const count = trimmed === '' ? 0 : parts.length;
    throw refuse(text, `expected 5, 6 or 7 fields, got ${count}`, fieldsHint(count));
  }
  const withSeconds = parts.length === 5 ? ['0', ...parts] : parts;
  const all = withSeconds.length === 6 ? [...withSeconds, '*'] : withSeconds;
  const needsBothDays = all[5]!.startsWith('+');
  if (needsBothDays) all[5] = all[5]!.slice(1);
  const [second, minute, hour, dayOfMonth, month, dayOfWeek, year] = FIELDS.map((name, index) => {
    try {
      return parseField(name, all[index]!);
    } catch (error) {
      if (!(error instanceof FieldProblem)) throw error;
      throw refuse(text, `${name}: ${error.message}`, error.hint);
    }
  }) as [Field, Field, Field, Field, Field, Field, Field];
  const isFixed = [second, minute, hour].every((field) => !field.text.startsWith('*'));
  return {
    ...{ text: parts.join(' '), second, minute, hour, dayOfMonth, month, dayOfWeek, year },
    ...{ needsBothDays, isFixed },
  };
}

function parseMacro(text: string): CronExpression | EveryExpression {
  const [name = '', ...rest] = text.toLowerCase().split(/[ \t]+/);
  const expression = MACROS[name];
  if (expression !== undefined && rest.length === 0) {
    return { ...(parseCron(expression) as CronExpression), text: name };
  }
  if (name === '@every') {
    const everyMs = sumOfDurations(rest.join(''));
    if (everyMs === undefined || everyMs === 0) {
      throw refuse(text, 'expected a duration after @every', 'Write it as in `@every 90m` or `@every 1h30m`.');
    }
    return { text: `@every ${rest.join('')}`, everyMs };
  }
  if (name === '@reboot') {
    throw refuse(
      text,
      'a start of the machine is not a time',
      'Start the program with the service that starts Servery.',
    );
  }
  throw refuse(text, 'this macro is not known', `Known are ${Object.keys(MACROS).join(' ')} and @every 90m.`);
}

/** `1h30m`, as Go writes durations. */
function sumOfDurations(text: string): number | undefined {
  const parts = text.match(/\d+(?:ms|[smhd])/g) ?? [];
  if (parts.join('') !== text || parts.length === 0) return undefined;
  const lengths = parts.map(parseDuration);
  return lengths.includes(undefined) ? undefined : lengths.reduce<number>((sum, length) => sum + length!, 0);
}

function fieldsHint(count: number): string {
  if (count === 0) return 'Write minute, hour, day of month, month and day of week, such as `0 20 * * *`.';
  if (count > 7) return 'Put the expression in quotes: without them, a shell replaces * by the names of files.';
  return 'The fields are [second] minute hour day-of-month month day-of-week [year].';
}

function refuse(text: string, problem: string, hint?: string): ServeryError {
  const message = `Cannot read ${quote(text)} as a cron expression: ${problem}`;
  return new ServeryError('CRON_INVALID', message, hint === undefined ? {} : { hint });
}
