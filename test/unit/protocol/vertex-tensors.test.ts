/** Tensors of Vertex AI's direct predictions, in protobuf and as JSON. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServeryError } from '../../../src/core/errors.ts';
import { DATATYPES, allocate, type Tensor } from '../../../src/core/tensor.ts';
import { lengthField, textField } from '../../../src/protocol/proto-fields.ts';
import { decodeDirectCall, encodeDirectAnswer } from '../../../src/protocol/vertex/tensor-messages.ts';
import { bindInputs, jsonTensor, readJsonTensor, tensorOf } from '../../../src/protocol/vertex/tensors.ts';
import { fuzz, type Random } from '../../support/fuzz.ts';

/** The inputs of a request are as the outputs of an answer, in another field. */
function asCall(tensors: readonly Tensor[], names?: readonly string[]): Buffer {
  const answer = encodeDirectAnswer(tensors, names);
  // Outputs are field 1 and inputs field 2.
  const fields: Buffer[] = [];
  for (let at = 0; at < answer.length;) {
    let [size, shift, pos] = [0, 0, at + 1];
    for (; answer[pos]! > 0x7f; pos += 1, shift += 7) size += (answer[pos]! & 0x7f) * 2 ** shift;
    size += answer[pos]! * 2 ** shift;
    fields.push(lengthField(2, answer.subarray(pos + 1, pos + 1 + size)));
    at = pos + 1 + size;
  }
  return Buffer.concat([textField(1, 'projects/p/locations/l/endpoints/e'), ...fields]);
}

const said = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value));

function randomTensor(random: Random): Tensor {
  const datatype = DATATYPES[random.below(DATATYPES.length)]!;
  const shape = [1 + random.below(3), random.below(4)];
  const count = shape[0]! * shape[1]!;
  if (datatype === 'BYTES') {
    const bytes = random.chance(0.5);
    const data = Array.from({ length: count }, (_, i) => (bytes ? Uint8Array.of(i, 255) : `ü${i}`));
    return { datatype, shape, data };
  }
  const type = datatype === 'FP16' ? 'FP32' : datatype;
  const data = allocate(type, count);
  const view = new Uint8Array(data.buffer);
  for (let i = 0; i < view.length; i += 1) view[i] = type === 'BOOL' ? random.below(2) : random.bits() & 0xff;
  // JSON and Float32Array.from do not keep which NaN it was.
  if (data instanceof Float32Array || data instanceof Float64Array) {
    data.forEach((value, i) => (data[i] = Number.isNaN(value) ? NaN : value));
  }
  return { datatype: type, shape, data };
}

test('every datatype comes back as it went, in protobuf and as JSON', () => {
  fuzz((random) => {
    const tensors = [randomTensor(random), randomTensor(random)];
    const { inputs, endpoint } = decodeDirectCall(asCall(tensors));
    assert.equal(endpoint, 'projects/p/locations/l/endpoints/e');
    assert.deepEqual(
      inputs.map((raw) => tensorOf(raw, 'x')),
      tensors,
    );
    for (const tensor of tensors) {
      const text = JSON.stringify(jsonTensor(tensor, random.chance(0.5)));
      const { data, ...rest } = tensorOf(readJsonTensor(JSON.parse(text), 'x'), 'x');
      assert.deepEqual(rest, { datatype: tensor.datatype, shape: tensor.shape });
      assert.deepEqual(Array.from(data as unknown[], said), Array.from(tensor.data as unknown[], said));
    }
  }, 0.2);
});

test('inputs are found in their order or by their names, and are as many as there should be', () => {
  const tensor: Tensor = { datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, 2) };
  const spec = (name: string) => ({ name, datatype: 'FP32' as const, shape: [null, 2] });
  const signature = { inputs: [spec('a'), spec('b')], outputs: [], batched: true };
  const bound = (message: Buffer) => bindInputs(decodeDirectCall(message).inputs, signature);
  assert.deepEqual(bound(asCall([tensor, tensor])), {
    tensors: [
      { name: 'a', ...tensor },
      { name: 'b', ...tensor },
    ],
    isNamed: false,
  });
  assert.deepEqual(
    bound(asCall([tensor, tensor], ['b', 'a'])).tensors.map(({ name }) => name),
    ['b', 'a'],
  );
  assert.throws(() => bound(asCall([tensor])), /expected 2 tensors/);
});

test('what does not fit its type or shape is refused', () => {
  const read = (json: object) => () => tensorOf(readJsonTensor(json, 'x'), 'x');
  for (const [json, problem] of [
    [{ shape: ['1'], floatVal: [1] }, /dtype of "x" is missing/],
    [{ dtype: 99, floatVal: [1] }, /dtype of "x" is missing or unknown/],
    [{ dtype: 3, shape: ['2'], floatVal: [1] }, /has 1 values, and its shape says 2/],
    [{ dtype: 'FLOAT', shape: ['-1'], floatVal: [] }, /shape of "x"/],
    [{ dtype: 'INT8', intVal: [200] }, /value 0 of "x" is not of its dtype/],
    [{ dtype: 'INT64', int64Val: ['x'] }, /value 0 of "x" is not of its dtype/],
    [{ dtype: 'STRING', intVal: [1] }, /values that are not of its dtype/],
    [{ dtype: 3, shape: [1e9], tensorVal: 'AAAA' }, /has 3 bytes, fewer than its shape says/],
    [{ dtype: 3, shape: [1], tensorVal: 'AAAAAAA=' }, /has 5 bytes, and its shape says 4/],
    [{ dtype: 3, shape: ['x'], floatVal: [1] }, /shape of "x"/],
    [{ dtype: 'STRING', shape: ['1'], bytesVal: ['a!'] }, /"bytesVal" is not base64/],
    [{ dtype: 3, shape: [1], tensorVal: 'AAAAA' }, /"tensorVal" is not base64/],
    [{ other: 1 }, /Unknown name "other"/],
    [{ dtype: 3, floatVal: 1 }, /"floatVal" is no list/],
  ] as const) {
    assert.throws(read(json), { code: 'INVALID_REQUEST', message: problem });
  }
});

test('a damaged message is refused, or read, and never a bug', () => {
  fuzz((random) => {
    const message = asCall([randomTensor(random)], random.chance(0.5) ? ['x'] : undefined);
    for (let i = random.below(4); i >= 0; i -= 1) message[random.below(message.length)] = random.bits() & 0xff;
    const cut = message.subarray(0, random.chance(0.3) ? random.below(message.length) : message.length);
    const spec = { name: 'x', datatype: 'FP32' as const, shape: [null] };
    try {
      bindInputs(decodeDirectCall(cut).inputs, { inputs: [spec], outputs: [], batched: true });
    } catch (error) {
      assert.ok(error instanceof ServeryError, String(error));
      assert.notEqual(error.code, 'INTERNAL');
    }
  });
});
