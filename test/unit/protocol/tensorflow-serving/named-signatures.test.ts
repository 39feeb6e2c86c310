/** Signatures by name: what a view of a model takes, fills in and gives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkInputs, type Signature } from '../../../../src/core/signature.ts';
import type { Tensor } from '../../../../src/core/tensor.ts';
import { classesOf, encodeResults } from '../../../../src/protocol/tensorflow-serving/examples.ts';
import { outputOf } from '../../../../src/protocol/tensorflow-serving/method-signature.ts';
import { requestDialect } from '../../../../src/protocol/tensorflow-serving/request-json.ts';
import {
  signatureView,
  signatureViews,
  sizeMismatch,
} from '../../../../src/protocol/tensorflow-serving/named-signatures.ts';

const whole: Signature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [null] },
    { name: 'wide', datatype: 'FP64', shape: [null, 2], missing: 'nan' },
    { name: 'half', datatype: 'FP16', shape: [null], missing: 'nan' },
    { name: 'note', datatype: 'BYTES', shape: [null] },
    { name: 'n', datatype: 'INT64', shape: [null, 2] },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [null] },
    { name: 'z', datatype: 'FP32', shape: [null] },
  ],
  batched: true,
  named: { other: { method: 'regress', inputs: { value: 'x' }, outputs: { outputs: 'z' } } },
};
const value = { name: 'value', datatype: 'FP32' as const, shape: [2], data: Float32Array.of(1, 2) };

test('a view has its own names, and what it leaves out is filled in', () => {
  const view = signatureView(whole, 'other')!;
  assert.deepEqual(
    [view.signature.inputs, view.signature.outputs].map((specs) => specs.map(({ name }) => name)),
    [['value'], ['outputs']],
  );
  const { tensors, rows } = checkInputs(whole, view.complete([value]));
  assert.equal(rows, 2);
  assert.deepEqual(
    tensors.map(({ data }) => data),
    [
      Float32Array.of(1, 2),
      Float64Array.of(NaN, NaN, NaN, NaN),
      Uint16Array.of(0x7e00, 0x7e00),
      ['', ''],
      BigInt64Array.of(0n, 0n, 0n, 0n),
    ],
  );
  const outputs = ['y', 'z'].map((name) => ({ name, datatype: 'FP32', shape: [], data: [] }) as unknown as Tensor);
  assert.deepEqual(view.pick(outputs), [outputs[1]]);
});

test('the whole model is the default where no other is, and an unknown name is none', () => {
  assert.equal(signatureView(whole, '')?.signature, whole);
  assert.equal(signatureView(whole, 'serving_default')?.isDeclared, false);
  assert.deepEqual(
    signatureViews(whole).map(({ name, method }) => [name, method]),
    [
      ['serving_default', 'predict'],
      ['other', 'regress'],
    ],
  );
  for (const name of ['none', 'constructor', '__proto__']) assert.equal(signatureView(whole, name), undefined);
});

test('inputs of the model are not those of a view that leaves them out', () => {
  const view = signatureView(whole, 'other')!;
  const message = sizeMismatch(['value'], [{ ...value, name: 'x' }]);
  assert.equal(
    message,
    'input size does not match signature: 1!=1 len({x}) != len({value}). Sent extra: {x}. Missing but required: {value}.',
  );
  assert.throws(() => view.complete([{ ...value, name: 'x' }]), { code: 'INVALID_INPUT', message });
});

test('a signature may have classes without scores', () => {
  const labels: Signature = {
    inputs: whole.inputs.slice(0, 1),
    outputs: [
      { name: 'label', datatype: 'BYTES', shape: [null] },
      { name: 'y', datatype: 'FP32', shape: [null] },
    ],
    batched: true,
    named: { label: { method: 'classify', inputs: { x: 'x' }, outputs: { classes: 'label' } } },
  };
  const { view, output } = outputOf(labels, 'classify', 'label');
  const own = view.pick([
    { datatype: 'BYTES', shape: [2], data: ['cat', Buffer.from('dög')] },
    { datatype: 'FP32', shape: [2], data: Float32Array.of(1, 2) },
  ]);
  assert.deepEqual(classesOf(view.signature, own, output), [
    [{ label: 'cat', score: 0 }],
    [{ label: 'dög', score: 0 }],
  ]);
  const json = encodeResults(view.signature, own, output, 'classify', requestDialect(true));
  assert.equal(json, '{"results":[[["cat",0.0]],[["dög",0.0]]]}');
  assert.throws(() => outputOf(labels, 'regress', 'label'), /method_name to be tensorflow\/serving\/regress/);
});
