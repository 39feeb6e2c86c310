/** Vertex AI's bytes: values that say what JSON says, damaged messages, and the split of traffic. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServeryError } from '../../../src/core/errors.ts';
import type { Signature } from '../../../src/core/signature.ts';
import { DATATYPES, allocate, elementCount, type NumericDatatype, type Tensor } from '../../../src/core/tensor.ts';
import { encodePredictions } from '../../../src/protocol/instances.ts';
import { DEFAULT_DECODE_LIMITS } from '../../../src/protocol/json.ts';
import { WireReader } from '../../../src/protocol/open-inference-grpc/wire.ts';
import { protocolOptions } from '../../../src/protocol/options.ts';
import { lengthField, textField } from '../../../src/protocol/proto-fields.ts';
import { chooseDeployed, parseEndpointName } from '../../../src/protocol/vertex/endpoints.ts';
import { unwrapHttpBody, wrapHttpBody } from '../../../src/protocol/vertex/http-body.ts';
import { decodePredictCall, decodeRawPredictCall, encodeHttpBody } from '../../../src/protocol/vertex/messages.ts';
import { bindInstances, readPredictBody } from '../../../src/protocol/vertex/predict.ts';
import { decodeValue, encodeRows } from '../../../src/protocol/vertex/value.ts';
import { fuzz, type Random } from '../../support/fuzz.ts';

const X: Signature = { batched: true, inputs: [{ name: 'x', datatype: 'INT64', shape: [-1, 2] }], outputs: [] };

function randomTensor(random: Random, rows: number): Tensor {
  const datatype = random.pick(DATATYPES);
  const shape = [rows, ...random.list(random.below(3), () => random.below(4))];
  const count = elementCount(shape);
  if (datatype === 'BYTES') {
    return { datatype, shape, data: random.list(count, () => random.pick(['', 'a', 'é\u{1f600}', '"'])) };
  }
  const data = allocate(datatype as NumericDatatype, count);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  bytes.set(random.bytes(bytes.length).map((byte) => (datatype === 'BOOL' ? byte & 1 : byte)));
  // What a double can hold: the others are refused, see below.
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < data.length; i += 1) data[i] = BigInt(random.bits());
  }
  return { datatype, shape, data };
}

function randomAnswer(random: Random): { readonly signature: Signature; readonly outputs: readonly Tensor[] } {
  const rows = random.below(4);
  const outputs = random.list(1 + random.below(2), () => randomTensor(random, rows));
  const specs = outputs.map(({ datatype, shape }, i) => ({ name: `y${i}`, datatype, shape }));
  return { signature: { batched: true, inputs: [], outputs: specs }, outputs };
}

test('rows as Values are those of the JSON', () => {
  fuzz((random) => {
    const { signature, outputs } = randomAnswer(random);
    const values = encodeRows(signature, outputs).map((bytes) => decodeValue(new WireReader(bytes), 10));
    const { predictions } = JSON.parse(encodePredictions(signature, outputs, 'row')) as { predictions: unknown };
    assert.deepEqual(values, predictions);
  });
});

test('bytes are text, or base64 by the name of their output', () => {
  const data = [Buffer.from([0xff])];
  const of = (name: string) =>
    encodeRows({ batched: true, inputs: [], outputs: [{ name, datatype: 'BYTES', shape: [-1] }] }, [
      { datatype: 'BYTES', shape: [1], data },
    ]);
  assert.deepEqual(decodeValue(new WireReader(of('image_bytes')[0]!), 10), { b64: '/w==' });
  assert.throws(() => of('image'), { code: 'UNSUPPORTED' });
});

test('an integer that a double cannot hold is refused as a Value, and exact in JSON', () => {
  const outputs: readonly Tensor[] = [{ datatype: 'INT64', shape: [1], data: BigInt64Array.of(2n ** 53n + 1n) }];
  const signature: Signature = { batched: true, inputs: [], outputs: [{ name: 'y', datatype: 'INT64', shape: [-1] }] };
  assert.throws(() => encodeRows(signature, outputs), { code: 'UNSUPPORTED' });
  const request = readPredictBody(Buffer.from('{"instances": [[9007199254740993, 1]]}'));
  const [tensor] = bindInstances(request, X, DEFAULT_DECODE_LIMITS);
  assert.deepEqual(tensor!.data, BigInt64Array.of(9007199254740993n, 1n));
  const rounded = { instances: [[2 ** 60, 1]], parameters: undefined, bytes: 40 };
  assert.throws(() => bindInstances(rounded, X, DEFAULT_DECODE_LIMITS), { code: 'INVALID_INPUT' });
});

test('a Value without a kind, or nested beyond the limit, is refused', () => {
  assert.throws(() => decodeValue(new WireReader(Buffer.alloc(0)), 10), /has no kind/);
  let value: Buffer = Buffer.from([8, 0]);
  for (let i = 0; i < 11; i += 1) value = lengthField(6, lengthField(1, value));
  assert.throws(() => decodeValue(new WireReader(value), 10), /nesting depth/);
  assert.doesNotThrow(() => decodeValue(new WireReader(value), 11));
});

test('a damaged message is refused, or read, and never a bug', () => {
  fuzz((random) => {
    const { signature, outputs } = randomAnswer(random);
    const instances = encodeRows(signature, outputs).map((value) => lengthField(2, value));
    const message = Buffer.concat([textField(1, 'projects/p/locations/l/endpoints/e'), ...instances]);
    for (let i = random.below(4); i >= 0; i -= 1) message[random.below(message.length)] = random.bits() & 0xff;
    const cut = message.subarray(0, random.chance(0.3) ? random.below(message.length) : message.length);
    const text = Buffer.from(JSON.stringify({ instances: [[1, 2]], parameters: { a: 1 }, httpBody: { data: 'e30=' } }));
    text[random.below(text.length)] = random.bits() & 0x7f;
    for (const decode of [
      () => bindInstances(decodePredictCall(cut), X, DEFAULT_DECODE_LIMITS),
      () => decodeRawPredictCall(cut),
      () => bindInstances(readPredictBody(text), X, DEFAULT_DECODE_LIMITS),
      () => unwrapHttpBody(text),
    ]) {
      try {
        decode();
      } catch (error) {
        assert.ok(error instanceof ServeryError, String(error));
        assert.notEqual(error.code, 'INTERNAL');
      }
    }
  });
});

test('an HttpBody comes back as it went, and what only looks like one is left alone', () => {
  const wrapped = wrapHttpBody('application/json', '{"é": 1}');
  const { bytes, isWrapped } = unwrapHttpBody(Buffer.from(`{"httpBody": ${wrapped}}`));
  assert.deepEqual([Buffer.from(bytes).toString(), isWrapped], ['{"é": 1}', true]);
  const other = Buffer.from('{"httpBody": {}, "instances": []}');
  assert.deepEqual(unwrapHttpBody(other), { bytes: other, isWrapped: false });
  assert.equal(unwrapHttpBody(Buffer.from('{"httpBody": {}}')).bytes.length, 0);
  for (const data of ['"A"', '"AA="', '"a!"', '5']) {
    const damaged = Buffer.from(`{"httpBody": {"data": ${data}}}`);
    assert.throws(() => unwrapHttpBody(damaged), { code: 'INVALID_REQUEST', message: /expected "data" in base64/ });
  }
  const { data } = decodeRawPredictCall(lengthField(2, encodeHttpBody('text/plain', 'x')));
  assert.equal(Buffer.from(data).toString(), 'x');
});

test('the traffic of an endpoint is split by percent, which sums to 100', () => {
  const endpoint = (...traffic: readonly number[]) => ({
    id: '7',
    deployedModels: traffic.map((percent, i) => ({ id: String(i), model: `m${i}`, traffic: percent })),
  });
  const { vertex } = protocolOptions.parse({ vertex: { endpoints: [endpoint(0, 30, 70)] } });
  const name = parseEndpointName('projects/p/locations/l/endpoints/7');
  const at = (share: number) => chooseDeployed(vertex, name, share).id;
  assert.deepEqual([0, 0.29, 0.3, 0.9999999].map(at), ['1', '1', '2', '2']);
  assert.throws(() => protocolOptions.parse({ vertex: { endpoints: [endpoint(30, 60)] } }), /sums to 100/);
  for (const bad of ['', 'iris', 'projects/p/endpoints/7', 'projects/p/locations/l/endpoints/']) {
    assert.throws(() => parseEndpointName(bad), { code: 'INVALID_REQUEST' });
  }
});
