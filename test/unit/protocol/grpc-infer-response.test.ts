import { fromBinary } from '@bufbuild/protobuf';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Signature } from '../../../src/core/signature.ts';
import { viewOf, type Datatype, type NumericDatatype, type Tensor } from '../../../src/core/tensor.ts';
import {
  ModelInferResponseSchema,
  ModelStreamInferResponseSchema,
  type ModelInferResponse,
} from '../../../src/protocol/open-inference-grpc/gen/open_inference_pb.ts';
import {
  encodeModelInferResponse,
  encodeStreamError,
  encodeStreamResponse,
} from '../../../src/protocol/open-inference-grpc/infer-response.ts';
import type { InferAnswer } from '../../../src/protocol/open-inference/infer-types.ts';
import { Random } from '../../support/fuzz.ts';

function answerOf(tensors: readonly Tensor[], rest: Partial<InferAnswer> = {}): InferAnswer {
  const outputs = tensors.map(({ datatype, shape }, i) => ({
    name: `out${i}`,
    datatype,
    shape: shape.map(() => null),
  }));
  const signature: Signature = { inputs: [], outputs, batched: true };
  const model = { name: 'iris', version: 12 };
  return { model, signature, tensors, id: undefined, outputs: undefined, binaryDefault: false, ...rest };
}

/** Read by the generated code, which has nothing in common with what is tested. */
const encode = (answer: InferAnswer): ModelInferResponse =>
  fromBinary(ModelInferResponseSchema, encodeModelInferResponse(answer));

const tensorsOf = (data: Partial<Record<Datatype, Tensor['data']>>): Tensor[] =>
  Object.entries(data).map(([datatype, values]) => ({
    datatype: datatype as Datatype,
    shape: [values.length, 1],
    data: values,
  }));

