import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServeryError } from '../../../src/core/errors.ts';
import { checkInputs, type Signature } from '../../../src/core/signature.ts';
import {
  decodeArguments,
  encodeAnswer,
  fileOutput,
  fileType,
  formToJson,
  methodSchema,
  plainSchema,
} from '../../../src/protocol/bentoml.ts';
import { DEFAULT_DECODE_LIMITS } from '../../../src/protocol/json.ts';
import { fuzz, Random } from '../../support/fuzz.ts';
import { inputTitle, validationError } from '../../../src/protocol/bentoml-failure.ts';

const vector: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [null, 2] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [null] }],
  batched: true,
};
const mixed: Signature = {
  inputs: [
    { name: 'id', datatype: 'INT64', shape: [null] },
    { name: 'image', datatype: 'BYTES', shape: [null] },
  ],
  outputs: [
    { name: 'score', datatype: 'FP64', shape: [null, 2] },
    { name: 'name', datatype: 'BYTES', shape: [null] },
  ],
  batched: true,
};

const decode = (text: string, signature: Signature) => decodeArguments(text, signature, DEFAULT_DECODE_LIMITS);

test('arguments are tensors with an axis of rows, or one row without it', () => {
  const two = { name: 'x', datatype: 'FP32', shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) };
  const one = { name: 'x', datatype: 'FP32', shape: [1, 2], data: new Float32Array([1, 2]) };
  assert.deepEqual(decode('{"x":[[1,2],[3,4]]}', vector), { tensors: [two], isRow: false });
  assert.deepEqual(decode('{"x":[1,2]}', vector), { tensors: [one], isRow: true });
  assert.deepEqual(decode('[1,2]', vector), { tensors: [one], isRow: true });
  const row = decode('{"id":9223372036854775807,"image":{"b64":"AP8="}}', mixed);
  assert.deepEqual(
    [row.isRow, ...row.tensors.map(({ data }) => data)],
    [true, new BigInt64Array([2n ** 63n - 1n]), [new Uint8Array([0, 255])]],
  );
  assert.equal(decode('{"id":[1,2],"image":["a",{"b64":"AA=="}]}', mixed).isRow, false);
});

test('the answer is the value of the one output, or an object of all, with the axis of rows of the arguments', () => {
  const y = { datatype: 'FP32', shape: [1], data: new Float32Array([NaN]) } as const;
  assert.deepEqual([encodeAnswer(vector, [y], false), encodeAnswer(vector, [y], true)], ['[null]', 'null']);
  const score = { datatype: 'FP64', shape: [1, 2], data: new Float64Array([0.25, 0.75]) } as const;
  const name = { datatype: 'BYTES', shape: [1], data: ['a'] } as const;
  assert.equal(encodeAnswer(mixed, [score, name], false), '{"score":[[0.25,0.75]],"name":["a"]}');
  assert.equal(encodeAnswer(mixed, [score, name], true), '{"score":[0.25,0.75],"name":"a"}');
});

const flowers: Signature = {
  inputs: [{ name: 'X', datatype: 'FP32', shape: [null, 2], features: ['long', 'wide'] }],
  outputs: [{ name: 'picture', datatype: 'BYTES', shape: [null], text: false }],
  batched: true,
};

test('data frames are records or columns, by name, and a record alone is a row', () => {
  for (const [body, data, isRow] of [
    ['{"X":[{"wide":2,"long":1},{"long":3,"wide":4}]}', [1, 2, 3, 4], false],
    ['{"X":{"wide":[2,4],"long":[1,3]}}', [1, 2, 3, 4], false],
    ['{"X":{"wide":2,"long":1}}', [1, 2], true],
    ['[{"wide":2,"long":1}]', [1, 2], false],
    ['{"X":[[1,2]]}', [1, 2], false],
  ] as const) {
    const read = decode(body, flowers);
    assert.deepEqual([Array.from(read.tensors[0]!.data as Float32Array), read.isRow], [data, isRow], body);
  }
  for (const body of [
    '{"X":[{"long":1}]}',
    '{"X":[{"long":1,"wide":2,"deep":3}]}',
    '{"X":[{"long":1,"wide":2},[1,2]]}',
    '{"X":{"long":[1,2],"wide":[3]}}',
    '{"X":{"long":[1],"wide":2}}',
  ]) {
    assert.throws(() => checkInputs(flowers, decode(body, flowers).tensors), ServeryError, body);
  }
});

test('a method says that it takes a data frame where that is wished, and that it answers a file', () => {
  const method = { model: 'm', signature: flowers, streams: false, batchable: true };
  const { input, output } = methodSchema({ ...method, dataframes: true });
  assert.deepEqual((input as { properties: object }).properties, {
    X: { type: 'dataframe', orient: 'records', columns: ['long', 'wide'] },
  });
  assert.deepEqual(output, { type: 'file', format: 'binary' });
  assert.equal(fileOutput(flowers)?.name, 'picture');
  assert.equal(fileOutput(vector), undefined);
  assert.equal(fileType(Buffer.from('\x89PNG\r\n', 'latin1')), 'image/png');
  assert.equal(fileType(Buffer.from('RIFFxxxxWEBP')), 'image/webp');
  assert.equal(fileType(new Uint8Array()), 'application/octet-stream');
  assert.deepEqual(
    plainSchema({ $schema: 'x', root_input: true, properties: { X: input, f: output, t: { type: 'tensor' } } }),
    {
      properties: {
        X: {
          title: 'Input',
          type: 'object',
          properties: { X: { type: 'array', items: { type: 'object' } } },
          required: ['X'],
        },
        f: { type: 'string', format: 'binary' },
        t: {},
      },
    },
  );
});

