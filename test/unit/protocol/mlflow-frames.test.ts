/** Frames and tensors for models whose `MLmodel` has tensors, in the words of MLflow where they do not fit. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Signature } from '../../../src/core/signature.ts';
import type { ValueHint } from '../../../src/core/model.ts';
import { DEFAULT_DECODE_LIMITS } from '../../../src/protocol/json.ts';
import { pandasFloat } from '../../../src/protocol/mlflow/pandas-float.ts';
import { decodeScoring } from '../../../src/protocol/mlflow/scoring-request.ts';
import { parseSchema } from '../../../src/repository/mlmodel-schema.ts';

const FLOATS = { type: 'tensor', 'tensor-spec': { dtype: 'float32', shape: [-1, 4] } };
const CUBE = { ...FLOATS, name: 'a', 'tensor-spec': { dtype: 'float32', shape: [-1, 2, 3] } };

function decode(hint: typeof FLOATS, body: string, profile: 'strict' | 'mlflow-compat' = 'mlflow-compat') {
  const { shape } = hint['tensor-spec'];
  const input = { name: 'a', datatype: 'FP32' as const, shape: shape.map((size) => (size === -1 ? null : size)) };
  const signature: Signature = { inputs: [input], outputs: [], batched: true };
  const declared = { inputs: parseSchema('inputs', JSON.stringify([hint])) as readonly ValueHint[] };
  return decodeScoring(Buffer.from(body), 'json', { signature, declared, profile }, DEFAULT_DECODE_LIMITS);
}

describe('a model with tensors in MLmodel', () => {
  for (const [hint, body, problem] of [
    [FLOATS, '{"inputs": [[1, 2, 3]]}', /^Shape of input \(1, 3\) does not match expected shape \(-1, 4\)\.$/],
    [FLOATS, '{"inputs": [1, 2, 3]}', /^Shape of input \(3,\) does not match expected shape \(-1, 4\)\.$/],
    [FLOATS, '{"inputs": 1.5}', /^Shape of input \(\) does not match expected shape \(-1, 4\)\.$/],
    [
      FLOATS,
      '{"dataframe_split": {"columns": ["a","b"], "data": [[1, 2]]}}',
      /unnamed input.* passed had 2 columns and/,
    ],
    [
      FLOATS,
      '{"dataframe_split": {"columns": ["a"], "data": [[1]]}}',
      /^The input pandas dataframe column 'None' contains/,
    ],
    [
      CUBE,
      '{"dataframe_split": {"columns": ["a"], "data": [[1]]}}',
      /^The input pandas dataframe column 'a' contains scalar/,
    ],
    [
      CUBE,
      '{"dataframe_records": [{"a": [1, 2, 3]}]}',
      /column 'a' could not be converted to the expected shape of: '\(-1, 2, 3\)'/,
    ],
    [
      CUBE,
      '{"inputs": [[[1, 2], [3, 4]]]}',
      /^Shape of input \(1, 2, 2\) does not match expected shape \(-1, 2, 3\)\.$/,
    ],
  ] as const) {
    test(`refuses ${body} as the schema of ${JSON.stringify(hint['tensor-spec'].shape)} is not met`, () => {
      for (const profile of ['strict', 'mlflow-compat'] as const) {
        assert.throws(() => decode(hint, body, profile), { code: 'INVALID_INPUT', message: problem });
      }
    });
  }

  test('takes flat and nested lists in the column of a frame', () => {
    for (const list of ['[0,1,2,3,4,5]', '[[0,1,2],[3,4,5]]']) {
      const [tensor] = decode(CUBE, `{"dataframe_records": [{"a": ${list}}]}`).tensors;
      assert.deepEqual([tensor!.shape, tensor!.data], [[1, 2, 3], Float32Array.of(0, 1, 2, 3, 4, 5)]);
    }
  });

  test('has no names to call its tensor by, in the profile', () => {
    assert.throws(() => decode(FLOATS, '{"inputs": {"a": [[1, 2, 3, 4]]}}'), /un-named {2}model signature/);
    assert.throws(() => decode(FLOATS, '{"instances": [{"a": [1, 2, 3, 4]}]}'), { code: 'INVALID_INPUT' });
    assert.equal(decode(FLOATS, '{"inputs": {"a": [[1, 2, 3, 4]]}}', 'strict').tensors.length, 1);
  });
});

test('a row that is too short is not filled up', () => {
  const input = (name: string) => ({ name, datatype: 'FP32' as const, shape: [null] });
  const signature: Signature = { inputs: [input('a'), input('b')], outputs: [], batched: true };
  const body = Buffer.from('{"inputs": [[1], [2]]}');
  for (const profile of ['strict', 'mlflow-compat'] as const) {
    assert.throws(() => decodeScoring(body, 'json', { signature, profile }, DEFAULT_DECODE_LIMITS), /expected 2/);
  }
});

test('floats in CSV are those of pandas, though they may be neighbours of the nearest', () => {
  for (const [cell, value] of [
    ['0.03568027877359614', 0.0356802787735961],
    ['9007199254740993.5', 9007199254740992],
    ['.5', 0.5],
    ['3.', 3],
    ['-2.5e2', -250],
    ['00000000000000000001.5', 0],
  ] as const) {
    assert.equal(pandasFloat(cell), value, cell);
  }
  for (const cell of ['', '.', 'e5', '1e', '0x10', 'nan', '1_000']) assert.equal(pandasFloat(cell), undefined, cell);
});
