import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Signature } from '../../../src/core/signature.ts';
import {
  allocate,
  bytesPerElement,
  DATATYPES,
  elementCount,
  isBytes,
  viewOf,
  type Datatype,
  type NamedTensor,
  type TensorData,
} from '../../../src/core/tensor.ts';
import { bindInferRequest } from '../../../src/protocol/open-inference/bind-request.ts';
import { decodeInferRequest } from '../../../src/protocol/open-inference/infer-request.ts';
import { encodeInferResponse } from '../../../src/protocol/open-inference/infer-response.ts';
import { decodeRawBinary } from '../../../src/protocol/open-inference/raw-binary.ts';
import { decodeIndexRequest, decodeLoadRequest } from '../../../src/protocol/open-inference/repository.ts';
import { refusalOf } from '../../support/client-error.ts';
import { fuzz, type Random } from '../../support/fuzz.ts';

const utf8 = new TextEncoder();
const text = new TextDecoder('utf-8', { ignoreBOM: true });

const PIECES = [
  '"', '\\', '{', '}', '[', ']', ',', ':', '-', '.', 'e', '0', '1e400', '-0', 'null', 'true', 'NaN', '""', '[[', ']]', '{}', '[]',
  '"inputs"', '"shape"', '"data"', '"datatype"', '"name"', '"parameters"', '"binary_data_size"', '"BYTES"', '"INT64"', '"FP16"',
  '"BF16"', '9007199254740993', '18446744073709551616', '-1', '1.5', '4294967296', '"__proto__":', '\\u0000', '\\ud800', '\u00e9',
].map((piece) => utf8.encode(piece)); // prettier-ignore

/** A tensor of any datatype and small shape, with all the values that its bits can say. */
function tensor(random: Random, name: string, datatype: Datatype = random.pick(DATATYPES)): NamedTensor {
  const shape = random.list(random.below(4), () => random.below(5));
  const count = elementCount(shape);
  return { name, datatype, shape, data: values(random, datatype, count) };
}

function values(random: Random, datatype: Datatype, count: number): TensorData {
  if (datatype === 'BYTES') return random.list(count, () => random.text(6));
  const data = allocate(datatype, count);
  if (datatype === 'BOOL') return (data as Uint8Array).map(() => random.below(2));
  const bytes = random.bytes(count * bytesPerElement(datatype));
  // Full of extremes: small numbers, and bits all set.
  if (random.chance(0.3)) bytes.fill(random.pick([0, 0xff, 0x7f, 0x80]));
  return viewOf(datatype, bytes.buffer, 0, count);
}

/** The same tensors as the body of a request. An answer's outputs have the form of a request's inputs. */
function asRequest(tensors: readonly NamedTensor[], binary: (i: number) => boolean) {
  const signature: Signature = {
    inputs: [],
    outputs: tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    batched: false,
  };
  const outputs = tensors.map(({ name }, i) => ({ name, binary: binary(i), classification: undefined }));
  const model = { name: 'm', version: 1 };
  const { body, headerLength } = encodeInferResponse({
    model,
    signature,
    tensors,
    id: 'x',
    outputs,
    binaryDefault: false,
  });
  const bytes = typeof body === 'string' ? utf8.encode(body) : body;
  const jsonLength = headerLength ?? bytes.length;
  const json = utf8.encode(text.decode(bytes.subarray(0, jsonLength)).replace('"outputs":', '"inputs":'));
  return {
    body: Uint8Array.from([...json, ...bytes.subarray(jsonLength)]),
    headerLength: headerLength === undefined ? undefined : json.length,
  };
}

const bits = ({ data }: { data: TensorData }): unknown =>
  isBytes(data)
    ? data.map((element) => (typeof element === 'string' ? element : text.decode(element)))
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** FP16 has no form in JSON, and NaN and the infinities have none that can be sent. */
function hasJsonForm({ datatype, data }: NamedTensor): boolean {
  if (datatype === 'FP16') return false;
  return (
    !(data instanceof Float32Array || data instanceof Float64Array) || (data as Float64Array).every(Number.isFinite)
  );
}

it('gives back every tensor that was written, bit for bit, in JSON and in binary', () => {
  fuzz((random) => {
    const tensors = random.list(1 + random.below(3), (i) => tensor(random, `x${i}${random.text(2)}`));
    const { body, headerLength } = asRequest(tensors, (i) => !hasJsonForm(tensors[i]!) || random.chance(0.5));
    const { inputs, id } = decodeInferRequest(body, headerLength);
    assert.equal(id, 'x');
    assert.deepEqual(
      inputs.map((input) => [input.name, input.datatype, input.shape, bits(input)]),
      tensors.map((input) => [input.name, input.datatype, input.shape, bits(input)]),
    );
  });
});

it('refuses random bytes in words', () => {
  fuzz((random) => {
    const body = random.bytes(random.below(60));
    refusalOf(() => decodeInferRequest(body, random.pick([undefined, 0, random.below(70)])));
    refusalOf(() => decodeIndexRequest(body));
    refusalOf(() => decodeLoadRequest(body));
  });
});

it('takes or refuses bodies that were good once', () => {
  let taken = 0;
  fuzz((random) => {
    const tensors = random.list(1 + random.below(2), (i) => tensor(random, `x${i}`));
    const { body, headerLength } = asRequest(tensors, (i) => !hasJsonForm(tensors[i]!) || random.chance(0.3));
    const mutated = random.mutate(body, PIECES);
    const length = headerLength === undefined || random.chance(0.8) ? headerLength : random.below(mutated.length + 10);
    const refusal = refusalOf(() => {
      for (const { datatype, shape, data } of decodeInferRequest(mutated, length).inputs) {
        assert.equal(data.length, elementCount(shape));
        assert.equal(isBytes(data), datatype === 'BYTES');
      }
    });
    if (refusal === undefined) taken += 1;
  });
  assert.ok(taken > 0, 'some mutations leave a body that can be read');
});

it('binds any request to any signature, or refuses it', () => {
  fuzz((random) => {
    const specs = (): Signature['outputs'] =>
      random.list(random.below(3), (i) => ({
        name: `x${i}`,
        datatype: random.pick(DATATYPES),
        shape: random.list(random.below(3), () => null),
      }));
    const signature = { inputs: specs(), outputs: specs(), batched: random.chance(0.5) };
    const outputs = random.list(random.below(3), (i) => ({
      name: `x${i}`,
      binary: random.pick([undefined, true, false]),
      classification: random.pick([undefined, 1, 5]),
    }));
    const inputs = random.list(random.below(3), (i) => tensor(random, `x${i}`));
    refusalOf(() => bindInferRequest({ inputs, outputs, binaryDefault: random.chance(0.5) }, signature, 'm'));
  });
});

it('reads a raw body as the shape says, or refuses it', () => {
  fuzz((random) => {
    const shape = random.list(1 + random.below(3), () => random.pick([null, 0, 1, 2, 3]));
    const batched = random.chance(0.5);
    if (batched) shape[0] = null;
    const spec = { name: 'x', datatype: random.pick(DATATYPES), shape };
    const body = random.bytes(random.below(40));
    refusalOf(() => {
      const [input] = decodeRawBinary(body, { inputs: [spec], outputs: [], batched });
      assert.equal(input!.data.length, elementCount(input!.shape));
      if (spec.datatype !== 'BYTES') assert.deepEqual(bits(input!), body);
    });
  });
});
