import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Signature } from '../../../src/core/signature.ts';
import type { Datatype } from '../../../src/core/tensor.ts';
import { decodeInferRequest } from '../../../src/protocol/open-inference/infer-request.ts';
import { decodeRawBinary } from '../../../src/protocol/open-inference/raw-binary.ts';
import { assertRefused } from '../../support/client-error.ts';

const utf8 = new TextEncoder();

function request(
  inputs: readonly { datatype: string; shape: readonly number[]; size: unknown; data?: unknown }[],
  binary: Uint8Array,
) {
  const json = utf8.encode(
    JSON.stringify({
      inputs: inputs.map(({ size, ...form }, i) => ({
        name: `x${i}`,
        ...form,
        parameters: { binary_data_size: size },
      })),
    }),
  );
  return { body: Uint8Array.from([...json, ...binary]), headerLength: json.length };
}

function decode(...form: Parameters<typeof request>) {
  const { body, headerLength } = request(...form);
  return decodeInferRequest(body, headerLength).inputs;
}

const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

describe('binary tensors', () => {
  it('follow the JSON in the order of the inputs', () => {
    const floats = Float32Array.of(1.5, NaN, -0, Infinity);
    const integers = BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n);
    const [first, second] = decode(
      [
        { datatype: 'FP32', shape: [2, 2], size: 16 },
        { datatype: 'INT64', shape: [2], size: 16 },
      ],
      Uint8Array.from([...bytesOf(floats), ...bytesOf(integers)]),
    );
    assert.deepEqual(first, { name: 'x0', datatype: 'FP32', shape: [2, 2], data: floats });
    assert.deepEqual(second, { name: 'x1', datatype: 'INT64', shape: [2], data: integers });
  });

  it('may stand beside inputs in JSON', () => {
    const json = utf8.encode(
      '{"inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[7]},' +
        '{"name":"b","shape":[1],"datatype":"INT8","parameters":{"binary_data_size":1}}]}',
    );
    const { inputs } = decodeInferRequest(Uint8Array.from([...json, 0xff]), json.length);
    assert.deepEqual(
      inputs.map(({ data }) => data),
      [Int8Array.of(7), Int8Array.of(-1)],
    );
  });

  const sizes: [Datatype, number][] = [
    ['BOOL', 1], ['UINT8', 1], ['UINT16', 2], ['UINT32', 4], ['UINT64', 8],
    ['INT8', 1], ['INT16', 2], ['INT32', 4], ['INT64', 8], ['FP16', 2], ['FP32', 4], ['FP64', 8],
  ]; // prettier-ignore
  for (const [datatype, size] of sizes) {
    it(`keep every bit of ${datatype}, at whatever offset the JSON ends`, () => {
      const binary = Uint8Array.from({ length: 3 * size }, (_, i) => (datatype === 'BOOL' ? i % 2 : 0x91 + 7 * i));
      for (let padding = 0; padding < 9; padding += 1) {
        const { body, headerLength } = request([{ datatype, shape: [3], size: 3 * size }], binary);
        const padded = Uint8Array.from([
          ...body.subarray(0, headerLength),
          ...utf8.encode(' '.repeat(padding)),
          ...binary,
        ]);
        const [input] = decodeInferRequest(padded, headerLength + padding).inputs;
        assert.deepEqual(bytesOf(input!.data as Uint8Array), binary);
        assert.equal(input!.data.length, 3);
      }
    });
  }

  it('hold BYTES after their lengths', () => {
    const [input] = decode(
      [{ datatype: 'BYTES', shape: [3], size: 17 }],
      Uint8Array.of(2, 0, 0, 0, 0xff, 0x00, 0, 0, 0, 0, 3, 0, 0, 0, 0x61, 0x62, 0x63),
    );
    assert.deepEqual(input?.data, [Uint8Array.of(0xff, 0), new Uint8Array(), Uint8Array.of(0x61, 0x62, 0x63)]);
  });

  const refused: [what: string, datatype: string, shape: number[], size: unknown, binary: number[], message: RegExp][] =
    [
      ['one byte too few', 'INT32', [1], 4, [1, 2, 3], /binary_data_size is 4, and 3 bytes are left/],
      [
        'fewer bytes than the shape takes',
        'INT32',
        [2],
        4,
        [1, 2, 3, 4],
        /4 bytes of binary data, and INT32 of shape \[2\] takes 8/,
      ],
      ['more bytes than the shape takes', 'INT32', [1], 5, [1, 2, 3, 4, 5], /5 bytes of binary data/],
      ['BOOL beyond 0 and 1', 'BOOL', [2], 2, [1, 2], /neither 0 nor 1/],
      ['a length that points past the end', 'BYTES', [1], 5, [2, 0, 0, 0, 1], /element 0 points past the end/],
      ['a length near 2^32', 'BYTES', [1], 5, [255, 255, 255, 255, 1], /element 0 points past the end/],
      ['fewer BYTES than the shape takes', 'BYTES', [2], 5, [1, 0, 0, 0, 1], /exactly the 2 elements/],
      ['more BYTES than the shape takes', 'BYTES', [1], 9, [1, 0, 0, 0, 1, 0, 0, 0, 0], /exactly the 1 elements/],
      ['half a length', 'BYTES', [1], 2, [0, 0], /exactly the 1 elements/],
    ];
  for (const [what, datatype, shape, size, binary, message] of refused) {
    it(`are refused with ${what}`, () => {
      assertRefused(() => decode([{ datatype, shape, size }], Uint8Array.from(binary)), 'INVALID_INPUT', message);
    });
  }

  it('are refused with one byte too many', () => {
    const form = { datatype: 'INT8', shape: [1], size: 1 };
    assertRefused(
      () => decode([form], Uint8Array.of(1, 2)),
      'INVALID_REQUEST',
      /1 bytes are left after the last tensor/,
    );
  });

  it('are refused with data in JSON as well', () => {
    const form = { datatype: 'INT8', shape: [1], size: 1, data: [1] };
    assertRefused(() => decode([form], Uint8Array.of(1)), 'INVALID_INPUT', /both "data" and "binary_data_size"/);
  });

  it('are refused with a size that is no whole number', () => {
    for (const size of [-1, 1.5, '4', true]) {
      const form = { datatype: 'INT8', shape: [1], size };
      assertRefused(
        () => decode([form], Uint8Array.of(1)),
        'INVALID_REQUEST',
        /"binary_data_size": expected an integer/,
      );
    }
  });

  it('are refused with JSON that is longer than the body', () => {
    const { body } = request([], new Uint8Array());
    for (const headerLength of [body.length + 1, 99_999_999_999]) {
      assertRefused(
        () => decodeInferRequest(body, headerLength),
        'INVALID_REQUEST',
        /Inference-Header-Content-Length is \d+, and the body has/,
      );
    }
  });

  it('are refused where JSON is all there is', () => {
    const { body, headerLength } = request([{ datatype: 'INT8', shape: [1], size: 1 }], new Uint8Array());
    assert.equal(body.length, headerLength);
    assertRefused(() => decodeInferRequest(body), 'INVALID_INPUT', /0 bytes are left in the body/);
  });
});

