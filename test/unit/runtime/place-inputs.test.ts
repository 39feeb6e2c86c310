/** Rows of several requests become one tensor, and what may stay where it is stays. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allocate, type NumericDatatype, type Tensor } from '../../../src/core/tensor.ts';
import { placeInputs, type Placement } from '../../../src/runtime/place-inputs.ts';
import { Slab } from '../../../src/runtime/slab.ts';
import { stack } from '../../../src/runtime/stack.ts';

function fp32(shape: readonly number[], ...values: readonly number[]): Tensor {
  return { datatype: 'FP32', shape, data: Float32Array.from(values) };
}

function bytes(shape: readonly number[], ...data: readonly string[]): Tensor {
  return { datatype: 'BYTES', shape, data };
}

describe('stack', () => {
  it('puts the rows of each input below each other', () => {
    const parts = [
      [fp32([1, 2], 1, 2), bytes([1], 'a')],
      [fp32([2, 2], 3, 4, 5, 6), bytes([2], 'b', 'c')],
    ];
    assert.deepEqual(stack(parts, 3), [fp32([3, 2], 1, 2, 3, 4, 5, 6), bytes([3], 'a', 'b', 'c')]);
  });

  it('repeats the last row up to the number of rows', () => {
    const parts = [[fp32([1, 2], 1, 2), bytes([1, 2], 'a', 'b')], [fp32([1, 2], 3, 4), bytes([1, 2], 'c', 'd')]]; // prettier-ignore
    const padded = [fp32([4, 2], 1, 2, 3, 4, 3, 4, 3, 4), bytes([4, 2], 'a', 'b', 'c', 'd', 'c', 'd', 'c', 'd')];
    assert.deepEqual(stack(parts, 4), padded);
  });

  it('stacks rows without values', () => {
    const parts = [[fp32([1, 0]), bytes([1, 0])], [fp32([1, 0]), bytes([1, 0])]]; // prettier-ignore
    assert.deepEqual(stack(parts, 5), [fp32([5, 0]), bytes([5, 0])]);
  });

  it('keeps every bit, whatever the datatype', () => {
    const part = (bits: number): Tensor[] => [
      { datatype: 'FP32', shape: [1], data: new Float32Array(Uint32Array.of(bits).buffer) },
      { datatype: 'INT64', shape: [1], data: BigInt64Array.of(BigInt(bits) - 2n ** 63n) },
    ];
    const [floats, integers] = stack([part(0x7fc0_1234), part(0xffc0_4321)], 2);
    assert.deepEqual(new Uint32Array((floats!.data as Float32Array).buffer), Uint32Array.of(0x7fc0_1234, 0xffc0_4321));
    assert.deepEqual(integers!.data, BigInt64Array.of(0x7fc0_1234n - 2n ** 63n, 0xffc0_4321n - 2n ** 63n));
  });
});

describe('placing inputs', () => {
  const take = (datatype: NumericDatatype, length: number) => allocate(datatype, length);
  const copying: Placement = { batched: true, take, canPass: () => false };
  const passing: Placement = { batched: true, take, canPass: () => true };

  it('passes on a lone request that needs no padding', () => {
    const part = [fp32([2], 1, 2), bytes([2], 'a', 'b')];
    const placed = placeInputs([part], 2, passing);
    assert.equal(placed[0]!.data, part[0]!.data);
    assert.equal(placed[1]!.data, part[1]!.data);
  });

  it('copies what cannot be read where it lies', () => {
    const part = [fp32([2], 1, 2)];
    const placed = placeInputs([part], 2, copying);
    assert.deepEqual(placed, part);
    assert.notEqual(placed[0]!.data, part[0]!.data);
  });

  it('stacks a lone request that is padded', () => {
    assert.deepEqual(placeInputs([[fp32([1], 7)]], 3, passing), [fp32([3], 7, 7, 7)]);
  });

  it('does not take axis 0 for rows where nothing counts them', () => {
    const part = [fp32([], 7), fp32([2, 3], 1, 2, 3, 4, 5, 6)];
    assert.deepEqual(placeInputs([part], 1, { ...copying, batched: false }), part);
  });
});

describe('a slab', () => {
  it('gives memory that was not given since the last reset, and the same again after it', () => {
    const sizes: number[] = [];
    const slab = new Slab((size) => {
      sizes.push(size);
      return new ArrayBuffer(size);
    });
    const twice = () => {
      slab.reset();
      return [slab.take('FP32', 10), slab.take('INT64', 3)] as const;
    };
    const [a, b] = twice(); // does not fit yet
    assert.notEqual(a.buffer, b.buffer);
    const [c, d] = twice();
    assert.equal(c.buffer, d.buffer);
    assert.ok(d.byteOffset >= c.byteOffset + c.byteLength && d.byteOffset % 64 === 0);
    const allocated = sizes.length;
    assert.equal(twice()[0].buffer, c.buffer);
    assert.equal(sizes.length, allocated);
  });

  it('does not keep what a giant needed', () => {
    let kept = 0;
    const slab = new Slab((size) => {
      kept = size;
      return new ArrayBuffer(size);
    });
    slab.take('UINT8', 20 * 1024 * 1024);
    slab.reset();
    slab.take('UINT8', 10);
    assert.equal(kept, 10);
  });
});
