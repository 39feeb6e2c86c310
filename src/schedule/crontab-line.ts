/** One line of a crontab that names a time and a command. */
import { ServeryError } from '../core/errors.ts';

export interface CrontabEntry {
  /** Five fields with single spaces, or a macro. */
  readonly fields: string;
  /** From `~`: a duration over which starts are spread. */
  readonly jitter: string | undefined;
  readonly user: string | undefined;
  readonly command: string;
  /** What follows the first `%`. */
  readonly stdin: string | undefined;
}

type Remark = (what: 'changed' | 'lost', message: string) => void;

/** @throws {ServeryError} `CRON_INVALID` */
export function readEntry(line: string, isSystem: boolean, remark: Remark): CrontabEntry {
  const isQuiet = line.startsWith('-');
  if (isQuiet) remark('lost', 'The leading - kept cron from logging; runs are always recorded.');
  const timed = line.slice(isQuiet ? 1 : 0);
  const count = timed.startsWith('@') ? 1 : 5;
  const times = timed.split(/[ \t]+/, count);
  const rest = timed.replace(new RegExp(`^(\\S+[ \\t]+){${count}}`), '');
  const [, user, afterUser] = isSystem ? (/^(\S+)[ \t]+(.*)$/.exec(rest) ?? []) : [];
  const text = isSystem ? (afterUser ?? '') : rest;
  if (times.length < count || rest === timed || text === '') {
    const form = `${count === 1 ? '@macro' : 'five fields'}${isSystem ? ', a user' : ''} and a command`;
    throw new ServeryError('CRON_INVALID', `Expected ${form}`, {
      hint: isSystem ? 'Without a column of users, say --no-system.' : 'With a column of users, say --system.',
    });
  }
  const { fields, jitter } = spreadRandom(times, remark);
  return { fields: fields.join(' '), jitter, user, ...splitAtPercent(text) };
}

/** cron picks a value of `LOW~HIGH` when it starts; a jitter over the same time spreads as well, and stays the same. */
function spreadRandom(
  times: readonly string[],
  remark: Remark,
): { fields: readonly string[]; jitter: string | undefined } {
  const highest = [59, 23];
  const units = ['m', 'h'];
  let jitter: string | undefined;
  const fields = times.map((field, index) => {
    const [, low, high] = /^(\d*)~(\d*)$/.exec(field) ?? [];
    const top = highest[index];
    if (low === undefined || top === undefined || jitter !== undefined) return field;
    const from = Number(low);
    jitter = `${(high === '' ? top : Number(high)) - from + 1}${units[index]}`;
    remark('changed', `The random ${field} becomes ${from} with a jitter of ${jitter}.`);
    return String(from);
  });
  return { fields, jitter };
}

/** `\%` is a percent sign; the first bare one ends the command, and each further one is a line break. */
function splitAtPercent(text: string): { readonly command: string; readonly stdin: string | undefined } {
  const [command = '', ...lines] = text.split(/(?<!\\)%/).map((part) => part.replaceAll('\\%', '%'));
  const stdin = lines.join('\n');
  // cron sees to it that what it gives ends with a line break.
  const end = stdin === '' || stdin.endsWith('\n') ? '' : '\n';
  return { command: command.trim(), stdin: lines.length === 0 ? undefined : `${stdin}${end}` };
}
