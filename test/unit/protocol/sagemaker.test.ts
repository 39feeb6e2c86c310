import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { ServeryError } from '../../../src/core/errors.ts';
import type { Signature } from '../../../src/core/signature.ts';
import type { NumericDatatype, Tensor } from '../../../src/core/tensor.ts';
import { DEFAULT_DECODE_LIMITS } from '../../../src/protocol/json.ts';
import { sagemakerOptions } from '../../../src/protocol/sagemaker/options.ts';
import { chooseModel } from '../../../src/protocol/sagemaker/endpoints.ts';
import { payloadParts, streamFailure } from '../../../src/protocol/sagemaker/event-frames.ts';
import { failureOf } from '../../../src/protocol/sagemaker/failure.ts';
import { chooseAnswer, decodeInvocation, encodeInvocation } from '../../../src/protocol/sagemaker/invocation.ts';
import { decodeNpy, encodeNpy } from '../../../src/protocol/sagemaker/npy.ts';
import { fuzz } from '../../support/fuzz.ts';
import * as z from 'zod';

const pair: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [null, 2] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [null, 2] }],
  batched: true,
};
const person: Signature = {
  inputs: [
    { name: 'age', datatype: 'INT64', shape: [null] },
    { name: 'city', datatype: 'BYTES', shape: [null], text: true },
  ],
  outputs: [
    { name: 'label', datatype: 'INT64', shape: [null] },
    { name: 'score', datatype: 'FP32', shape: [null] },
  ],
  batched: true,
};

const decode = (text: string | Uint8Array, type: string, signature = pair) =>
  decodeInvocation(typeof text === 'string' ? Buffer.from(text) : text, type, signature, DEFAULT_DECODE_LIMITS);
const values = (tensors: readonly Tensor[]) => tensors.map(({ data }) => Array.from(data as ArrayLike<unknown>));

