import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ValueHint } from '../../../src/core/model.ts';
import type { Signature, TensorSpec } from '../../../src/core/signature.ts';
import { withHints } from '../../../src/models/signature-hints.ts';

const spec = (name: string, datatype: TensorSpec['datatype'], ...shape: (number | null)[]): TensorSpec => ({
  name,
  datatype,
  shape,
});
const artifact = (...inputs: readonly TensorSpec[]): Signature => ({
  inputs,
  outputs: [spec('label', 'INT64', null), spec('name', 'BYTES', null)],
  batched: true,
});
const column = (name: string | undefined, kind: ValueHint['kind'] = 'number'): ValueHint => ({
  ...(name !== undefined && { name }),
  type: kind,
  kind,
});
const tensor = (shape: readonly (number | null)[], name?: string, kind: ValueHint['kind'] = 'number'): ValueHint => ({
  ...column(name, kind),
  shape,
});
const iris = artifact(spec('X', 'FP32', null, 2));
type Given = Parameters<typeof withHints>[2];

function resolve(signature: Signature, inputs: readonly ValueHint[], given: Given = {}, outputs: ValueHint[] = []) {
  return withHints(signature, { file: 'HINTS', inputs, outputs }, given);
}

describe('withHints()', () => {
  it('changes nothing where nothing is said', () => {
    assert.deepEqual(withHints(iris, undefined, {}), { signature: iris, notes: [] });
    assert.equal(resolve(iris, []).signature, iris);
  });

  it('takes the names of columns as features of the only input', () => {
    const { signature, notes } = resolve(iris, [column('a'), column('b', 'integer')]);
    assert.deepEqual(signature.inputs[0], { ...iris.inputs[0], features: ['a', 'b'] });
    assert.deepEqual(notes, ['input "X": 2 features by HINTS']);
    const free = resolve(artifact(spec('X', 'FP64', null, null)), [column('a'), column('b')]).signature;
    assert.deepEqual(
      [free.inputs[0]!.shape, free.inputs[0]!.features],
      [
        [null, 2],
        ['a', 'b'],
      ],
    );
  });

  it('leaves the names to model.yaml where it has some, of the same number', () => {
    const columns = [column('a'), column('b')];
    assert.equal(resolve(iris, columns, { X: { features: ['c', 'd'] } }).signature, iris);
    assert.throws(() => resolve(iris, columns, { X: { features: ['c'] } }), {
      code: 'MODEL_INVALID',
      message: 'HINTS does not fit the artifact: it has 2 columns, and model.yaml names 1 features',
    });
    assert.ok(resolve(iris, columns, { X: { missing: 'nan' } }).signature.inputs[0]!.features);
  });

  const two = artifact(spec('age', 'INT64', null, 1), spec('city', 'BYTES', null, 1));
  for (const [what, signature, hints] of [
    ['columns without names', iris, [column(undefined), column(undefined)]],
    ['a tensor without a name', iris, [tensor([null, 2])]],
    ['a tensor with a name', iris, [tensor([null, null], 'X')]],
    ['a tensor of fixed rows', iris, [tensor([5, 2], 'X')]],
    ['a column for each input, in another order', two, [column('city', 'text'), column('age', 'integer')]],
    ['types that say nothing', two, [column('age', 'any'), column('city', 'any')]],
  ] as const) {
    it(`keeps the artifact's own inputs with ${what}`, () => {
      assert.equal(resolve(signature, hints).signature, signature);
    });
  }

  for (const [what, signature, hints, problem] of [
    [
      'too many columns',
      iris,
      [column('a'), column('b'), column('c')],
      'it has 3 columns ("a", "b", "c"), and input "X" of the artifact is FP32 [*, 2]',
    ],
    ['one column', iris, [column('a')], 'it has 1 column ("a"), and input "X" of the artifact is FP32 [*, 2]'],
    [
      'columns for a vector',
      artifact(spec('x', 'FP32', null)),
      [column('a')],
      'it has 1 column ("a"), and input "x" of the artifact is FP32 [*]',
    ],
    [
      'a text for a number',
      iris,
      [column('a'), column('b', 'text')],
      'its column "b" is "text", and input "X" of the artifact is FP32 [*, 2]',
    ],
    [
      'a fraction for an integer',
      two,
      [column('age'), column('city', 'text')],
      'its column "age" is "number", and input "age" of the artifact is INT64 [*, 1]',
    ],
    [
      'what no tensor holds',
      two,
      [column('age', 'integer'), column('city', 'none')],
      'its column "city" is "none", and input "city" of the artifact is BYTES [*, 1]',
    ],
    [
      'other inputs',
      two,
      [column('age', 'integer'), column('town', 'text')],
      'its inputs are "age", "town", those of the artifact "age", "city"',
    ],
    ['an input less', two, [column('age', 'integer')], 'its inputs are "age", those of the artifact "age", "city"'],
    ['another tensor', iris, [tensor([null, 2], 'Y')], 'its inputs are "Y", those of the artifact "X"'],
    ['two tensors', iris, [tensor([2]), tensor([2])], 'its inputs are 2 without names, those of the artifact "X"'],
    [
      'a tensor of another width',
      iris,
      [tensor([null, 3])],
      'it has a tensor of the shape [*, 3], and input "X" of the artifact is FP32 [*, 2]',
    ],
    [
      'a tensor of another rank',
      iris,
      [tensor([null])],
      'it has a tensor of the shape [*], and input "X" of the artifact is FP32 [*, 2]',
    ],
    [
      'a tensor of booleans',
      iris,
      [tensor([null, 2], undefined, 'boolean')],
      'its tensor is "boolean", and input "X" of the artifact is FP32 [*, 2]',
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      const message = `HINTS does not fit the artifact: ${problem}`;
      assert.throws(() => resolve(signature, hints), { code: 'MODEL_INVALID', message });
    });
  }

  it('refuses an output of another type by the name of one, and passes over others', () => {
    const fits = [column('label', 'number'), column('name', 'text'), tensor([null], undefined, 'boolean'), column('z')];
    assert.equal(resolve(iris, [], {}, fits).signature, iris);
    assert.throws(() => resolve(iris, [], {}, [column('label', 'text')]), {
      message:
        'HINTS does not fit the artifact: its column "label" is "text", and output "label" of the artifact is INT64 [*]',
    });
  });
});
