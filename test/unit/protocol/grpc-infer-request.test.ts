import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import type { ErrorCode } from '../../../src/core/errors.ts';
import { bytesPerElement, type Datatype } from '../../../src/core/tensor.ts';
import {
  ModelInferRequestSchema,
  ModelInferRequest_InferInputTensorSchema as InputSchema,
  type InferTensorContentsSchema,
} from '../../../src/protocol/open-inference-grpc/gen/open_inference_pb.ts';
import { decodeModelInferRequest } from '../../../src/protocol/open-inference-grpc/infer-request.ts';
import { assertRefused, refusalOf } from '../../support/client-error.ts';
import { fuzz, secretMarker } from '../../support/fuzz.ts';

type RequestInit = MessageInitShape<typeof ModelInferRequestSchema>;
type Contents = MessageInitShape<typeof InferTensorContentsSchema>;

const encode = (init: RequestInit): Buffer =>
  Buffer.from(toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, init)));
const decode = (init: RequestInit) => decodeModelInferRequest(encode(init));

function refuses(message: Buffer | RequestInit, code: ErrorCode, problem: RegExp): void {
  const bytes = Buffer.isBuffer(message) ? message : encode(message);
  assertRefused(() => decodeModelInferRequest(bytes), code, problem);
}

const oneInput = (datatype: string, shape: readonly (number | bigint)[], contents?: Contents): RequestInit => ({
  inputs: [{ name: 'x', datatype, shape: shape.map(BigInt), ...(contents === undefined ? {} : { contents }) }],
});
const oneRaw = (datatype: string, shape: readonly (number | bigint)[], raw: Uint8Array): RequestInit => ({
  ...oneInput(datatype, shape),
  rawInputContents: [raw],
});

describe('a ModelInferRequest', () => {
  it('gives the model, its version, the id and the parameters', () => {
    const { modelName, modelVersion, request } = decode({
      modelName: 'churn@champion',
      modelVersion: '7',
      id: 'ü-1',
      parameters: {
        flag: { parameterChoice: { case: 'boolParam', value: true } },
        small: { parameterChoice: { case: 'int64Param', value: -5n } },
        exact: { parameterChoice: { case: 'int64Param', value: 2n ** 53n + 1n } },
        large: { parameterChoice: { case: 'uint64Param', value: 2n ** 64n - 1n } },
        text: { parameterChoice: { case: 'stringParam', value: 'abc' } },
        number: { parameterChoice: { case: 'doubleParam', value: 0.5 } },
        __proto__x: { parameterChoice: { case: 'stringParam', value: '' } },
        timeout: { parameterChoice: { case: 'int64Param', value: 2500n } },
      },
    });
    assert.equal(modelName, 'churn@champion');
    assert.equal(modelVersion, '7');
    assert.equal(request.id, 'ü-1');
    assert.equal(request.timeoutUs, 2500);
    assert.deepEqual(
      { ...request.parameters },
      {
        flag: true,
        small: -5,
        exact: 2n ** 53n + 1n,
        large: 2n ** 64n - 1n,
        text: 'abc',
        number: 0.5,
        __proto__x: '',
      },
    );
  });

  it('is empty when the message is', () => {
    const { modelName, modelVersion, request } = decodeModelInferRequest(Buffer.alloc(0));
    assert.deepEqual([modelName, modelVersion, request.id, request.outputs], ['', '', undefined, undefined]);
    assert.deepEqual(request.inputs, []);
  });

  it('keeps a parameter named __proto__ a parameter', () => {
    const parameters = JSON.parse('{"__proto__":{"parameterChoice":{"case":"stringParam","value":"x"}}}') as object;
    const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string('__proto__');
    const value = new BinaryWriter().tag(3, WireType.LengthDelimited).string('x').finish();
    entry.tag(2, WireType.LengthDelimited).bytes(value);
    const bytes = new BinaryWriter().tag(4, WireType.LengthDelimited).bytes(entry.finish()).finish();
    const { request } = decodeModelInferRequest(Buffer.from(bytes));
    assert.deepEqual(Object.keys(request.parameters), Object.keys(parameters));
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  });

  it('lists the outputs that it asks for', () => {
    const { request } = decode({
      outputs: [
        { name: 'a', parameters: { classification: { parameterChoice: { case: 'int64Param', value: 3n } } } },
        { name: 'b', parameters: { binary_data: { parameterChoice: { case: 'boolParam', value: false } } } },
      ],
    });
    assert.deepEqual(request.outputs, [
      { name: 'a', binary: undefined, classification: 3 },
      { name: 'b', binary: undefined, classification: undefined },
    ]);
  });

  it('is answered in the form in which it was asked', () => {
    assert.equal(decode(oneInput('FP32', [1], { fp32Contents: [1] })).request.binaryDefault, false);
    assert.equal(decode(oneRaw('FP32', [1], new Uint8Array(4))).request.binaryDefault, true);
    assert.equal(decode({}).request.binaryDefault, true);
  });
});

