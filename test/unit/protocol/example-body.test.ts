import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Signature } from '../../../src/core/signature.ts';
import { bodyUnder, decodeExampleBody } from '../../../src/protocol/example-body.ts';

const signature: Signature = {
  inputs: [{ name: 'x', datatype: 'INT64', shape: [null, 2], features: ['a', 'b'] }],
  outputs: [],
  batched: true,
};

describe('decodeExampleBody()', () => {
  for (const text of [
    '{"inputs": [{"name": "x", "datatype": "INT64", "shape": [1, 2], "data": [1, 9007199254740993]}]}',
    '{"inputs": [[1, 9007199254740993]]}',
    '{"inputs": {"a": [1], "b": [9007199254740993]}}',
    '{"dataframe_split": {"columns": ["b", "a"], "data": [[9007199254740993, 1]]}}',
    '{"dataframe_records": [{"a": 1, "b": 9007199254740993}]}',
    bodyUnder('inputs', ' [[1, 9007199254740993]]\n'),
    bodyUnder('inputs', '{"inputs": [[1, 9007199254740993]]}'),
    bodyUnder('inputs', '{"a": 1, "b": 9007199254740993}'),
  ]) {
    it(`reads ${text}`, () => {
      const { tensors } = decodeExampleBody(text, signature);
      assert.deepEqual(
        tensors.map(({ name, data }) => [name, ...data]),
        [['x', 1n, 2n ** 53n + 1n]],
      );
    });
  }

  it('keeps rows for people only where each is an object', () => {
    assert.deepEqual(decodeExampleBody('{"rows": [{"a": 1, "b": 2}]}', signature).rows, [{ a: 1, b: 2 }]);
    assert.equal(decodeExampleBody('{"rows": [{"a": 1, "b": 2}, [1, 2]]}', signature).rows, undefined);
  });

  for (const text of ['[]', '3', '{}', '{"rows": []}', '{"rows": 1}', '{"messages": []}', '{', '']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => decodeExampleBody(text, signature), { code: 'INVALID_REQUEST' });
    });
  }
});
