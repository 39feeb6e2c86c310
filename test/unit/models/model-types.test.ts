import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Signature } from '../../../src/core/signature.ts';
import { printModelTypes } from '../../../src/models/model-types.ts';

const signature: Signature = {
  batched: true,
  inputs: [
    { name: 'X', datatype: 'FP32', shape: [null, 2], features: ['length', 'width-cm'] },
    { name: 'plan', datatype: 'BYTES', shape: [null] },
    { name: 'image', datatype: 'UINT8', shape: [null, 8, 8] },
  ],
  outputs: [
    { name: 'label', datatype: 'INT64', shape: [null], labels: ['a', 'b'] },
    { name: 'probabilities', datatype: 'FP32', shape: [null, 2], labels: ['a', 'b'] },
  ],
};

describe('printModelTypes()', () => {
  const text = printModelTypes('my-iris.2', signature);

  it('has a key for each feature, quoted where it must be', () => {
    assert.match(text, /interface MyIris2Row \{\n {2}readonly length: number;\n {2}readonly "width-cm": number;/);
  });

  it('nests lists as deep as the shape of a row', () => {
    assert.match(
      text,
      /readonly plan: string;\n {2}readonly image: readonly readonly number\[\]\[\];|readonly image: readonly \(readonly number\[\]\)\[\];/,
    );
  });

  it('says that a floating-point answer may be null', () => {
    assert.match(text, /readonly probabilities: readonly \(number \| null\)\[\];/);
  });

  it('names classes where labels are asked for', () => {
    assert.match(text, /readonly label: "a" \| "b";\n {2}readonly "probabilities\.a": number \| null;/);
  });

  it('merges into the client', () => {
    assert.match(
      text,
      /declare module 'servery\/client' \{\n {2}interface Models \{\n {4}"my-iris\.2": \{ row: MyIris2Row/,
    );
  });
});