describe('typed contents', () => {
  const cases: readonly { datatype: Datatype; contents: Contents; data: unknown }[] = [
    { datatype: 'BOOL', contents: { boolContents: [true, false] }, data: Uint8Array.of(1, 0) },
    { datatype: 'INT8', contents: { intContents: [-128, 127] }, data: Int8Array.of(-128, 127) },
    { datatype: 'INT16', contents: { intContents: [-32768, 32767] }, data: Int16Array.of(-32768, 32767) },
    {
      datatype: 'INT32',
      contents: { intContents: [-(2 ** 31), 2 ** 31 - 1] },
      data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
    },
    {
      datatype: 'INT64',
      contents: { int64Contents: [-(2n ** 63n), 2n ** 63n - 1n] },
      data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n),
    },
    { datatype: 'UINT8', contents: { uintContents: [0, 255] }, data: Uint8Array.of(0, 255) },
    { datatype: 'UINT16', contents: { uintContents: [0, 65535] }, data: Uint16Array.of(0, 65535) },
    { datatype: 'UINT32', contents: { uintContents: [0, 2 ** 32 - 1] }, data: Uint32Array.of(0, 2 ** 32 - 1) },
    {
      datatype: 'UINT64',
      contents: { uint64Contents: [2n ** 53n + 1n, 2n ** 64n - 1n] },
      data: BigUint64Array.of(2n ** 53n + 1n, 2n ** 64n - 1n),
    },
    { datatype: 'FP32', contents: { fp32Contents: [NaN, -Infinity] }, data: Float32Array.of(NaN, -Infinity) },
    { datatype: 'FP64', contents: { fp64Contents: [NaN, -0] }, data: Float64Array.of(NaN, -0) },
  ];
  for (const { datatype, contents, data } of cases) {
    it(`give ${datatype} exactly`, () => {
      const [input] = decode(oneInput(datatype, [2, 1], contents)).request.inputs;
      assert.deepEqual(input, { name: 'x', datatype, shape: [2, 1], data });
    });
  }

  it('give BYTES that need not be text', () => {
    const bytesContents = [Uint8Array.of(0, 255), new Uint8Array(0)];
    const [input] = decode(oneInput('BYTES', [2], { bytesContents })).request.inputs;
    assert.deepEqual(
      (input!.data as Uint8Array[]).map((element) => [...element]),
      [[0, 255], []],
    );
  });

  it('may come unpacked, and in several pieces', () => {
    const contents = new BinaryWriter().tag(2, WireType.Varint).int32(-1);
    contents.tag(2, WireType.LengthDelimited).bytes(new BinaryWriter().int32(2).int32(3).finish());
    const bytes = contents.tag(2, WireType.Varint).int32(4).finish();
    const input = new BinaryWriter().raw(toBinary(InputSchema, create(InputSchema, { name: 'x', datatype: 'INT32' })));
    input.tag(3, WireType.Varint).int64(2).tag(3, WireType.Varint).int64(2);
    input.tag(5, WireType.LengthDelimited).bytes(bytes.subarray(0, 11));
    input.tag(5, WireType.LengthDelimited).bytes(bytes.subarray(11));
    const request = new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(input.finish()).finish();
    const [tensor] = decodeModelInferRequest(Buffer.from(request)).request.inputs;
    assert.deepEqual(tensor, { name: 'x', datatype: 'INT32', shape: [2, 2], data: Int32Array.of(-1, 2, 3, 4) });
  });

  for (const { what, request, problem } of [
    {
      what: 'an INT8 out of range',
      request: oneInput('INT8', [1], { intContents: [128] }),
      problem: /element 0 .*INT8/,
    },
    { what: 'an INT16 out of range', request: oneInput('INT16', [1], { intContents: [-32769] }), problem: /INT16/ },
    { what: 'a UINT8 out of range', request: oneInput('UINT8', [2], { uintContents: [1, 256] }), problem: /element 1/ },
    { what: 'a UINT16 out of range', request: oneInput('UINT16', [1], { uintContents: [65536] }), problem: /UINT16/ },
    { what: 'too few values', request: oneInput('INT64', [3], { int64Contents: [1n, 2n] }), problem: /3 elements/ },
    { what: 'too many values', request: oneInput('FP32', [1], { fp32Contents: [1, 2] }), problem: /1 elements/ },
    {
      what: 'too many BYTES',
      request: oneInput('BYTES', [1], { bytesContents: [new Uint8Array(2), new Uint8Array(2)] }),
      problem: /1 elements/,
    },
    { what: 'no contents at all', request: oneInput('FP32', [1]), problem: /1 elements/ },
    {
      what: 'the list of another datatype',
      request: oneInput('FP32', [1], { intContents: [1] }),
      problem: /int_contents.*fp32_contents/,
    },
    { what: 'FP16', request: oneInput('FP16', [1], { fp32Contents: [1] }), problem: /FP16 has no typed contents/ },
    { what: 'a datatype that does not exist', request: oneInput('FP8', [1]), problem: /datatype/ },
  ]) {
    it(`refuse ${what}`, () => refuses(request, 'INVALID_INPUT', problem));
  }
});

