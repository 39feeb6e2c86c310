import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TensorSpec } from '../../../../src/core/signature.ts';
import type { Datatype, Tensor } from '../../../../src/core/tensor.ts';
import { readRows, writeRows } from '../../../../src/runtime/handler/rows.ts';

const spec = (datatype: Datatype, ...inner: (number | null)[]): TensorSpec => ({
  name: 'v',
  datatype,
  shape: [null, ...inner],
});
const read = (tensor: Tensor, as: 'text' | 'bytes' = 'text') =>
  readRows([{ spec: spec(tensor.datatype, ...tensor.shape.slice(1)), as }], [tensor], tensor.shape[0]!).map(
    ({ v }) => v,
  );
const write = (of: TensorSpec, values: readonly unknown[]) =>
  writeRows(
    [of],
    values.map((v) => ({ v })),
  )[0]!;

describe('the values of a row', () => {
  for (const { datatype, data, values } of [
    { datatype: 'BOOL', data: Uint8Array.of(0, 1), values: [false, true] },
    { datatype: 'UINT8', data: Uint8Array.of(0, 255), values: [0, 255] },
    { datatype: 'UINT16', data: Uint16Array.of(0, 65535), values: [0, 65535] },
    { datatype: 'UINT32', data: Uint32Array.of(0, 4294967295), values: [0, 4294967295] },
    { datatype: 'UINT64', data: BigUint64Array.of(0n, 2n ** 64n - 1n), values: [0n, 2n ** 64n - 1n] },
    { datatype: 'INT8', data: Int8Array.of(-128, 127), values: [-128, 127] },
    { datatype: 'INT16', data: Int16Array.of(-32768, 32767), values: [-32768, 32767] },
    { datatype: 'INT32', data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1), values: [-(2 ** 31), 2 ** 31 - 1] },
    { datatype: 'INT64', data: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n), values: [-(2n ** 63n), 2n ** 53n + 1n] },
    { datatype: 'FP16', data: Uint16Array.of(0x3e00, 0xfc00), values: [1.5, -Infinity] },
    { datatype: 'FP32', data: Float32Array.of(0.5, NaN), values: [0.5, NaN] },
    { datatype: 'FP64', data: Float64Array.of(0.1, -0), values: [0.1, -0] },
    { datatype: 'BYTES', data: ['', 'naïve'], values: ['', 'naïve'] },
  ] as const) {
    it(`of ${datatype} are what a program expects, and lose nothing on the way back`, () => {
      const tensor: Tensor = { datatype, shape: [2], data };
      assert.deepEqual(read(tensor), values);
      assert.deepEqual(write(spec(datatype), values), tensor);
    });
  }

  it('of BYTES are text or bytes, as the signature says, whatever the request sent', () => {
    const bytes = new TextEncoder().encode('é');
    const tensor: Tensor = { datatype: 'BYTES', shape: [2], data: [bytes, 'é'] };
    assert.deepEqual(read(tensor), ['é', 'é']);
    assert.deepEqual(read(tensor, 'bytes'), [bytes, bytes]);
    assert.deepEqual(write(spec('BYTES'), [bytes, 'é']), tensor);
  });

  it('with axes of their own are nested lists', () => {
    const tensor: Tensor = { datatype: 'FP32', shape: [2, 2, 3], data: Float32Array.from({ length: 12 }, (_, i) => i) };
    const rows = [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]; // prettier-ignore
    assert.deepEqual(read(tensor), rows);
    assert.deepEqual(write(spec('FP32', 2, 3), rows), tensor);
    assert.deepEqual(write(spec('FP32', null, null), rows), tensor);
  });

  it('may be given as typed arrays, of an axis or of the whole row', () => {
    const tensor: Tensor = { datatype: 'INT64', shape: [1, 2, 2], data: BigInt64Array.of(1n, 2n, 3n, 4n) };
    assert.deepEqual(write(spec('INT64', 2, 2), [BigInt64Array.of(1n, 2n, 3n, 4n)]), tensor);
    assert.deepEqual(write(spec('INT64', 2, 2), [[Int32Array.of(1, 2), [3, 4n]]]), tensor);
  });

  it('of no rows are an empty tensor', () => {
    assert.deepEqual(write(spec('FP32', 2), []), { datatype: 'FP32', shape: [0, 2], data: new Float32Array() });
    assert.deepEqual(write(spec('FP32', null), []), { datatype: 'FP32', shape: [0, 0], data: new Float32Array() });
  });
});

describe('a wrong result', () => {
  for (const { of, values, problem } of [
    { of: spec('FP32'), values: [1, undefined], problem: 'row 1, output "v": expected a number, got undefined' },
    { of: spec('FP32'), values: ['secret'], problem: 'row 0, output "v": expected a number, got a string' },
    { of: spec('FP32'), values: [1n], problem: 'row 0, output "v": expected a number, got a bigint that does not fit' },
    {
      of: spec('UINT8'),
      values: [256],
      problem: 'row 0, output "v": expected an integer from 0 to 255, got a number that does not fit',
    },
    {
      of: spec('INT32'),
      values: [0.5],
      problem: 'row 0, output "v": expected an integer from -2147483648 to 2147483647, got a number that is no integer',
    },
    {
      of: spec('INT32'),
      values: [NaN],
      problem: 'row 0, output "v": expected an integer from -2147483648 to 2147483647, got a number that is no integer',
    },
    {
      of: spec('INT64'),
      values: [2 ** 53],
      problem: 'row 0, output "v": expected a bigint (or safe integer) of INT64, got a number that does not fit',
    },
    {
      of: spec('UINT64'),
      values: [-1n],
      problem: 'row 0, output "v": expected a bigint (or safe integer) of UINT64, got a bigint that does not fit',
    },
    { of: spec('BOOL'), values: ['false'], problem: 'row 0, output "v": expected true or false, got a string' },
    {
      of: spec('BYTES'),
      values: [{ a: 1 }],
      problem: 'row 0, output "v": expected text or a Uint8Array, got an object',
    },
    { of: spec('FP32', 3), values: [[1, 2]], problem: 'row 0, output "v": expected 3 values, got a list of 2' },
    {
      of: spec('FP32', 3),
      values: [1],
      problem: 'row 0, output "v": expected 3 values, got a number that does not fit',
    },
    { of: spec('FP32', null), values: [[1, 2], [3]], problem: 'row 1, output "v": expected 2 values, got a list of 1' },
    {
      of: spec('FP32', 2, 2),
      values: [
        [
          [1, 2],
          [3, null],
        ],
      ],
      problem: 'row 0, output "v": expected a number, got null',
    },
  ] as const) {
    it(`is refused: ${problem}`, () => {
      assert.throws(() => write(of, values), {
        code: 'HANDLER_FAILED',
        message: `The handler gave a wrong result: ${problem}`,
      });
    });
  }

  for (const { row, problem } of [
    { row: 7, problem: 'row 0 is a number that does not fit, expected an object' },
    { row: [7], problem: 'row 0 is a list of 1, expected an object' },
    { row: null, problem: 'row 0 is null, expected an object' },
    { row: {}, problem: 'row 0 has no output "v"' },
    { row: { v: 1, w: 2 }, problem: 'row 0 has "w", which is no output of the signature' },
  ]) {
    it(`is refused: ${problem}`, () => {
      assert.throws(() => writeRows([spec('FP32')], [row]), {
        code: 'HANDLER_FAILED',
        message: `The handler gave a wrong result: ${problem}`,
      });
    });
  }
});