describe('bodies', () => {
  test('every form of the same rows gives the same tensors', () => {
    const npy = encodeNpy({ datatype: 'FP32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
    for (const [body, type, form] of [
      ['[[1,2],[3,4]]', 'application/json', 'list'],
      [' {"instances": [[1,2],[3,4]]}', 'application/json', 'row'],
      ['{"inputs": [[1,2],[3,4]]}', 'application/json', 'column'],
      ['{"rows": [{"x": [1,2]}, {"x": [3,4]}]}', 'application/json', 'rows'],
      ['[[1,2],[3,4]]', 'application/octet-stream', 'list'],
      ['[1,2]\n[3,4]\n', 'application/jsonlines', 'row'],
      ['{"x":[1,2]}\n\n{"x":[3,4]}', 'application/x-ndjson', 'row'],
      ['1,2\n3,4\n', 'text/csv', 'row'],
      ['x\n"[1,2]"\n"[3,4]"\n', 'text/csv', 'row'],
      [npy, 'application/x-npy', 'list'],
      [npy, 'application/octet-stream', 'list'],
    ] as const) {
      const got = decode(body, type);
      assert.deepEqual(values(got.tensors), [[1, 2, 3, 4]], `${type} ${String(body)}`);
      assert.deepEqual(got.tensors[0]!.shape, [2, 2]);
      assert.equal(got.form, form);
    }
    assert.deepEqual(values(decode('41,"Bern, CH"\n9007199254740993,\n', 'text/csv', person).tensors), [
      [41n, 9007199254740993n],
      ['Bern, CH', ''],
    ]);
  });

  test('a list of one axis has a row for each value', () => {
    const one: Signature = { ...pair, inputs: [{ name: 'x', datatype: 'FP32', shape: [null] }] };
    assert.deepEqual(values(decode('[1,2]', 'application/json', one).tensors), [[1, 2]]);
    assert.throws(() => decode('[1,2]', 'application/json'), /x/);
  });

  test('what does not fit is refused by its place', () => {
    for (const [body, type, says, signature] of [
      ['1,2\n3,oops\n', 'text/csv', /cell 2 of line 2: expected FP32/],
      ['1,2\n3\n', 'text/csv', /line 2/],
      ['[[1,2],[3]]', 'application/json', /x/],
      ['[{"x":[1,2],"x":[1,2]}]', 'application/json', /twice|duplicate/i],
      ['1.5,Bern\n', 'text/csv', /age|integer/, person],
      ['<svm/>', 'text/libsvm', /its Content-Type is "text\/libsvm"/],
      ['abc', 'application/x-npy', /does not begin as a \.npy/],
      ['', 'application/json', /empty/],
    ] as const) {
      assert.throws(() => decode(body, type, signature), says);
    }
  });

  test('an answer has the type that is asked for, or that of the question', () => {
    const typeOf = (accept: string | undefined, asked: Parameters<typeof chooseAnswer>[1], signature = pair) =>
      chooseAnswer(accept, asked, signature);
    assert.equal(typeOf(undefined, 'text/csv'), 'text/csv');
    assert.equal(typeOf('*/*', 'text/csv'), 'text/csv');
    assert.equal(typeOf('image/png, text/csv;q=0.5, application/json', 'application/json'), 'text/csv');
    assert.equal(typeOf('application/*', 'application/x-npy'), 'application/x-npy');
    assert.equal(typeOf('application/*', 'text/csv'), 'application/json');
    assert.equal(typeOf('image/*, text/*', 'application/json'), 'text/csv');
    for (const accept of ['image/png', 'image/*', 'garbage', '*', '/json']) {
      assert.throws(() => typeOf(accept, 'text/csv'), /Cannot answer as/);
    }
    // Two outputs are no array.
    assert.equal(typeOf(undefined, 'application/x-npy', person), 'application/json');
    assert.equal(typeOf('application/x-npy, text/csv', 'application/json', person), 'text/csv');
    assert.throws(() => typeOf('application/x-npy', 'application/json', person), {
      code: 'UNSUPPORTED_MEDIA_TYPE',
      message: /expected application\/json, application\/jsonlines or text\/csv$/,
    });
    const outputs: Tensor[] = [
      { datatype: 'INT64', shape: [2], data: BigInt64Array.of(1n, 2n) },
      { datatype: 'FP32', shape: [2], data: Float32Array.of(0.5, 0.25) },
    ];
    const answer = { model: { name: 'm', version: 1 }, signature: person, outputs, rows: 2 };
    assert.equal(encodeInvocation(answer, 'text/csv', 'row'), '1,0.5\n2,0.25\n');
    assert.equal(
      encodeInvocation(answer, 'application/json', 'list'),
      '[{"label":1,"score":0.5},{"label":2,"score":0.25}]',
    );
    assert.equal(
      encodeInvocation(answer, 'application/jsonlines', 'row'),
      '{"label":1,"score":0.5}\n{"label":2,"score":0.25}\n',
    );
  });

  test('random bytes are refused in words, and never otherwise', () => {
    const seeds = [
      ['application/json', '{"instances":[[1,2],[3,4]]}'],
      ['application/json', '[[1,2],[3,4]]'],
      ['application/jsonlines', '[1,2]\n{"x":[3,4]}\n'],
      ['text/csv', '1,2\n"3",4\n'],
      ['application/x-npy', encodeNpy({ datatype: 'FP64', shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) })],
    ] as const;
    const pieces = [
      '"',
      '[',
      ']',
      ',',
      '\n',
      '\u0000',
      "'",
      '(9999999999999,)',
      'True',
      '(4,)',
      '1e999',
      "'descr': '|O'",
    ].map((text) => Buffer.from(text));
    fuzz((random) => {
      const [type, body] = random.pick(seeds);
      try {
        decode(random.mutate(Buffer.from(body as string), pieces), type);
      } catch (error) {
        if (!(error instanceof ServeryError) || error.code === 'INTERNAL') throw error;
      }
    });
  });
});

describe("NumPy's arrays", () => {
  test('are read back as they were written', () => {
    fuzz((random) => {
      const datatype = random.pick(['FP32', 'FP64', 'INT8', 'INT64', 'UINT16', 'BOOL'] as NumericDatatype[]);
      const shape = random.list(random.below(4), () => random.below(4));
      const count = shape.reduce((product, size) => product * size, 1);
      const list = random.list(count, () => random.below(2));
      const big = datatype === 'INT64';
      const types = { FP32: Float32Array, FP64: Float64Array, INT8: Int8Array, UINT16: Uint16Array, BOOL: Uint8Array };
      const data = big ? BigInt64Array.from(list, BigInt) : types[datatype as keyof typeof types].from(list);
      const spec = { name: 'x', datatype, shape: shape.map(() => null) };
      const got = decodeNpy(encodeNpy({ datatype, shape, data }), spec, DEFAULT_DECODE_LIMITS);
      assert.deepEqual(got, { name: 'x', datatype, shape, data });
    }, 0.1);
  });

  test("are read in Fortran's order too, in which pandas has them", () => {
    const inOrder = Float32Array.from({ length: 24 }, (_, index) => index);
    const turned = Float32Array.from({ length: 24 }, (_, index) => {
      const [i, j, k] = [index % 2, Math.floor(index / 2) % 3, Math.floor(index / 6)];
      return i * 12 + j * 4 + k;
    });
    const file = Buffer.from(encodeNpy({ datatype: 'FP32', shape: [2, 3, 4], data: turned }));
    const fortran = Buffer.from(
      file.toString('latin1').replace("'fortran_order': False", "'fortran_order': True "),
      'latin1',
    );
    const { data } = decodeNpy(fortran, { name: 'x', datatype: 'FP32', shape: [] }, DEFAULT_DECODE_LIMITS);
    assert.deepEqual(data, inOrder);
  });

  test('are read with the sizes that Python 2 wrote', () => {
    const written = Buffer.from(encodeNpy({ datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, 2) }));
    const old = Buffer.from(written.toString('latin1').replace('(1, 2), }  ', '(1L, 2L), }'), 'latin1');
    const input = { name: 'x', datatype: 'FP32', shape: [null, 2] } as const;
    assert.deepEqual(decodeNpy(old, input, DEFAULT_DECODE_LIMITS).shape, [1, 2]);
  });

  test('are converted where every value fits', () => {
    const doubles = encodeNpy({ datatype: 'FP64', shape: [2], data: Float64Array.of(1, 2.5) });
    const to = (datatype: NumericDatatype) => () =>
      decodeNpy(doubles, { name: 'x', datatype, shape: [null] }, DEFAULT_DECODE_LIMITS);
    assert.deepEqual(to('FP32')().data, Float32Array.of(1, 2.5));
    assert.throws(to('INT32'), /element 1 .* fraction/);
    assert.throws(to('BOOL'), /an array of FP64, expected BOOL/);
  });
});

