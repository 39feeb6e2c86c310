/** TensorFlow Serving's bytes: what damaged messages do, and the numbers of its JSON. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServeryError } from '../../../../src/core/errors.ts';
import { DATATYPES, allocate, type NumericDatatype, type Tensor } from '../../../../src/core/tensor.ts';
import { WireReader } from '../../../../src/protocol/open-inference-grpc/wire.ts';
import { TENSORFLOW_SERVING_JSON, decimalText } from '../../../../src/protocol/tensorflow-serving/lax-json.ts';
import {
  decodeExampleListRequest,
  decodeModelQuestion,
  decodeMultiInferenceRequest,
  decodePredictRequest,
  decodeReloadRequest,
} from '../../../../src/protocol/tensorflow-serving/messages.ts';
import { lengthField, textField } from '../../../../src/protocol/proto-fields.ts';
import { decodeTensorProto, encodeTensorProto } from '../../../../src/protocol/tensorflow-serving/tensor-proto.ts';
import {
  readBatchingParameters,
  readModelConfig,
  readMonitoringConfig,
} from '../../../../src/protocol/tensorflow-serving/server-config.ts';
import { fuzz, type Random } from '../../../support/fuzz.ts';

function randomTensor(random: Random): Tensor {
  const datatype = random.pick(DATATYPES);
  const shape = random.list(random.below(3), () => random.below(4));
  const count = shape.reduce((all, size) => all * size, 1);
  if (datatype === 'BYTES') {
    return { datatype, shape, data: random.list(count, () => Buffer.from(random.bytes(random.below(6)))) };
  }
  const data = allocate(datatype as NumericDatatype, count);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  bytes.set(random.bytes(bytes.length).map((byte) => (datatype === 'BOOL' ? byte & 1 : byte)));
  return { datatype, shape, data };
}

test('a tensor comes back as it went, bit for bit', () => {
  fuzz((random) => {
    const tensor = randomTensor(random);
    const { name, ...back } = decodeTensorProto('x', new WireReader(encodeTensorProto(tensor)));
    assert.equal(name, 'x');
    assert.deepEqual([back.datatype, back.shape], [tensor.datatype, tensor.shape]);
    const bytesOf = ({ data }: Tensor) => (Array.isArray(data) ? data : Buffer.from((data as Uint8Array).buffer));
    assert.deepEqual(bytesOf(back), bytesOf(tensor));
  });
});

test('integers are written as protobuf writes them, and a list may be shorter than its shape', () => {
  const negative = encodeTensorProto({ datatype: 'INT32', shape: [1], data: Int32Array.of(-2) });
  assert.equal(negative.toString('hex'), `0803120412020801${'3a0afe'}${'ff'.repeat(8)}01`);
  const sent = (size: number, run: string) => {
    const bytes = Buffer.from(run, 'hex');
    const shape = lengthField(2, lengthField(2, Buffer.from([8, size])));
    const proto = Buffer.concat([Buffer.from([8, 3]), shape, lengthField(7, bytes)]);
    return decodeTensorProto('x', new WireReader(proto)).data;
  };
  assert.deepEqual(sent(2, '0102'), Int32Array.of(1, 2));
  assert.deepEqual(sent(3, '0102'), Int32Array.of(1, 2, 2));
  assert.deepEqual(sent(2, 'feffffff0f02'), Int32Array.of(-2, 2));
  assert.throws(() => sent(1, '0102'), /not the 1 elements of its shape/);
  assert.throws(() => sent(2, '010280'), ServeryError);
});

test('a damaged message is refused, or read, and never a bug', () => {
  fuzz((random) => {
    const entry = lengthField(2, textField(1, 'x'), lengthField(2, encodeTensorProto(randomTensor(random))));
    const message = Buffer.concat([lengthField(1, textField(1, 'm'), textField(4, 'label')), entry]);
    for (let i = random.below(4); i >= 0; i -= 1) message[random.below(message.length)] = random.bits() & 0xff;
    const cut = message.subarray(0, random.chance(0.3) ? random.below(message.length) : message.length);
    for (const decode of [
      decodePredictRequest,
      decodeExampleListRequest,
      decodeModelQuestion,
      decodeReloadRequest,
      decodeMultiInferenceRequest,
    ]) {
      try {
        decode(cut);
      } catch (error) {
        assert.ok(error instanceof ServeryError, String(error));
        assert.notEqual(error.code, 'INTERNAL');
      }
    }
  });
});

test("numbers are printed as C's %.6g, in all digits where these are not enough", () => {
  const cases: readonly (readonly [number, boolean, string])[] = [
    [0.5, false, '0.5'],
    [Math.fround(0.2), false, '0.2'],
    [Math.fround(3e-5), false, '3e-05'],
    [9_000_000, false, '9e+06'],
    [16_777_217, true, '16777217.0'],
    [-0, false, '-0.0'],
    [100, false, '100.0'],
    [Math.fround(1 / 3), false, '0.333333343'],
    [1 / 3, true, '0.33333333333333331'],
    [NaN, false, 'NaN'],
    [-Infinity, true, '-Infinity'],
  ];
  for (const [value, isDouble, text] of cases) assert.equal(decimalText(value, isDouble), text);
  fuzz((random) => {
    const value = new Float64Array(random.bytes(8).buffer)[0]!;
    if (Number.isFinite(value)) assert.equal(Number(decimalText(value, true)), value);
    const float = Math.fround(value);
    if (Number.isFinite(float)) assert.equal(Math.fround(Number(decimalText(float, false))), float);
  });
});

test('bare tokens are read beside texts that look like them', () => {
  const text = '{"NaN": [NaN, -Infinity, Infinity, "NaN", "\\"NaN", {"b": NaN}], "n": 1}';
  const expected = { NaN: [NaN, -Infinity, Infinity, 'NaN', '"NaN', { b: NaN }], n: 1 };
  assert.deepEqual(TENSORFLOW_SERVING_JSON.parse(text), expected);
  assert.throws(() => TENSORFLOW_SERVING_JSON.parse('{"a": NaNa}'), ServeryError);
  assert.deepEqual(TENSORFLOW_SERVING_JSON.parseExactly('[9007199254740993, NaN]'), [9007199254740993n, NaN]);
});

test('configuration files become models, batching and notes', () => {
  const models = readModelConfig(`
    # two models
    model_config_list {
      config { name: "a" base_path: '/m/' "a" model_platform: "tensorflow"
        model_version_policy { specific { versions: 1, versions: 2 } }
        version_labels { key: 'stable' value: 1 }, version_labels { key: 'canary' value: 2 } }
      config: < name: "b"; base_path: "/b" model_version_policy: { latest { num_versions: 3 } } logging_config {} >
    }`);
  assert.deepEqual(models.value, [
    { name: 'a', basePath: '/m/a', versions: [1, 2], labels: { stable: 1, canary: 2 } },
    { name: 'b', basePath: '/b', versions: { latest: 3 }, labels: {} },
  ]);
  assert.match(models.notes.join(), /logging_config/);
  const batching = readBatchingParameters(
    'max_batch_size { value: 32 } batch_timeout_micros { value: 1500 } max_enqueued_batches { value: 10 } allowed_batch_sizes: [1, 32]',
  );
  assert.deepEqual(batching.value, { maxRows: 32, maxQueuedRows: 320 });
  assert.match(batching.notes.join(), /batch_timeout_micros.*allowed_batch_sizes/);
  assert.match(readMonitoringConfig('prometheus_config { enable: true path: "/prom" }').join(), /not at \/prom/);
  for (const bad of ['', 'model_config_list {', 'model_config_list { config { name: "a/b" } }', '%', 'a: }']) {
    assert.throws(() => readModelConfig(bad), { code: 'CONFIG_INVALID' }, bad);
  }
});

test('a damaged configuration file is refused with its line, or read', () => {
  const good = [
    "model_config_list { config { name: 'a' base_path: '/m' model_version_policy { specific { versions: [1, 2] } } } }",
    'model_config_list: < config: < name: "b"; version_labels { key: "s" value: 1 } > >',
    'max_batch_size { value: 32 } # rows',
  ].map((text) => Buffer.from(text));
  const pieces = ['{', '}', '<', '[', ']', ':', "'", '"', '\\', '#', '\n', '9'.repeat(20), 'config'].map((text) =>
    Buffer.from(text),
  );
  fuzz((random) => {
    const text = Buffer.from(random.mutate(random.pick(good), pieces)).toString('latin1');
    for (const read of [readModelConfig, readBatchingParameters, readMonitoringConfig]) {
      try {
        read(text);
      } catch (error) {
        assert.ok(error instanceof ServeryError, String(error));
        assert.equal(error.code, 'CONFIG_INVALID');
      }
    }
  });
});

test('examples are bounded, and so is what they share: it counts once for each of them', () => {
  const names = Array.from({ length: 3000 }, (_, i) => lengthField(1, textField(1, `f${i}`), lengthField(2)));
  const context = lengthField(2, lengthField(1, ...names));
  const examples = (count: number) => Buffer.alloc(2 * count, Buffer.from([(1 << 3) | 2, 0]));
  const read = (...parts: readonly Buffer[]) => decodeExampleListRequest(lengthField(2, lengthField(2, ...parts)));
  assert.equal(read(context, examples(2)).examples.length, 2);
  for (const [message, problem] of [
    [() => read(context, examples(2000)), /makes 6000000 features of 2000 examples/],
    [() => read(examples(2 ** 20 + 1)), /more than 1048576 examples/],
  ] as const) {
    assert.throws(message, { code: 'INVALID_REQUEST', message: problem });
  }
});
