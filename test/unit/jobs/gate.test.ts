import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Signature } from '../../../src/core/signature.ts';
import { judge, type Evidence } from '../../../src/jobs/train/gate.ts';
import { gateOptions } from '../../../src/jobs/train/options.ts';

const signature: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [null, 4] }],
  outputs: [{ name: 'y', datatype: 'INT64', shape: [null] }],
  batched: true,
};

const CASES: readonly [what: string, gate: object, evidence: Partial<Evidence>, refusal: RegExp | undefined][] = [
  ['anything without a gate', {}, {}, undefined],
  ['a metric above the minimum', { metric: 'auc', minimum: 0.8 }, { metrics: { auc: 0.8 } }, undefined],
  [
    'a metric below it',
    { metric: 'auc', minimum: 0.8 },
    { metrics: { auc: 0.79 } },
    /auc is 0.79, expected at least 0.8/,
  ],
  [
    'a loss below its maximum',
    { metric: 'loss', higherIsBetter: false, minimum: 0.3 },
    { metrics: { loss: 0.2 } },
    undefined,
  ],
  [
    'a loss above it',
    { metric: 'loss', higherIsBetter: false, minimum: 0.3 },
    { metrics: { loss: 0.4 } },
    /at most 0.3/,
  ],
  ['no metrics at all', { metric: 'auc' }, {}, /metrics.json has no number auc/],
  ['a metric that is a text', { metric: 'auc' }, { metrics: { auc: '0.9' } }, /no number auc/],
  [
    'as much worse as is allowed',
    { metric: 'auc', notWorseBy: 0.01 },
    { metrics: { auc: 0.89 }, ...before(0.9) },
    undefined,
  ],
  [
    'worse by more',
    { metric: 'auc', notWorseBy: 0.01 },
    { metrics: { auc: 0.88 }, ...before(0.9) },
    /worse than the 0.9/,
  ],
  ['the first version', { metric: 'auc', notWorseBy: 0 }, { metrics: { auc: 0.1 } }, undefined],
  [
    'a version before without metrics',
    { metric: 'auc', notWorseBy: 0 },
    { metrics: { auc: 0.1 }, ...before(undefined) },
    undefined,
  ],
  [
    'a larger loss',
    { metric: 'auc', higherIsBetter: false, notWorseBy: 0 },
    { metrics: { auc: 2 }, ...before(1) },
    /worse/,
  ],
  [
    'too many other answers',
    held({ maxChangedRate: 0.1 }),
    rows({ changed: 11 }),
    /11 of 100 held-out rows are answered differently/,
  ],
  ['as many other answers as are allowed', held({ maxChangedRate: 0.1 }), rows({ changed: 10 }), undefined],
  [
    'too few right answers',
    held({ target: 't', minimumAccuracy: 0.9 }),
    rows({ right: 89 }),
    /89 of 100 .* at least 0.9/,
  ],
  [
    'fewer right answers than before',
    held({ target: 't', notWorseBy: 0.01 }),
    rows({ right: 88, rightBefore: 90 }),
    /90 by the version before/,
  ],
  ['a held-out file without rows', held({}), { heldOut: { rows: 0, changed: 0, right: 0, rightBefore: 0 } }, /no rows/],
];

describe('the gate', () => {
  for (const [what, gate, evidence, refusal] of CASES) {
    it(`${refusal === undefined ? 'lets pass' : 'refuses'} ${what}`, () => {
      const full: Evidence = { signature, metrics: undefined, before: undefined, heldOut: undefined, ...evidence };
      const { refusals } = judge(gateOptions.parse(gate), full);
      if (refusal === undefined) assert.deepEqual(refusals, []);
      else assert.match(refusals.join('\n'), refusal);
    });
  }

  it('refuses other inputs and outputs, and says which', () => {
    const other: Signature = { ...signature, inputs: [{ name: 'x', datatype: 'FP64', shape: [null, 5] }] };
    const evidence: Evidence = {
      signature: other,
      metrics: undefined,
      before: { signature, metrics: undefined },
      heldOut: undefined,
    };
    const { refusals } = judge(gateOptions.parse({}), evidence);
    assert.deepEqual(refusals, ['its inputs are x FP64[*, 5], those of the version before are x FP32[*, 4]']);
    assert.deepEqual(judge(gateOptions.parse({ allowOtherSignature: true }), evidence).refusals, []);
  });
});

function before(auc: number | undefined): Pick<Evidence, 'before'> {
  return { before: { signature, metrics: auc === undefined ? undefined : { auc } } };
}

function held(rules: object): object {
  return { heldOut: { input: 'rows.csv', ...rules } };
}

function rows(figures: Partial<NonNullable<Evidence['heldOut']>>): Pick<Evidence, 'heldOut'> {
  return { heldOut: { rows: 100, changed: undefined, right: undefined, rightBefore: undefined, ...figures } };
}