describe('raw contents', () => {
  it('give each tensor in the order of the inputs', () => {
    const { inputs } = decode({
      inputs: [
        { name: 'a', datatype: 'FP32', shape: [1n] },
        { name: 'b', datatype: 'INT64', shape: [] },
      ],
      rawInputContents: [new Uint8Array(Float32Array.of(1.5).buffer), new Uint8Array(BigInt64Array.of(-1n).buffer)],
    }).request;
    assert.deepEqual(inputs, [
      { name: 'a', datatype: 'FP32', shape: [1], data: Float32Array.of(1.5) },
      { name: 'b', datatype: 'INT64', shape: [], data: BigInt64Array.of(-1n) },
    ]);
  });

  it('are right wherever they lie in memory', () => {
    const values = Float64Array.from({ length: 600 }, (_, i) => i / 3);
    const message = encode(oneRaw('FP64', [600], new Uint8Array(values.buffer)));
    for (let offset = 0; offset < 9; offset += 1) {
      const moved = Buffer.alloc(message.length + offset).subarray(offset);
      message.copy(moved);
      assert.deepEqual(decodeModelInferRequest(moved).request.inputs[0]!.data, values);
    }
  });

  it('are the only form of FP16', () => {
    const [input] = decode(oneRaw('FP16', [2], Uint8Array.of(0, 0x3c, 0, 0x7e))).request.inputs;
    assert.deepEqual(input!.data, Uint16Array.of(0x3c00, 0x7e00));
  });

  const typed = oneInput('FP32', [1], { fp32Contents: [1] });
  for (const { what, request, code, problem } of [
    {
      what: 'a byte too few',
      request: oneRaw('FP32', [1], new Uint8Array(3)),
      code: 'INVALID_INPUT',
      problem: /3 bytes/,
    },
    {
      what: 'a byte too many',
      request: oneRaw('INT8', [2], new Uint8Array(3)),
      code: 'INVALID_INPUT',
      problem: /3 bytes/,
    },
    { what: 'a BOOL of 2', request: oneRaw('BOOL', [1], Uint8Array.of(2)), code: 'INVALID_INPUT', problem: /BOOL/ },
    {
      what: 'BYTES beyond the end',
      request: oneRaw('BYTES', [1], Uint8Array.of(9, 0, 0, 0, 1)),
      code: 'INVALID_INPUT',
      problem: /past the end/,
    },
    {
      what: 'more entries than inputs',
      request: { rawInputContents: [new Uint8Array(4)] },
      code: 'INVALID_REQUEST',
      problem: /0 inputs and 1 entries/,
    },
    {
      what: 'typed contents beside them',
      request: { ...typed, rawInputContents: [new Uint8Array(4)] },
      code: 'INVALID_REQUEST',
      problem: /raw_input_contents/,
    },
    { what: 'BF16', request: oneRaw('BF16', [1], new Uint8Array(2)), code: 'UNSUPPORTED', problem: /BF16/ },
  ] as readonly { what: string; request: RequestInit; code: ErrorCode; problem: RegExp }[]) {
    it(`refuse ${what}`, () => refuses(request, code, problem));
  }
});