test('a stream ends with the failure of the model, or with one of the server', () => {
  const said = (...failure: Parameters<typeof failureOf>) => {
    const frame = Buffer.from(streamFailure(failureOf(...failure).body)).toString('latin1');
    return [/:exception-type\W+(\w+)/.exec(frame)?.[1], JSON.parse(/\{.*\}/.exec(frame)![0]) as unknown];
  };
  const failed = (status: number, code: string) =>
    `Received server error (${status}) from model with message "{"error":"why","code":"${code}"}"`;
  assert.deepEqual(said('HANDLER_FAILED', 'why', 500), [
    'ModelStreamError',
    { Message: failed(500, 'HANDLER_FAILED'), ErrorCode: 'StreamBroken' },
  ]);
  assert.deepEqual(said('DEADLINE_EXCEEDED', 'why', 504), [
    'ModelStreamError',
    { Message: failed(504, 'DEADLINE_EXCEEDED'), ErrorCode: 'ModelInvocationTimeExceeded' },
  ]);
  assert.deepEqual(said('SHUTTING_DOWN', 'why', 503), ['InternalStreamFailure', { Message: 'why' }]);
  assert.deepEqual(said('INTERNAL', 'why', 500), ['InternalStreamFailure', { Message: 'why' }]);
});

test('a frame has the lengths, headers and checksums of an event stream', () => {
  const frame = Buffer.from(payloadParts(Buffer.from('hello')));
  assert.equal(frame.readUInt32BE(0), frame.length);
  assert.equal(frame.length, frame.readUInt32BE(4) + 5 + 16);
  assert.equal(frame.readUInt32BE(8), crc32(frame.subarray(0, 8)));
  assert.equal(frame.readUInt32BE(frame.length - 4), crc32(frame.subarray(0, -4)));
  assert.equal(frame.toString('latin1', 12, 12 + 22), '\x0d:message-type\x07\x00\x05event');
});

test('what is larger than a client takes at once comes in several frames', () => {
  const payload = Buffer.alloc(2.5 * 2 ** 20, 'abcdefg');
  const frames = Buffer.from(payloadParts(payload));
  const parts: Buffer[] = [];
  for (let from = 0; from < frames.length;) {
    const frame = frames.subarray(from, from + frames.readUInt32BE(from));
    assert.equal(frame.readUInt32BE(frame.length - 4), crc32(frame.subarray(0, -4)));
    parts.push(frame.subarray(12 + frame.readUInt32BE(4), -4));
    from += frame.length;
  }
  assert.deepEqual(
    parts.map(({ length }) => length),
    [2 ** 20, 2 ** 20, 2 ** 19],
  );
  assert.ok(Buffer.concat(parts).equals(payload));
});

describe('endpoints', () => {
  const options = z.strictObject(sagemakerOptions).parse({
    endpoints: [
      {
        name: 'shop',
        variants: [
          { name: 'blue', model: 'iris', weight: 3 },
          { name: 'off', model: 'iris/7', weight: 0 },
          { name: 'green', model: 'iris@next' },
        ],
      },
      { name: 'many', multiModel: true },
    ],
  });
  const choose = (endpoint: string, more: object = {}, share = 0) => chooseModel(options, { endpoint, ...more }, share);

  test('one that is not listed is a model, with its aliases as variants', () => {
    assert.deepEqual(choose('iris'), { model: { name: 'iris' }, variant: 'AllTraffic' });
    assert.deepEqual(choose('iris', { variant: 'AllTraffic' }).model, { name: 'iris' });
    assert.deepEqual(choose('iris', { variant: 'old' }), { model: { name: 'iris', alias: 'old' }, variant: 'old' });
  });

  test('variants share by weight, or are named', () => {
    const got = [0, 0.74, 0.75, 0.99].map((share) => choose('shop', {}, share).variant);
    assert.deepEqual(got, ['blue', 'blue', 'green', 'green']);
    assert.deepEqual(choose('shop', { variant: 'off' }).model, { name: 'iris', version: 7 });
    assert.throws(() => choose('shop', { variant: 'red' }), /Variant "red" not found for endpoint "shop"/);
  });

  test('a target model is for a multi-model endpoint alone', () => {
    assert.deepEqual(choose('many', { targetModel: 'iris.tar.gz' }).model, { name: 'iris' });
    assert.throws(() => choose('many'), /TargetModel is missing/);
    assert.throws(() => choose('many', { targetModel: '../x' }), /Failed to find target model/);
    assert.throws(() => choose('iris', { targetModel: 'iris' }), /not a multi-model endpoint/);
  });
});
