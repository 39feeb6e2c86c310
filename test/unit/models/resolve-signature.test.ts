import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Signature, TensorSpec } from '../../../src/core/signature.ts';
import { resolveSignature } from '../../../src/models/resolve-signature.ts';

const spec = (name: string, datatype: TensorSpec['datatype'], ...shape: (number | null)[]): TensorSpec => ({
  name,
  datatype,
  shape,
});

const iris: Signature = {
  inputs: [spec('X', 'FP32', null, 3)],
  outputs: [spec('label', 'INT64', null), spec('probabilities', 'FP32', null, 2)],
  batched: true,
};

describe('resolveSignature()', () => {
  it('is the signature of the artifact when model.yaml says nothing', () => {
    assert.deepEqual(resolveSignature(iris, { inputs: {}, outputs: {}, signatures: {} }), {
      signature: iris,
      notes: [],
    });
  });

  it('names features and labels, and gives the labels to the probabilities beside them', () => {
    const { signature, notes } = resolveSignature(iris, {
      inputs: { X: { features: ['a', 'b', 'c'], missing: 'nan' } },
      outputs: { label: { labels: ['no', 'yes'] } },
      signatures: {},
    });
    assert.deepEqual(signature.inputs[0]?.features, ['a', 'b', 'c']);
    assert.equal(signature.inputs[0].missing, 'nan');
    assert.deepEqual(
      signature.outputs.map(({ labels }) => labels),
      [
        ['no', 'yes'],
        ['no', 'yes'],
      ],
    );
    assert.deepEqual(notes, [
      'input "X": 3 features, missing values are NaN by model.yaml',
      'output "label": 2 labels by model.yaml',
      'output "probabilities": one column for each label of "label"',
    ]);
  });

  it('fixes a free number of columns to that of the features', () => {
    const free = { ...iris, inputs: [spec('X', 'FP32', null, null)] };
    const { signature } = resolveSignature(free, {
      inputs: { X: { features: ['a', 'b'] } },
      outputs: {},
      signatures: {},
    });
    assert.deepEqual(signature.inputs[0]?.shape, [null, 2]);
  });

  for (const [what, inputs, outputs, problem] of [
    ['too few features', { X: { features: ['a', 'b'] } }, {}, /it has 3 columns, and model.yaml names 2 features/],
    ['a feature twice', { X: { features: ['a', 'b', 'a'] } }, {}, /feature "a" is named twice/],
    ['an unknown input', { Y: { features: ['a'] } }, {}, /names input "Y"; the artifact has "X"/],
    ['an unknown output', {}, { class: { labels: ['a'] } }, /names output "class"; .* "label", "probabilities"/],
    ['a name of Object', { constructor: { features: ['a'] } }, {}, /names input "constructor"/],
    ['too many labels of columns', {}, { probabilities: { labels: ['a', 'b', 'c'] } }, /2 columns, .* 3 labels/],
    ['a label twice', {}, { label: { labels: ['a', 'a'] } }, /label "a" is named twice/],
  ] as const) {
    it(`refuses ${what}`, () => {
      const options = { inputs, outputs, signatures: {} } as Parameters<typeof resolveSignature>[1];
      assert.throws(() => resolveSignature(iris, options), { code: 'MODEL_INVALID', message: problem });
    });
  }

  for (const [input, options, problem] of [
    [spec('x', 'INT64', null, 1), { missing: 'nan' as const }, /needs a floating-point input, .* INT64/],
    [spec('x', 'FP32', null), { features: ['a'] }, /need the shape \[n, k\], and its shape is \[\*\]/],
    [spec('x', 'FP32', null, 2, 2), { features: ['a', 'b'] }, /its shape is \[\*, 2, 2\]/],
  ] as const) {
    it(`refuses ${Object.keys(options).join()} for ${input.datatype} of rank ${input.shape.length}`, () => {
      const artifact = { ...iris, inputs: [input] };
      const given = { inputs: { x: options }, outputs: {}, signatures: {} } as unknown as Parameters<
        typeof resolveSignature
      >[1];
      assert.throws(() => resolveSignature(artifact, given), { code: 'MODEL_INVALID', message: problem });
    });
  }

  it('refuses features that have the name of another input: a row could not tell them apart', () => {
    const artifact = { ...iris, inputs: [spec('X', 'FP32', null, 2), spec('age', 'FP32', null)] };
    const options = { inputs: { X: { features: ['age', 'income'] } }, outputs: {}, signatures: {} };
    assert.throws(() => resolveSignature(artifact, options), { code: 'MODEL_INVALID', message: /"age" names two/ });
  });

  const named = (signatures: unknown, artifact = iris) =>
    resolveSignature(artifact, { inputs: {}, outputs: {}, signatures } as Parameters<typeof resolveSignature>[1]);

  it('names parts of the signature, under names of their own where wished', () => {
    const signatures = {
      serving_default: { method: 'predict', inputs: ['X'], outputs: ['label'] },
      scores: { method: 'classify', inputs: { inputs: 'X' }, outputs: { scores: 'probabilities' } },
    };
    const { signature, notes } = named(signatures);
    assert.deepEqual(signature.named, {
      serving_default: { method: 'predict', inputs: { X: 'X' }, outputs: { label: 'label' } },
      scores: { method: 'classify', inputs: { inputs: 'X' }, outputs: { scores: 'probabilities' } },
    });
    assert.deepEqual(notes, ['signatures by model.yaml: serving_default, scores']);
  });

  const free = { ...iris, inputs: [...iris.inputs, spec('tokens', 'INT64', null, null)] };
  for (const [what, part, problem, artifact] of [
    ['an unknown input', { inputs: ['Y'], outputs: ['label'] }, /input "Y"; the artifact has "X"/, iris],
    ['an unknown output', { inputs: ['X'], outputs: { a: 'b' } }, /output "b"; the artifact has "label"/, iris],
    ['an output twice', { inputs: ['X'], outputs: { a: 'label', b: 'label' } }, /output "label" twice/, iris],
    ['no inputs', { inputs: {}, outputs: ['label'] }, /it has no input/, iris],
    ['what cannot be filled in', { inputs: ['X'], outputs: ['label'] }, /leaves out input "tokens"/, free],
  ] as const) {
    it(`refuses a named signature with ${what}`, () => {
      const one = { method: 'predict', ...part };
      assert.throws(() => named({ part: one }, artifact), { code: 'MODEL_INVALID', message: problem });
    });
  }
});