describe('a ModelInferRequest is refused', () => {
  const empties = (field: number, count: number): Buffer =>
    Buffer.concat(Array.from({ length: count }, () => Buffer.from([(field << 3) | 2, 0])));
  /** Of an input: `parameters: { k: true }`, again and again. */
  const flags = (count: number): Buffer => Buffer.from('22070a016b12020801'.repeat(count), 'hex');
  const inInput = (fields: Buffer): Buffer =>
    Buffer.from(new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(fields).finish());
  const parameter = (value: MessageInitShape<typeof ModelInferRequestSchema>['parameters']): RequestInit => ({
    parameters: value!,
  });
  const region = { shared_memory_region: { parameterChoice: { case: 'stringParam', value: 'r' } } } as const;
  const classes = (value: bigint): RequestInit => ({
    outputs: [{ name: 'y', parameters: { classification: { parameterChoice: { case: 'int64Param', value } } } }],
  });

  for (const { when, message, code = 'INVALID_REQUEST', problem } of [
    { when: 'it ends within a field', message: Buffer.from([0x0a, 5, 97]), problem: /beyond the end/ },
    { when: 'it ends within a varint', message: Buffer.from([0x0a, 0x80]), problem: /middle of a field/ },
    { when: 'a varint does not end', message: Buffer.alloc(20, 0xff), problem: /10 bytes/ },
    { when: 'a field has the number 0', message: Buffer.from([0x02, 0]), problem: /number 0/ },
    { when: 'a wire type is unknown', message: Buffer.from([0x0f]), problem: /wire type/ },
    { when: 'a group does not end', message: Buffer.from([0xfb, 0x01]), problem: /group/ },
    { when: 'groups are nested without end', message: Buffer.alloc(1000, 0x0b), problem: /nested/ },
    { when: 'a name is not UTF-8', message: Buffer.from([0x0a, 1, 0xff]), problem: /UTF-8/ },
    { when: 'a parameter has no value', message: parameter({ a: {} }), problem: /no value/ },
    {
      when: 'a timeout is negative',
      message: parameter({ timeout: { parameterChoice: { case: 'int64Param', value: -1n } } }),
      problem: /timeout/,
    },
    {
      when: 'it belongs to a sequence',
      message: parameter({ sequence_id: { parameterChoice: { case: 'int64Param', value: 7n } } }),
      code: 'UNSUPPORTED',
      problem: /sequence/,
    },
    {
      when: 'an output is asked for twice',
      message: { outputs: [{ name: 'y' }, { name: 'y' }] },
      problem: /already exists in request/,
    },
    { when: 'no classes are asked for', message: classes(0n), problem: /classification/ },
    {
      when: 'an input is in shared memory',
      message: { inputs: [{ name: 'x', datatype: 'FP32', parameters: region }] },
      code: 'UNSUPPORTED',
      problem: /shared memory/,
    },
    {
      when: 'an output is to go to shared memory',
      message: { outputs: [{ name: 'y', parameters: region }] },
      code: 'UNSUPPORTED',
      problem: /shared memory/,
    },
    { when: 'a size is negative', message: oneInput('FP32', [-1]), code: 'INVALID_INPUT', problem: /negative/ },
    {
      when: 'the sizes overflow',
      message: oneInput('FP32', [2n ** 62n, 2n ** 62n]),
      code: 'INVALID_INPUT',
      problem: /overflow/,
    },
    {
      when: 'a large size hides behind a zero',
      message: oneInput('FP32', [0, 2n ** 60n]),
      code: 'INVALID_INPUT',
      problem: /overflow/,
    },
    {
      when: 'it has too many axes',
      message: oneInput('FP32', Array<number>(33).fill(1)),
      code: 'INVALID_INPUT',
      problem: /axes/,
    },
    { when: 'it has too many inputs', message: empties(5, 1025), problem: /more than 1024 inputs/ },
    {
      when: 'it has too many outputs',
      message: { outputs: Array.from({ length: 1025 }, (_, i) => ({ name: `y${i}` })) },
      problem: /more than 1024 outputs/,
    },
    { when: 'it has too many raw contents', message: empties(7, 1025), problem: /more than 1024/ },
    { when: 'its contents come in too many pieces', message: inInput(empties(5, 1025)), problem: /1024 pieces/ },
    { when: 'an input has too many parameters', message: inInput(flags(1025)), problem: /1024 parameters/ },
    {
      when: 'it has more BYTES elements than fit in memory',
      message: oneRaw('BYTES', [2 ** 20 + 1], new Uint8Array(5 * 2 ** 20)),
      code: 'INVALID_INPUT',
      problem: /1048576 BYTES/,
    },
  ] as readonly { when: string; message: Buffer | RequestInit; code?: ErrorCode; problem: RegExp }[]) {
    it(`when ${when}`, () => refuses(message, code, problem));
  }
});

