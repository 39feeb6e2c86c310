/** Values go through ONNX Runtime bit for bit, in an executor and inline. */
import assert from 'node:assert/strict';
import { after, describe, it, test } from 'node:test';
import type { Datatype, NumericData, NumericDatatype, Tensor, TensorData } from '../../../../src/core/tensor.ts';
import { viewOf } from '../../../../src/core/tensor.ts';
import { createOnnxRuntime } from '../../../../src/runtime/onnx/onnx-runtime.ts';
import { openRunner } from '../../../../src/runtime/open-runner.ts';
import { runtimeOptions } from '../../../../src/runtime/options.ts';
import type { LoadedModel } from '../../../../src/runtime/runtime.ts';
import { fixture } from '../../../support/fixture-models.ts';

const runtime = createOnnxRuntime();
const options = runtimeOptions.parse({});
after(() => runtime[Symbol.asyncDispose]());

const WAYS = {
  'in an executor': (model: LoadedModel) => model.connect(),
  inline: (model: LoadedModel) => model.connectInline!(),
};

async function pass(
  name: string,
  way: keyof typeof WAYS,
  inputs: readonly Tensor[],
  rows: number,
): Promise<readonly Tensor[]> {
  await using model = await runtime.load(fixture(name), options);
  await using runner = await openRunner(WAYS[way](model));
  return (await runner.run([inputs], { rows })).outputs;
}

/** Everything that is special about a datatype, two values a row. */
const VALUES: Readonly<Record<NumericDatatype, TensorData>> = {
  BOOL: Uint8Array.of(0, 1, 1, 0),
  UINT8: Uint8Array.of(0, 255, 127, 128),
  UINT16: Uint16Array.of(0, 65_535, 32_767, 32_768),
  UINT32: Uint32Array.of(0, 2 ** 32 - 1, 2 ** 31, 1),
  UINT64: BigUint64Array.of(0n, 2n ** 64n - 1n, 2n ** 53n + 1n, 2n ** 63n),
  INT8: Int8Array.of(-128, 127, 0, -1),
  INT16: Int16Array.of(-32_768, 32_767, 0, -1),
  INT32: Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 0, -1),
  INT64: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n),
  // One, the smallest subnormal, a NaN with a payload, minus infinity
  FP16: Uint16Array.of(0x3c00, 0x0001, 0x7e2a, 0xfc00),
  FP32: bits('FP32', Uint32Array.of(0x3f80_0000, 0x0000_0001, 0x7fc0_1234, 0x8000_0000)),
  FP64: bits('FP64', BigUint64Array.of(0x3ff0n << 48n, 1n, 0x7ff8_0000_0000_1234n, 0xfff0n << 48n)),
};

function bits(datatype: NumericDatatype, { buffer }: NumericData): NumericData {
  return viewOf(datatype, buffer, 0, 4);
}

function bytesOf(data: TensorData): Buffer {
  const { buffer, byteOffset, byteLength } = data as NumericData;
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

for (const way of Object.keys(WAYS) as (keyof typeof WAYS)[]) {
  describe(`values come back bit for bit ${way}`, () => {
    for (const [datatype, data] of Object.entries(VALUES) as [Datatype, NumericData][]) {
      test(datatype, async () => {
        const [output] = await pass(`identity-${datatype.toLowerCase()}`, way, [{ datatype, shape: [2, 2], data }], 2);
        assert.equal(output!.datatype, datatype);
        assert.deepEqual([...output!.shape], [2, 2]);
        assert.equal(output!.data.constructor, data.constructor);
        assert.deepEqual(bytesOf(output!.data), bytesOf(data));
      });
    }

    test('a scalar', async () => {
      const data = Float32Array.of(21);
      const [output] = await pass('scalar', way, [{ datatype: 'FP32', shape: [], data }], 1);
      assert.deepEqual([[...output!.shape], [...(output!.data as Float32Array)]], [[], [42]]);
    });

    test('rows without values', async () => {
      const data = new Float32Array(0);
      const [output] = await pass('zero-width', way, [{ datatype: 'FP32', shape: [3, 0], data }], 3);
      assert.deepEqual([[...output!.shape], output!.data.length], [[3, 0], 0]);
    });

    test('no inputs at all', async () => {
      const [output] = await pass('no-inputs', way, [], 1);
      assert.deepEqual([...(output!.data as Float32Array)], [1, 2, 3]);
    });

    test('names that are special in JavaScript', async () => {
      const x = (value: number): Tensor => ({ datatype: 'FP32', shape: [1], data: Float32Array.of(value) });
      const outputs = await pass('odd-names', way, [x(1), x(10)], 1);
      const sums = outputs.map(({ data }) => (data as Float32Array)[0]);
      assert.equal(sums.length, 2);
      assert.ok(sums.every((sum) => typeof sum === 'number'));
    });
  });
}

describe('BYTES are texts', () => {
  it('keeps every character', async () => {
    const data = ['', 'ü', '日本語', '👩‍👩‍👧 "quoted"\n\t\\'];
    const [output] = await pass('identity-bytes', 'in an executor', [{ datatype: 'BYTES', shape: [2, 2], data }], 2);
    assert.deepEqual(output!.data, data);
  });

  it('takes texts that are given as UTF-8', async () => {
    const data = [new TextEncoder().encode('über'), 'plain'];
    const [output] = await pass('identity-bytes', 'in an executor', [{ datatype: 'BYTES', shape: [1, 2], data }], 1);
    assert.deepEqual(output!.data, ['über', 'plain']);
  });

  it('gives texts', async () => {
    const data = Float32Array.of(5.1, 3.5, 1.4, 0.2, 6.7, 3, 5.2, 2.3);
    const [label] = await pass('string-labels', 'inline', [{ datatype: 'FP32', shape: [2, 4], data }], 2);
    assert.deepEqual(label, { datatype: 'BYTES', shape: [2], data: ['setosa', 'virginica'] });
  });
});

test('sizes that the graph leaves open are those of the answer', async () => {
  const data = Float32Array.of(1, 2, 3, 4, 5, 6);
  const outputs = await pass('dynamic-inner', 'in an executor', [{ datatype: 'FP32', shape: [2, 3], data }], 2);
  assert.deepEqual(outputs.map(({ shape }) => [...shape]), [[2, 3], [2]]); // prettier-ignore
});

test('half precision leaves the global Float16Array as it was', () => {
  assert.equal(typeof (globalThis as { Float16Array?: unknown }).Float16Array, 'function');
});
