// What a bench's ratios mean.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { valuesOf } from '../../../bench/arena/answer.ts';
import { lineOf, takeTurns, textOf } from '../../../bench/table.ts';

describe('takeTurns', () => {
  it('measures ours before and after each of theirs, once for two neighbours', async () => {
    const order: string[] = [];
    const measure = (who: string) => async () => order.push(who);
    const measured = await takeTurns(2, measure('theirs'), measure('ours'));
    assert.deepEqual(order, ['ours', 'theirs', 'ours', 'theirs', 'ours']);
    assert.deepEqual(measured, [
      { ours: [1, 3], theirs: 2 },
      { ours: [3, 5], theirs: 4 },
    ]);
  });
});

describe('lineOf', () => {
  const same = (value: number) => value;
  const measured = [
    { ours: [90, 110], theirs: 50 },
    { ours: [110, 130], theirs: 40 },
    { ours: [130, 150], theirs: 100 },
  ];

  it('takes the ratio of each repetition before their median', () => {
    const line = lineOf('case', measured, same, { against: 'other', goal: { atLeast: 2 } });
    assert.equal(line.ratio, 2);
    assert.deepEqual(line.spread, [1.4, 3]);
    assert.equal(line.drift, 0.2);
    assert.equal(line.reached, true);
  });

  it('counts the errors of a measurement once, though two repetitions have it', () => {
    const before = { value: 1, errors: 2 };
    const between = { value: 1, errors: 3 };
    const line = lineOf(
      'case',
      [
        { ours: [before, between], theirs: { value: 1, errors: 4 } },
        { ours: [between, between], theirs: { value: 1, errors: 0 } },
      ],
      ({ value }) => value,
      { against: 'other', errors: ({ errors }) => errors },
    );
    assert.deepEqual([line.errors, line.theirErrors], [5, 4]);
    assert.match(textOf(line), /5\/4/);
  });
});

describe('valuesOf', () => {
  const values = [0.25, 0.75];

  it('finds an output in every form of answer', () => {
    const openInference = {
      outputs: [
        { name: 'label', data: [1] },
        { name: 'p', data: values },
      ],
    };
    const answers = [openInference, { p: [values] }, { p: values }, { predictions: { p: [values] } }, [values]];
    for (const answer of answers) assert.deepEqual(valuesOf(answer, 'p'), values);
  });
});