test('unknown fields and groups are passed over', () => {
  const writer = new BinaryWriter().tag(100, WireType.Varint).uint32(7).tag(101, WireType.Bit64).double(1);
  writer.tag(102, WireType.LengthDelimited).bytes(Uint8Array.of(1, 2)).tag(103, WireType.Bit32).float(1);
  writer.tag(104, WireType.StartGroup).tag(1, WireType.Varint).uint32(1).tag(104, WireType.EndGroup);
  const bytes = writer.tag(1, WireType.LengthDelimited).string('iris').finish();
  assert.equal(decodeModelInferRequest(Buffer.from(bytes)).modelName, 'iris');
});

describe('no message breaks the decoder', () => {
  const marker = secretMarker();
  const check = (bytes: Uint8Array): void => {
    const error = refusalOf(() => {
      for (const { datatype, data, shape } of decodeModelInferRequest(Buffer.from(bytes)).request.inputs) {
        const count = shape.reduce((product, size) => product * size, 1);
        assert.equal(data.length, count);
        if (datatype !== 'BYTES') assert.equal((data as Uint8Array).byteLength, count * bytesPerElement(datatype));
      }
    });
    // A name is quoted, and the changes may have made one of the payload.
    const unquoted = error?.message.replaceAll(/"[^"]*"/g, '') ?? '';
    assert.ok(!unquoted.includes(marker), 'no payload in a message');
  };
  const good = [
    encode({
      modelName: 'm',
      id: 'id',
      inputs: [
        { name: 'x', datatype: 'FP32', shape: [2n], contents: { fp32Contents: [1, 2] } },
        { name: 'y', datatype: 'INT8', shape: [3n], contents: { intContents: [-1, 2, 3] } },
        { name: 's', datatype: 'BYTES', shape: [1n], contents: { bytesContents: [Buffer.from(marker)] } },
      ],
      outputs: [{ name: 'o' }],
      parameters: { a: { parameterChoice: { case: 'stringParam', value: marker } } },
    }),
    encode({
      modelName: 'm',
      inputs: [
        { name: 'x', datatype: 'INT64', shape: [1n, 2n] },
        { name: 's', datatype: 'BYTES', shape: [1n] },
      ],
      rawInputContents: [new Uint8Array(16), Uint8Array.of(2, 0, 0, 0, 65, 66)],
    }),
  ];
  const pieces = [[0xff, 0xff, 0xff, 0xff, 0x0f], [0x2a, 0], [0x3a, 0], [0x0b], [0x0c], [0x80], [0, 0, 0, 0x80]].map(
    (piece) => Uint8Array.from(piece),
  );

  it('random bytes', () => fuzz((random) => check(random.bytes(random.below(80)))));
  it('good messages with changes', () => fuzz((random) => check(random.mutate(random.pick(good), pieces))));
});