describe('a raw binary request', () => {
  const taking = (shape: (number | null)[], datatype: Datatype = 'UINT8', batched = true): Signature => ({
    inputs: [{ name: 'x', datatype, shape }],
    outputs: [],
    batched,
  });

  it('is one row of the only input', () => {
    assert.deepEqual(decodeRawBinary(Uint8Array.of(1, 2, 3, 4), taking([null, 2, 2])), [
      { name: 'x', datatype: 'UINT8', shape: [1, 2, 2], data: Uint8Array.of(1, 2, 3, 4) },
    ]);
  });

  it('gives a free axis the size that its length says', () => {
    assert.deepEqual(decodeRawBinary(new Uint8Array(24), taking([null, null, 3], 'INT16'))[0]?.shape, [1, 4, 3]);
    assert.deepEqual(decodeRawBinary(new Uint8Array(8), taking([null], 'FP32', false))[0]?.shape, [2]);
  });

  it('is a single text, without its length', () => {
    const body = utf8.encode('hello');
    assert.deepEqual(decodeRawBinary(body, taking([null, 1], 'BYTES')), [
      { name: 'x', datatype: 'BYTES', shape: [1, 1], data: [body] },
    ]);
    assertRefused(() => decodeRawBinary(body, taking([null, 2], 'BYTES')), 'INVALID_REQUEST', /more than one element/);
  });

  it('is refused where it could be read in two ways, or in none', () => {
    const body = new Uint8Array(6);
    assertRefused(() => decodeRawBinary(body, taking([null, null, null])), 'INVALID_REQUEST', /2 free axes/);
    assertRefused(
      () => decodeRawBinary(body, taking([null, null], 'FP32')),
      'INVALID_INPUT',
      /expected a multiple of 4/,
    );
    assertRefused(() => decodeRawBinary(body, taking([null, 5])), 'INVALID_INPUT', /6 bytes of binary data/);
    assertRefused(
      () => decodeRawBinary(body, taking([null, null, 0])),
      'INVALID_INPUT',
      /multiple of 0|bytes of binary data/,
    );
    const [input] = taking([null]).inputs;
    assertRefused(
      () => decodeRawBinary(body, { inputs: [], outputs: [], batched: true }),
      'INVALID_REQUEST',
      /takes 0 inputs/,
    );
    assertRefused(
      () => decodeRawBinary(body, { inputs: [input!, input!], outputs: [], batched: true }),
      'INVALID_REQUEST',
      /takes 2 inputs/,
    );
  });
});
