import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServeryError } from '../../../src/core/errors.ts';
import { checkInputs, type Signature } from '../../../src/core/signature.ts';
import { decodeInstances, encodePredictions } from '../../../src/protocol/instances.ts';

const one: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [null, 2] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [null] }],
  batched: true,
};
const two: Signature = {
  inputs: [
    { name: 'id', datatype: 'INT64', shape: [null] },
    { name: 'image', datatype: 'BYTES', shape: [null] },
  ],
  outputs: [
    { name: 'score', datatype: 'FP64', shape: [null, 2] },
    { name: 'thumb_bytes', datatype: 'BYTES', shape: [null] },
  ],
  batched: true,
};

const decode = (body: unknown, signature: Signature) =>
  decodeInstances(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), signature);

function refusal(body: unknown, signature: Signature = one): string {
  try {
    const { tensors } = decode(body, signature);
    checkInputs(signature, tensors);
  } catch (error) {
    assert.ok(error instanceof ServeryError, String(error));
    return error.message;
  }
  return 'taken';
}

test('rows and columns of a model with one input are the same tensor', () => {
  const tensor = { name: 'x', datatype: 'FP32', shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) };
  const values = [[1, 2], [3, 4]]; // prettier-ignore
  assert.deepEqual(decode({ instances: values }, one), {
    form: 'row',
    signatureName: 'serving_default',
    tensors: [tensor],
  });
  assert.deepEqual(decode({ inputs: values, signature_name: 'serving_default', other: 1 }, one), {
    form: 'column',
    signatureName: 'serving_default',
    tensors: [tensor],
  });
  assert.deepEqual(decode({ instances: values.map((x) => ({ x })) }, one).tensors, [tensor]);
  assert.deepEqual(decode({ inputs: { x: values } }, one).tensors, [tensor]);
});

test('several inputs come by name, bytes in base64, and 64-bit integers survive', () => {
  const b64 = Buffer.from([0, 255]).toString('base64');
  const body = `{"instances":[{"id":9223372036854775807,"image":{"b64":"${b64}"}},{"id":-1,"image":"text"}]}`;
  const [id, image] = decode(body, two).tensors;
  assert.deepEqual(id!.data, new BigInt64Array([2n ** 63n - 1n, -1n]));
  assert.deepEqual(image!.data, [new Uint8Array([0, 255]), 'text']);
});

test('the answer has the form of the question', () => {
  const y = { datatype: 'FP32', shape: [2], data: new Float32Array([0.5, NaN]) } as const;
  assert.equal(encodePredictions(one, [y], 'row'), '{"predictions":[0.5,null]}');
  assert.equal(encodePredictions(one, [y], 'column'), '{"outputs":[0.5,null]}');
  const score = { datatype: 'FP64', shape: [1, 2], data: new Float64Array([0.25, 0.75]) } as const;
  const thumb = { datatype: 'BYTES', shape: [1], data: [new Uint8Array([255])] } as const;
  assert.equal(
    encodePredictions(two, [score, thumb], 'row'),
    '{"predictions":[{"score":[0.25,0.75],"thumb_bytes":{"b64":"/w=="}}]}',
  );
  assert.equal(
    encodePredictions(two, [score, thumb], 'column'),
    '{"outputs":{"score":[[0.25,0.75]],"thumb_bytes":[{"b64":"/w=="}]}}',
  );
  const longer = { datatype: 'BYTES', shape: [2], data: ['a', 'b'] } as const;
  assert.throws(() => encodePredictions(two, [score, longer], 'row'), /inconsistent batch size/);
});

test('what does not fit is refused with what was expected', () => {
  assert.equal(refusal({ instances: [[1, 2]] }), 'taken');
  assert.match(refusal(''), /The document is empty/);
  assert.match(refusal('{'), /JSON/);
  assert.match(refusal([]), /Is not object/);
  assert.match(refusal({}), /Missing 'inputs' or 'instances' key/);
  assert.match(refusal({ instances: [[1, 2]], inputs: [[1, 2]] }), /expecting only one of/);
  assert.match(refusal({ instances: [] }), /non-null\/non-empty array/);
  assert.match(refusal({ instances: [[1, 2]], signature_name: 'other' }), /"other" not found/);
  assert.match(refusal({ instances: [[1, 2]], signature_name: 1 }), /must be a string/);
  assert.match(refusal({ instances: [[1, 2], [3]] }), /Expecting tensor size: 2 but got: 1/); // prettier-ignore
  assert.match(refusal({ instances: [[1, 2, 3]] }), /unexpected shape/);
  assert.match(refusal({ instances: [['1', '2']] }), /a string, expected a number/);
  assert.match(refusal({ instances: [{ x: [1, 2] }, [1, 2]] }), /to be an object/);
  assert.match(refusal({ instances: [[1, 2], { x: [1, 2] }] }), /all to be objects/);
  assert.match(refusal({ instances: [{ z: [1, 2] }] }), /no input "z"/);
  assert.match(refusal({ instances: [1] }, two), /objects with the 2 inputs/);
  assert.match(refusal({ instances: [{ id: 1 }] }, two), /Missing named input "image"/);
  assert.match(refusal({ inputs: { id: [1], image: [{ b64: '!' }] } }, two), /base64/);
  assert.match(refusal({ inputs: { id: [1.5], image: ['a'] } }, two), /fraction/);
});

test('whatever comes is taken or refused, and nothing else', () => {
  const text = fc.oneof(
    fc.json(),
    fc.record({ instances: fc.jsonValue() }).map((value) => JSON.stringify(value)),
    fc.record({ inputs: fc.jsonValue() }).map((value) => JSON.stringify(value)),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(text, fc.constantFrom(one, two), (body, signature) => void refusal(body, signature)),
    { numRuns: 2000 },
  );
});
