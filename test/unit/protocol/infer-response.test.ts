import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Signature } from '../../../src/core/signature.ts';
import type { Datatype, Tensor, TensorData } from '../../../src/core/tensor.ts';
import { encodeInferResponse } from '../../../src/protocol/open-inference/infer-response.ts';
import type { InferAnswer } from '../../../src/protocol/open-inference/infer-types.ts';
import { assertRefused } from '../../support/client-error.ts';

function answer(tensors: Record<string, Tensor>, asked: Partial<InferAnswer> = {}): InferAnswer {
  const outputs = Object.entries(tensors).map(([name, { datatype, shape }]) => ({
    name,
    datatype,
    shape: [null, ...shape.slice(1)],
  }));
  const signature: Signature = { inputs: [], outputs, batched: true };
  const model = { name: 'm', version: 3 };
  return {
    model,
    signature,
    tensors: Object.values(tensors),
    id: undefined,
    outputs: undefined,
    binaryDefault: false,
    ...asked,
  };
}

const tensor = (datatype: Datatype, shape: number[], data: TensorData): Tensor => ({ datatype, shape, data });
const ask = (name: string, binary?: boolean, classification?: number) => ({ name, binary, classification });

function encodeJson(asked: InferAnswer): {
  readonly [key: string]: unknown;
  readonly outputs: readonly Record<string, unknown>[];
} {
  const { body, headerLength } = encodeInferResponse(asked);
  assert.equal(headerLength, undefined);
  return JSON.parse(body as string) as ReturnType<typeof encodeJson>;
}

function dataText(datatype: Datatype, data: TensorData): string {
  const { body } = encodeInferResponse(answer({ y: tensor(datatype, [data.length], data) }));
  return /"data":(\[.*\])\}\]\}$/.exec(body as string)![1]!;
}

describe('an inference answer in JSON', () => {
  it('names model, version, id, parameters, and all outputs in the order of the signature', () => {
    const encoded = encodeJson(
      answer(
        {
          label: tensor('INT64', [2], BigInt64Array.of(0n, 2n)),
          p: tensor('FP32', [2, 2], Float32Array.of(0.5, 0.25, 1, 0)),
        },
        { id: 'a"b', parameters: { fast: true, n: 2n ** 60n } },
      ),
    );
    assert.deepEqual(encoded, {
      model_name: 'm',
      model_version: '3',
      id: 'a"b',
      parameters: { fast: true, n: 2 ** 60 },
      outputs: [
        { name: 'label', datatype: 'INT64', shape: [2], data: [0, 2] },
        { name: 'p', datatype: 'FP32', shape: [2, 2], data: [0.5, 0.25, 1, 0] },
      ],
    });
  });

  it('has an id only when the request had one', () => {
    assert.ok(!('id' in encodeJson(answer({}))));
    assert.equal(encodeJson(answer({}, { id: '' }))['id'], '');
  });

  it('has the outputs that were asked for, in that order', () => {
    const one = tensor('INT8', [1], Int8Array.of(1));
    const encoded = encodeJson(answer({ a: one, b: one, c: one }, { outputs: [ask('c'), ask('a')] }));
    assert.deepEqual(
      encoded.outputs.map(({ name }) => name),
      ['c', 'a'],
    );
  });

  // Short and long lists are printed in two ways.
  for (const length of [3, 40]) {
    it(`gives back every bit of ${length} numbers`, () => {
      const floats = Float32Array.from({ length }, (_, i) => [0.1, -1e-45, 3.4e38, 16_777_217, -0][i % 5]!);
      assert.deepEqual(Float32Array.from(JSON.parse(dataText('FP32', floats)) as number[]), floats);
      const doubles = Float64Array.from({ length }, (_, i) => [0.1 + 0.2, 5e-324, Number.MAX_VALUE, -0, 1e21][i % 5]!);
      assert.deepEqual(Float64Array.from(JSON.parse(dataText('FP64', doubles)) as number[]), doubles);
      const integers = BigInt64Array.from(
        { length },
        (_, i) => [2n ** 53n - 1n, -(2n ** 53n), -1n, 4_294_967_295n, 0n][i % 5]!,
      );
      assert.equal(dataText('INT64', integers), `[${integers.join(',')}]`);
      for (const beyond of [2n ** 53n + 1n, -(2n ** 53n) - 1n]) {
        const same = new BigInt64Array(length).fill(beyond);
        assert.equal(dataText('INT64', same), `[${same.join(',')}]`);
      }
      const large = BigUint64Array.from({ length }, (_, i) => [2n ** 64n - 1n, 2n ** 53n, 0n][i % 3]!);
      assert.equal(dataText('UINT64', large), `[${large.join(',')}]`);
    });

    it(`writes NaN and the infinities as null among ${length} numbers`, () => {
      const data = Float32Array.from({ length }, (_, i) => [NaN, Infinity, -Infinity][i % 3]!);
      assert.deepEqual(
        JSON.parse(dataText('FP32', data)),
        Array.from(data, () => null),
      );
    });
  }

  it('reads a view from where it begins', () => {
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    assert.equal(dataText('FP32', data), '[1,2]');
    assert.equal(
      dataText('INT64', BigInt64Array.from({ length: 40 }, (_, i) => BigInt(i)).subarray(20)),
      `[${Array.from({ length: 20 }, (_, i) => i + 20).join(',')}]`,
    );
  });

  it('writes BOOL as true and false, BYTES as text', () => {
    assert.equal(dataText('BOOL', Uint8Array.of(1, 0)), '[true,false]');
    assert.equal(dataText('BYTES', ['a"\n', new TextEncoder().encode('\ufeffé')]), JSON.stringify(['a"\n', '\ufeffé']));
  });

  it('refuses bytes that are not text', () => {
    assertRefused(
      () => dataText('BYTES', [Uint8Array.of(0xff)]),
      'UNSUPPORTED',
      /output "y" as text: it holds bytes that are not UTF-8/,
    );
  });

  it('writes an empty output', () => {
    assert.equal(dataText('FP32', new Float32Array()), '[]');
  });
});

