/** Which texts are cron expressions, and what is said about those that are not. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { ServeryError } from '../../../src/core/errors.ts';
import { parseCron } from '../../../src/schedule/cron-syntax.ts';
import { cronTicks } from '../../../src/schedule/schedule.ts';
import { fuzz, type Random } from '../../support/fuzz.ts';

const valid = [
  ...[
    '* * * * *',
    '0 20 * * 1-5',
    '  0   20 * *\t* ',
    '0 0 12 * * *',
    '0 0 0 1 1 * 2027',
    '0 0 0 1 1 * 2027,2030-2040/2',
  ],
  ...['0 0 * JAN-DEC SUN-SAT', '0 0 * jan,Feb mOn', '0 0 * * sat-sun', '0 0 * * 5-7', '0 0 * * 6-0', '0 0 * * 7'],
  ...['*/90 * * * *', '0-59/7 * * * *', '*/59 * * * *', '00 05 * * *', '0 0 ? * ?', '0 0 1 * ?'],
  ...['0 0 L * *', '0 0 LW * *', '0 0 lw * *', '0 0 15W * *', '0 0 1,15W,L * *', '0 0 10,LW * *'],
  ...['0 0 * * 5L', '0 0 * * 5#L', '0 0 * * 5#3', '0 0 * * fri#3', '0 0 * * friL', '0 0 * * 7#1', '0 0 * * 1,3#2'],
  ...['0 12 1 * +MON', '0 0 */2 * +1', '0 0 30 2 *', '*,5 * * * *'],
  ...['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly', '@Daily', ' @daily '],
  ...['@every 90m', '@every 1h30m', '@every 10s'],
];

describe('valid', () => {
  for (const text of valid) {
    it(JSON.stringify(text), () => void cronTicks(parseCron(text), { timezone: 'UTC', gap: 'after', fold: 'first' }));
  }
});

