import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeInferBody } from '../../../src/client/infer-codec.ts';
import type { Tensor } from '../../../src/core/tensor.ts';

describe('encodeInferBody()', () => {
  it('sends a few numbers as JSON, and asks for exact answers', () => {
    const { body, headers } = encodeInferBody({ X: fp32(1, 2) }, undefined);
    assert.equal(headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(body as string), {
      parameters: { binary_data_output: true },
      inputs: [{ name: 'X', datatype: 'FP32', shape: [2], data: [1, 2] }],
    });
  });

  for (const [what, tensor] of [
    ['many numbers', { datatype: 'FP32', shape: [1024], data: new Float32Array(1024) }],
    ['NaN', { datatype: 'FP32', shape: [1], data: Float32Array.of(NaN) }],
    ['infinities', { datatype: 'FP64', shape: [1], data: Float64Array.of(-Infinity) }],
    ['integers beyond 2^53', { datatype: 'INT64', shape: [1], data: BigInt64Array.of(2n ** 53n + 1n) }],
    ['FP16', { datatype: 'FP16', shape: [1], data: Uint16Array.of(0x3c00) }],
    ['bytes that are not text', { datatype: 'BYTES', shape: [1], data: [Uint8Array.of(0xff)] }],
  ] satisfies [string, Tensor][]) {
    it(`sends ${what} in binary`, () => {
      const { body, headers } = encodeInferBody({ X: tensor }, undefined);
      assert.equal(headers['content-type'], 'application/octet-stream');
      const { header, rest } = split(body as Uint8Array, headers);
      assert.equal(header.inputs[0]!.parameters.binary_data_size, rest.byteLength);
    });
  }

  it('sends small 64-bit integers and text as JSON', () => {
    const inputs = {
      n: { datatype: 'INT64', shape: [2], data: BigInt64Array.of(-7n, 2n ** 40n) },
      s: { datatype: 'BYTES', shape: [1], data: ['grün'] },
    } satisfies Record<string, Tensor>;
    const request = JSON.parse(encodeInferBody(inputs, { k: 1 }).body as string) as {
      parameters: unknown;
      inputs: { data: unknown }[];
    };
    assert.deepEqual(
      request.inputs.map(({ data }) => data),
      [[-7, 2 ** 40], ['grün']],
    );
    assert.deepEqual(request.parameters, { k: 1, binary_data_output: true });
  });

  it('frames each BYTES element with its length, little-endian', () => {
    const { body, headers } = encodeInferBody(
      { s: { datatype: 'BYTES', shape: [2], data: [Uint8Array.of(0xff), 'ab'] } },
      undefined,
    );
    assert.deepEqual(Array.from(split(body as Uint8Array, headers).rest), [1, 0, 0, 0, 0xff, 2, 0, 0, 0, 97, 98]);
  });
});

function fp32(...values: number[]): Tensor {
  return { datatype: 'FP32', shape: [values.length], data: Float32Array.from(values) };
}

function split(body: Uint8Array, headers: Readonly<Record<string, string>>) {
  const length = Number(headers['inference-header-content-length']);
  const header = JSON.parse(new TextDecoder().decode(body.subarray(0, length))) as {
    inputs: { parameters: { binary_data_size: number } }[];
  };
  return { header, rest: body.subarray(length) };
}