describe('an inference answer in binary', () => {
  it('has the tensors after the JSON, in their order', () => {
    const { body, headerLength } = encodeInferResponse(
      answer(
        { f: tensor('FP32', [1], Float32Array.of(NaN)), s: tensor('BYTES', [2], ['é', Uint8Array.of(0xff)]) },
        { binaryDefault: true },
      ),
    );
    const bytes = body as Uint8Array;
    assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes.subarray(0, headerLength))), {
      model_name: 'm',
      model_version: '3',
      outputs: [
        { name: 'f', datatype: 'FP32', shape: [1], parameters: { binary_data_size: 4 } },
        { name: 's', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: 11 } },
      ],
    });
    const binary = [...bytes.subarray(headerLength)];
    assert.deepEqual(binary, [0, 0, 0xc0, 0x7f, 2, 0, 0, 0, 0xc3, 0xa9, 1, 0, 0, 0, 0xff]);
  });

  it('can be asked for, or refused, for each output', () => {
    const one = tensor('INT8', [1], Int8Array.of(1));
    for (const binaryDefault of [false, true]) {
      const { body, headerLength } = encodeInferResponse(
        answer({ a: one, b: one }, { binaryDefault, outputs: [ask('a', !binaryDefault), ask('b')] }),
      );
      assert.equal((body as Uint8Array).length - headerLength!, 1);
      const { outputs } = JSON.parse(new TextDecoder().decode((body as Uint8Array).subarray(0, headerLength))) as {
        outputs: Record<string, unknown>[];
      };
      assert.deepEqual(
        outputs.map((output) => 'data' in output),
        [binaryDefault, !binaryDefault],
      );
    }
  });

  it('says where the JSON ends, also when the tensors are empty', () => {
    const { body, headerLength } = encodeInferResponse(
      answer({ s: tensor('BYTES', [0], []) }, { binaryDefault: true }),
    );
    assert.equal(headerLength, (body as Uint8Array).length);
  });
});

describe('classification', () => {
  function classesOf(scores: Tensor, count: number, labels?: string[]): unknown {
    const asked = answer({ y: scores }, { outputs: [ask('y', false, count)] });
    const [spec] = asked.signature.outputs;
    const signature = { ...asked.signature, outputs: [{ ...spec!, ...(labels && { labels }) }] };
    return encodeJson({ ...asked, signature }).outputs[0];
  }

  it('gives the best classes of each row, with their labels', () => {
    const scores = tensor('FP32', [2, 3], Float32Array.of(0.25, 0.5, 0.125, 3, 2, 1));
    assert.deepEqual(classesOf(scores, 2, ['a', 'b', 'c']), {
      name: 'y',
      datatype: 'BYTES',
      shape: [2, 2],
      data: ['0.5:1:b', '0.25:0:a', '3:0:a', '2:1:b'],
    });
  });

  it('gives them without labels where there are none, and equal ones in order', () => {
    assert.deepEqual((classesOf(tensor('INT64', [1, 3], BigInt64Array.of(5n, 7n, 7n)), 3) as { data: unknown }).data, [
      '7:1',
      '7:2',
      '5:0',
    ]);
  });

  it('gives all classes when more are asked for, NaN last', () => {
    const classes = classesOf(tensor('FP32', [1, 5], Float32Array.of(1, NaN, -Infinity, NaN, 3)), 99);
    assert.deepEqual(classes, {
      name: 'y',
      datatype: 'BYTES',
      shape: [1, 5],
      data: ['3:4', '1:0', '-Infinity:2', 'NaN:1', 'NaN:3'],
    });
  });
});
