/** Expressions in words: each sentence agrees with what the expression does here, not with what cron libraries say. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { parseCron } from '../../../src/schedule/cron-syntax.ts';
import { explainCron } from '../../../src/schedule/explain.ts';
import { describeCron } from '../../../src/schedule/words.ts';

const sentences: Readonly<Record<string, string>> = {
  '* * * * *': 'Every minute',
  '*/30 * * * *': 'Every 30 minutes',
  '0 * * * *': 'Every hour',
  '0 20 * * *': 'At 20:00, every day',
  '0 20 * * 1-5': 'At 20:00, on Monday through Friday',
  '0 */2 * * *': 'On the hour, every 2 hours',
  '0 8-18/2 * * *': 'On the hour, every 2 hours, between 08:00 and 18:00, every day',
  '15 0 3 * * *': 'At 03:00:15, every day',
  '*/10 * * * * *': 'Every 10 seconds',
  '0 9-17 * * mon-fri': 'Every hour, between 09:00 and 17:00, on Monday through Friday',
  // A step that does not divide the hour or the day begins anew: the values are said.
  '*/25 * * * *': 'At 0, 25, and 50 minutes past the hour',
  '30 */5 * * *': 'At 00:30, 05:30, 10:30, 15:30 and 20:30',
  '0 8-19/3 * * *': 'At 08:00, 11:00, 14:00 and 17:00, every day',
  '*/90 * * * *': 'Every hour',
  '0 0 */10 * *': 'At 00:00, on day 1, 11, 21, and 31 of the month',
  '0 0 * * */2': 'At 00:00, on Tuesday, Thursday, Saturday, and Sunday',
  // Two day fields: either, or both with a plus.
  '0 0 13 * 5': 'At 00:00, on day 13 of the month or on Friday',
  '0 0 13 * +5': 'At 00:00, on day 13 of the month, if that is on Friday',
  '0 0 1-7 * +1': 'At 00:00, between day 1 and 7 of the month, if that is on Monday',
  '0 0 L,15 * 5#3,1':
    'At 00:00, on day 15 of the month and on the last day of the month or on Monday and on the third Friday of the month',
  '0 0 L * *': 'At 00:00, on the last day of the month',
  '0 0 LW * *': 'At 00:00, on the last weekday of the month',
  '0 0 10,LW * *': 'At 00:00, on day 10 of the month and on the last weekday of the month',
  '0 0 15W * *': 'At 00:00, on the weekday nearest day 15 of the month',
  '0 0 * * 5L': 'At 00:00, on the last Friday of the month',
  '0 0 * * fri#l': 'At 00:00, on the last Friday of the month',
  '0 0 * * sat-sun': 'At 00:00, on Saturday and Sunday',
  '0 0 * * 5-7': 'At 00:00, on Friday through Sunday',
  '0 0 * * 0': 'At 00:00, on Sunday',
  '0 0 * * 7': 'At 00:00, on Sunday',
  '0 0 ? 6 ?': 'At 00:00, every day, only in June',
  '0 0 * 3-11 *': 'At 00:00, every day, in March through November',
  '0 0 1 */3 *': 'At 00:00, on day 1 of the month, only in January, April, July, and October',
  '0 0 0 1 1 * 2027': 'At 00:00, on day 1 of the month, only in January, only in 2027',
  '@hourly': 'Every hour',
  '@every 90m': 'Every 90m of real time',
};

describe('in words', () => {
  for (const [expression, sentence] of Object.entries(sentences)) {
    it(expression, () => assert.equal(describeCron(parseCron(expression)), sentence));
  }
});

describe('warnings', () => {
  const warningsOf = (text: string) => explainCron(text, 'UTC', 0, 1).warnings.join(' ');

  it('two day fields that restrict, and how to say both', () => {
    assert.match(warningsOf('0 0 13 * 5'), /either one fires.*a plus before the day of week: 0 0 13 \* \+5/);
    assert.doesNotMatch(warningsOf('0 0 13 * 5'), /vixie/);
    assert.match(warningsOf('0 30 6 1,15 * */2'), /vixie's cron and cronie demand both.*0 30 6 1,15 \* \+\*\/2/);
    assert.equal(warningsOf('0 0 13 * +5') + warningsOf('0 0 */2 * *') + warningsOf('0 0 ? * 5'), '');
  });

  it('dates that do not exist', () => {
    assert.match(warningsOf('0 0 31 2,4,6,9,11 *'), /never fires/);
    assert.deepEqual(explainCron('0 0 30 2 *', 'UTC', 0, 10).next, []);
  });

  it('steps that are not what they seem', () => {
    assert.match(warningsOf('*/90 * * * *'), /only minute 0 is left/);
    assert.match(warningsOf('*/7 * * * *'), /begin anew with each hour: from minute 56 it goes to minute 0/);
    assert.equal(warningsOf('*/15 */6 * * *'), '');
  });
});

describe('changes of the clock', () => {
  const notesOf = (text: string, timezone: string, from: string, count = 10) =>
    explainCron(text, timezone, Date.parse(from), count).notes.join('\n');

  it('a fixed time that does not exist, or comes twice', () => {
    const newYork = 'America/New_York';
    assert.match(
      notesOf('30 2 * * *', newYork, '2024-03-08'),
      /2024-03-10 02:30 does not exist; it fires once, right after/,
    );
    assert.match(
      notesOf('30 1 * * *', newYork, '2024-11-01'),
      /2024-11-03 01:30 comes twice; it fires at the first only/,
    );
  });

  it('real time goes on for stars', () => {
    assert.match(notesOf('*/30 * * * *', 'America/New_York', '2024-11-03T05:00Z'), /comes twice; it fires both times/);
    assert.match(
      notesOf('15 * * * *', 'America/New_York', '2024-03-10T05:00Z'),
      /02:15 does not exist; what does not exist/,
    );
  });

  it('a day that does not exist', () => {
    assert.match(notesOf('0 12 * * *', 'Pacific/Apia', '2011-12-28'), /2011-12-30 12:00 does not exist; what does not/);
  });

  it('none where the zone has none, or the span ends before', () => {
    assert.equal(notesOf('0 20 * * *', 'Asia/Seoul', '2024-03-01', 100), '');
    assert.equal(notesOf('0 20 * * *', 'Europe/Paris', '2024-06-01'), '');
  });

  it('many are counted', () => {
    const notes = notesOf('0 0 1 1 *', 'Europe/Paris', '2020-06-01');
    assert.equal(notes.split('\n').length, 3);
    assert.match(notes, /The clock changes 17 more times/);
  });
});

test('a span that covers nothing new is not asked of the zone for ever', () => {
  const started = performance.now();
  explainCron('0 0 29 2 *', 'America/New_York', Date.parse('2024-03-01'), 10);
  assert.ok(performance.now() - started < 1000);
});