describe('a ModelInferResponse', () => {
  it('names the model, the version and the request', () => {
    const { modelName, modelVersion, id } = encode(answerOf([], { id: 'réq' }));
    assert.deepEqual({ modelName, modelVersion, id }, { modelName: 'iris', modelVersion: '12', id: 'réq' });
  });

  it('has every datatype exactly in its typed list', () => {
    const { outputs, rawOutputContents } = encode(
      answerOf(
        tensorsOf({
          BOOL: Uint8Array.of(0, 1),
          INT8: Int8Array.of(-128, 127),
          INT16: Int16Array.of(-32768, 300),
          INT32: Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
          INT64: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 0n, 127n, 128n, -1n),
          UINT8: Uint8Array.of(0, 255),
          UINT16: Uint16Array.of(127, 65535),
          UINT32: Uint32Array.of(128, 2 ** 32 - 1),
          UINT64: BigUint64Array.of(2n ** 64n - 1n, 2n ** 32n),
          FP32: Float32Array.of(NaN, -0, Infinity),
          FP64: Float64Array.of(NaN, 5e-324),
          BYTES: ['text é', Uint8Array.of(0, 255), ''],
        }),
      ),
    );
    assert.deepEqual(rawOutputContents, []);
    assert.deepEqual(outputs[4]!.shape, [6n, 1n]);
    const lists = outputs.map(({ name, datatype, contents }) => {
      const list = Object.values(contents!).find((value) => Array.isArray(value) && value.length > 0) as unknown[];
      return [name, datatype, list.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value))];
    });
    assert.deepEqual(lists, [
      ['out0', 'BOOL', [false, true]],
      ['out1', 'INT8', [-128, 127]],
      ['out2', 'INT16', [-32768, 300]],
      ['out3', 'INT32', [-(2 ** 31), 2 ** 31 - 1]],
      ['out4', 'INT64', [-(2n ** 63n), 2n ** 63n - 1n, 0n, 127n, 128n, -1n]],
      ['out5', 'UINT8', [0, 255]],
      ['out6', 'UINT16', [127, 65535]],
      ['out7', 'UINT32', [128, 2 ** 32 - 1]],
      ['out8', 'UINT64', [2n ** 64n - 1n, 2n ** 32n]],
      ['out9', 'FP32', [NaN, -0, Infinity]],
      ['out10', 'FP64', [NaN, 5e-324]],
      ['out11', 'BYTES', [Buffer.from('text é'), Buffer.of(0, 255), Buffer.of()]],
    ]);
  });

  it('has raw contents in the order of the outputs when the request had', () => {
    const tensors = tensorsOf({ INT64: BigInt64Array.of(-1n), BYTES: ['é', Uint8Array.of(7)] });
    const { outputs, rawOutputContents } = encode(answerOf(tensors, { binaryDefault: true }));
    assert.deepEqual(
      outputs.map(({ contents }) => contents),
      [undefined, undefined],
    );
    assert.deepEqual(
      rawOutputContents.map((raw) => [...raw]),
      [Array<number>(8).fill(255), [2, 0, 0, 0, 0xc3, 0xa9, 1, 0, 0, 0, 7]],
    );
  });

  it('is raw as a whole when one output is FP16', () => {
    const tensors = tensorsOf({ FP32: Float32Array.of(1), FP16: Uint16Array.of(0x3c00) });
    const { outputs, rawOutputContents } = encode(answerOf(tensors));
    assert.deepEqual(
      outputs.map(({ contents }) => contents),
      [undefined, undefined],
    );
    assert.deepEqual(
      rawOutputContents.map((raw) => [...raw]),
      [
        [0, 0, 0x80, 0x3f],
        [0, 0x3c],
      ],
    );
  });

  it('has the outputs that were asked for, in that order, as classes where they were', () => {
    const tensors: Tensor[] = [
      { datatype: 'FP32', shape: [1, 3], data: Float32Array.of(0.25, 0.5, 0) },
      { datatype: 'INT32', shape: [1, 1], data: Int32Array.of(4) },
    ];
    const outputs = [
      { name: 'out1', binary: undefined, classification: undefined },
      { name: 'out0', binary: undefined, classification: 2 },
    ];
    const answer = encode(answerOf(tensors, { outputs }));
    assert.deepEqual(
      answer.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
      [
        { name: 'out1', datatype: 'INT32', shape: [1n, 1n] },
        { name: 'out0', datatype: 'BYTES', shape: [1n, 2n] },
      ],
    );
    assert.deepEqual(
      answer.outputs[1]!.contents!.bytesContents.map((text) => Buffer.from(text).toString()),
      ['0.5:1', '0.25:0'],
    );
  });

  it('has an output without elements, and a scalar', () => {
    const tensors: Tensor[] = [
      { datatype: 'FP32', shape: [1, 0], data: new Float32Array(0) },
      { datatype: 'INT64', shape: [], data: BigInt64Array.of(3n) },
    ];
    for (const binaryDefault of [false, true]) {
      const { outputs } = encode(answerOf(tensors, { binaryDefault }));
      assert.deepEqual(
        outputs.map(({ shape }) => shape),
        [[1n, 0n], []],
      );
    }
  });

  it('leaves room in front when asked to', () => {
    const answer = answerOf(tensorsOf({ FP32: Float32Array.of(1) }), { id: 'x' });
    assert.deepEqual(encodeModelInferResponse(answer, 5).subarray(5), encodeModelInferResponse(answer));
  });

  it('encodes views into larger memory as what they show', () => {
    const random = new Random(3);
    const memory = random.bytes(64 * 8).buffer;
    const types: readonly NumericDatatype[] = ['INT8', 'UINT16', 'INT32', 'UINT32', 'INT64', 'UINT64'];
    for (const datatype of types) {
      const data = viewOf(datatype, memory, 16, 20);
      const [output] = encode(answerOf([{ datatype, shape: [20], data }])).outputs;
      const { intContents, uintContents, int64Contents, uint64Contents } = output!.contents!;
      assert.deepEqual([...intContents, ...uintContents, ...int64Contents, ...uint64Contents], [...data]);
    }
  });
});

describe('a ModelStreamInferResponse', () => {
  it('wraps an answer', () => {
    const answer = encodeModelInferResponse(answerOf(tensorsOf({ FP32: new Float32Array(300) }), { id: '9' }));
    const { errorMessage, inferResponse } = fromBinary(ModelStreamInferResponseSchema, encodeStreamResponse(answer, 0));
    assert.equal(errorMessage, '');
    assert.deepEqual(inferResponse, fromBinary(ModelInferResponseSchema, answer));
  });

  it('says what failed, and for which request', () => {
    for (const id of ['4', undefined]) {
      const bytes = encodeStreamError('Not found: é', id, 0);
      const { errorMessage, inferResponse } = fromBinary(ModelStreamInferResponseSchema, bytes);
      assert.deepEqual([errorMessage, inferResponse!.id], ['Not found: é', id ?? '']);
    }
  });
});