test('a form is one JSON text: fields are JSON or text, files are bytes', async () => {
  const form = new FormData();
  form.append('id', '9223372036854775807');
  form.append('note', 'not JSON');
  form.append('image', new Blob([new Uint8Array([0, 255])]), 'a.bin');
  form.append('images', new Blob(['a']), 'a.bin');
  form.append('images', new Blob(['b']), 'b.bin');
  const request = new Response(form);
  const text = await formToJson(
    new Uint8Array(await request.clone().arrayBuffer()),
    request.headers.get('content-type')!,
  );
  assert.equal(
    text,
    '{"id":9223372036854775807,"note":"not JSON","image":{"b64":"AP8="},"images":[{"b64":"YQ=="},{"b64":"Yg=="}]}',
  );
  await assert.rejects(formToJson(new Uint8Array([1, 2]), 'multipart/form-data; boundary=x'), {
    code: 'INVALID_REQUEST',
  });
});

test('a schema has what clients look for: names of arguments, files, tensors, streams', () => {
  const method = { model: 'my-model', signature: mixed, streams: false, batchable: true, dataframes: false };
  assert.deepEqual(methodSchema(method), {
    name: 'my_model',
    route: '/my-model',
    batchable: true,
    input: {
      title: 'Input',
      type: 'object',
      properties: {
        id: { type: 'tensor', format: 'numpy-array', dtype: 'int64' },
        image: { type: 'file', format: 'binary' },
      },
      required: ['id', 'image'],
    },
    output: {
      type: 'object',
      properties: { score: { type: 'tensor', format: 'numpy-array', dtype: 'float64' }, name: {} },
    },
    is_task: false,
  });
  assert.deepEqual(methodSchema({ ...method, streams: true }).output, { type: 'string', is_stream: true });
  const root = methodSchema({ ...method, route: { bodySchema: { type: 'string' }, responseSchema: {} } });
  assert.deepEqual(root.input, { type: 'string', root_input: true });
});

test('whatever comes is taken or refused, and nothing else', () => {
  const encoder = new TextEncoder();
  const bodies = ['{"x":[[1,2],[3,4]]}', '{"x":[1,2]}', '{"id":[1],"image":["a"]}', '{"id":1,"image":{"b64":"AP8="}}'];
  const pieces = ['[', ']', '{', '}', '"b64"', ':', ',', '1e999', '9007199254740993', 'null', '"x"'].map((piece) =>
    encoder.encode(piece),
  );
  let taken = 0;
  fuzz((random) => {
    const whole = encoder.encode(random.pick(bodies));
    const text = new TextDecoder().decode(random.chance(0.1) ? whole : random.mutate(whole, pieces));
    const signature = random.pick([vector, mixed]);
    try {
      checkInputs(signature, decode(text, signature).tensors);
      taken += 1;
    } catch (error) {
      assert.ok(error instanceof ServeryError && error.code !== 'INTERNAL', String(error));
    }
  });
  assert.ok(taken > 100, `${taken} were taken`);
});

test('whatever comes as a form becomes JSON or is refused, and nothing else', async () => {
  const head = 'Content-Disposition: form-data; name="image"; filename="a.bin"';
  const whole = new TextEncoder().encode(`--x\r\n${head}\r\n\r\nabc\r\n--x\r\n${head}\r\n\r\n1\r\n--x--\r\n`);
  const pieces = ['--x', '\r\n', '--', 'name="', '; ', ': '].map((piece) => new TextEncoder().encode(piece));
  for (let seed = 1; seed <= 2000; seed += 1) {
    const body = new Random(seed).mutate(whole, pieces);
    try {
      JSON.parse(await formToJson(body, 'multipart/form-data; boundary=x'));
    } catch (error) {
      assert.ok(error instanceof ServeryError && error.code === 'INVALID_REQUEST', `seed ${seed}: ${String(error)}`);
    }
  }
});

test('failures are those that pydantic has for JSON, with the place of a lone argument', () => {
  const issue = (code: string, path: readonly (string | number)[] = []) => ({ path, code, message: 'as FastAPI says' });
  assert.equal(
    validationError([issue('list_type', ['texts']), issue('model_attributes_type')]),
    '{"error":"2 validation error for Input","detail":[{"type":"list_type","loc":["texts"],"msg":"Input should be a valid ' +
      'array"},{"type":"model_type","loc":[],"msg":"Input should be an object"}]}',
  );
  assert.equal(
    validationError([issue('list_type', [0])], inputTitle({ type: 'array' })),
    '{"error":"1 validation error for listIODescriptor","detail":[{"type":"list_type","loc":["root",0],"msg":"as FastAPI ' +
      'says"}]}',
  );
});