/** With a part of what the message or the hint says. */
const invalid: readonly (readonly [text: string, answer: RegExp])[] = [
  ['', /got 0/],
  ['   ', /got 0/],
  ['* * * *', /got 4/],
  ['* * * * * * * *', /got 8/],
  ['hello', /got 1/],
  ['5/15 * * * *', /Write 5-59\/15\./],
  ['0/15 * * * *', /Write \*\/15\./],
  ['0 3/6 * * *', /Write 3-23\/6\./],
  ['0 0 2/3 * *', /Write 2-31\/3\./],
  ['0 0 * 1/3 *', /Write \*\/3\./],
  ['0 0 * * 1/2', /Write 1-6\/2\./],
  ['0 22-2 * * *', /Write 22-23,0-2\./],
  ['0 0 * NOV-FEB *', /Write 11-12,1-2\./],
  ['0 0 * * fri-mon', /Write 5-6,0-1\./],
  ['50-10 * * * *', /Write 50-59,0-10\./],
  ['0 0 0 1 1 * 2030-2027', /Write 2027-2030\./],
  ['60 * * * *', /60 is not within 0 to 59.*The first minute is 0/],
  ['0 24 * * *', /Midnight is hour 0/],
  ['0 0 0 * *', /0 is not within 1 to 31/],
  ['0 0 32 * *', /32 is not within 1 to 31/],
  ['0 0 * 0 *', /0 is not within 1 to 12/],
  ['0 0 * 13 *', /13 is not within 1 to 12/],
  ['0 0 * * 8', /8 is not within 0 to 7/],
  ['0 0 0 1 1 * 1969', /1969 is not within 1970 to 2199/],
  ['0 0 0 1 1 * 2200', /2200 is not within/],
  ['0 12 1 1 * 2027', /a year needs 7 fields/],
  ['*/0 * * * *', /step of at least 1/],
  ['*/ * * * *', /step of at least 1/],
  ['*/x * * * *', /step of at least 1/],
  ['1-9/2/3 * * * *', /more than one step/],
  ['/5 * * * *', /is not a range/],
  ['1,,2 * * * *', /empty item/],
  [',1 * * * *', /empty item/],
  ['1- * * * *', /is not a range/],
  ['-1 * * * *', /is not a range/],
  ['1-2-3 * * * *', /is not a range/],
  ['** * * * *', /expected a number from 0 to 59/],
  ['*-5 * * * *', /expected a number/],
  ['1.5 * * * *', /expected a number/],
  ['+5 * * * *', /expected a number/],
  ['00000 * * * *', /expected a number/],
  ['0 0 * * monday', /Names have three letters: mon/],
  ['0 0 * january *', /Names have three letters: jan/],
  ['0 0 * * mo', /expected 0 to 7, or sun mon/],
  ['0 0 jan * *', /day of month: expected a number/],
  ['jan * * * *', /minute: expected a number/],
  ['? * * * *', /for day fields only/],
  ['0 0 1,? * *', /\? stands alone/],
  ['0 0 ?/2 * *', /\? stands alone/],
  ['H * * * *', /`jitter` spreads/],
  ['0~30 * * * *', /`jitter` spreads/],
  ['0 0 L-3 * *', /Only L and LW are known/],
  ['0 0 32W * *', /32 is not within 1 to 31/],
  ['0 0 1-5W * *', /L, LW and 15W/],
  ['0 0 W * *', /L, LW and 15W/],
  ['0 0 5L * *', /L, LW and 15W/],
  ['0 0 * * L', /5L/],
  ['0 0 * * 5W', /5L and 5#3/],
  ['0 0 * * 5#0', /1 to 5, or L/],
  ['0 0 * * 5#6', /1 to 5, or L/],
  ['0 0 * * 5#', /1 to 5, or L/],
  ['0 0 * * 8#1', /8 is not within 0 to 7/],
  ['0 0 * * 1-5#2', /expected 0 to 7/],
  ['0 0 * * +', /empty item/],
  ['0 0 +1 * *', /expected a number/],
  ['L * * * *', /minute/],
  ['@reboot', /a start of the machine is not a time/],
  ['@fortnightly', /Known are @yearly/],
  ['@daily 5', /Known are @yearly/],
  ['@', /Known are/],
  ['@every', /duration after @every/],
  ['@every soon', /duration after @every/],
  ['@every 0s', /duration after @every/],
  ['@every 90', /duration after @every/],
  ['CRON_TZ=Asia/Seoul 0 5 * * *', /Say `timezone`/],
  ['TZ=UTC 0 5 * * *', /Say `timezone`/],
  ['0 0 * * *\n0 1 * * *', /expected a number|got|is not a/],
  ['٣ * * * *', /expected a number/],
  [`${'1,'.repeat(600)}1 * * * *`, /longer than 1000/],
];

describe('refused, with what to write instead', () => {
  for (const [text, answer] of invalid) {
    it(JSON.stringify(text.slice(0, 40)), () => {
      const error = refusalOf(text);
      assert.equal(error.code, 'CRON_INVALID');
      assert.match(`${error.message}. ${error.hint}`, answer);
    });
  }
});

test('a hint is itself an expression that works', () => {
  for (const [text] of invalid) {
    const { hint } = refusalOf(text);
    const [, instead] = /^Write (\S+)\.$/.exec(hint) ?? [];
    if (instead === undefined || instead === '*') continue;
    const fields = text.split(' ');
    const index = fields.findIndex((field) => /\d+[/-]|[a-z]+-/i.test(field));
    parseCron(fields.with(index, instead).join(' '));
  }
});

test('whatever comes, it is read or refused', () => {
  const letters = ['*', '/', '-', ',', '?', '+', 'L', 'W', '#', ' ', ' ', ' ', '\t', '0', '1', '5', '12', '59', '60'];
  const words = [
    '*',
    '*',
    '*',
    '0',
    '*/5',
    '1-5',
    'mon',
    'JAN',
    'sat-sun',
    '5L',
    '5#3',
    'LW',
    '15W',
    '@daily',
    '\0',
    '💥',
  ];
  fuzz((random) => {
    const isWords = random.below(2) === 0;
    const length = isWords ? 3 + random.below(6) : random.below(24);
    const parts = Array.from({ length }, () => pick(random, isWords ? words : letters));
    const text = parts.join(isWords ? ' ' : '');
    try {
      const ticks = cronTicks(parseCron(text), { timezone: 'UTC', gap: 'after', fold: 'first' });
      const next = ticks.next(1.7e12);
      assert.ok(next === undefined || next > 1.7e12, text);
    } catch (error) {
      assert.ok(error instanceof ServeryError && error.code === 'CRON_INVALID', `${text}: ${String(error)}`);
    }
  });
});

function refusalOf(text: string): ServeryError {
  try {
    parseCron(text);
  } catch (error) {
    if (error instanceof ServeryError) return error;
    throw error;
  }
  return assert.fail(`${text} was accepted`);
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.below(values.length)]!;
}
