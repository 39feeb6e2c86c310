/** The reader of ONNX files, against files that are not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { ServeryError } from '../../../../src/core/errors.ts';
import { readModelProto } from '../../../../src/runtime/onnx/model-proto.ts';
import { cutZipMaps } from '../../../../src/runtime/onnx/zip-map.ts';
import { fixture, quickstart } from '../../../support/fixture-models.ts';
import { fuzz } from '../../../support/fuzz.ts';

function bytesOf({ folder, file }: ReturnType<typeof fixture>): Uint8Array {
  return readFileSync(path.join(folder, file));
}

/** Reads, or refuses: never anything else. */
function readOrRefuse(bytes: Uint8Array): void {
  try {
    cutZipMaps(bytes, readModelProto(bytes));
  } catch (error) {
    assert.ok(error instanceof ServeryError && error.code === 'MODEL_INVALID', String(error));
  }
}

test('nodes, weights and symbols are found', () => {
  const { graph, opsets, producer } = readModelProto(bytesOf(quickstart('iris')));
  assert.ok(graph.nodes.some(({ opType, domain }) => opType === 'LinearClassifier' && domain === 'ai.onnx.ml'));
  assert.deepEqual(graph.inputs[0]!.type, { kind: 'tensor', elementType: 1, shape: ['N', 4] });
  assert.equal(producer, 'skl2onnx');
  assert.ok(opsets.get('')! >= 13);
});

test('the weights of a large tree model are passed over, not copied', () => {
  const { graph } = readModelProto(bytesOf(quickstart('breast-cancer')));
  const [trees] = graph.nodes;
  assert.match(trees!.opType, /TreeEnsemble/);
  assert.ok([...trees!.attributes.keys()].every((name) => name.startsWith('classlabels')));
});

test('a cut model is whole: the reader finds a matrix where the dictionaries were', () => {
  const bytes = bytesOf(fixture('zipmap-strings'));
  const { model, cut } = cutZipMaps(bytes, readModelProto(bytes));
  assert.deepEqual(cut, ['output_probability']);
  assert.ok(!model.graph.nodes.some(({ opType }) => opType === 'ZipMap'));
  const output = model.graph.outputs.find(({ name }) => name === 'output_probability');
  assert.deepEqual(output!.type, { kind: 'tensor', elementType: 1, shape: undefined });
});

test('graphs nested without end are refused', () => {
  let graph = new Uint8Array();
  for (let depth = 0; depth < 5000; depth += 1) {
    const name = new BinaryWriter().tag(1, WireType.LengthDelimited).string('body').finish();
    const attribute = wrap(5, join(name, wrap(6, graph)));
    graph = wrap(1, attribute);
  }
  assert.throws(() => readModelProto(wrap(7, graph)), /nested too deeply/);
});

test('random bytes are refused', () => {
  fuzz((random) => readOrRefuse(Uint8Array.from({ length: random.below(200) }, () => random.below(256))));
});

test('damaged models are read or refused', () => {
  const models = [fixture('zipmap-strings'), fixture('with-if'), fixture('external-data'), fixture('all-types')].map(
    bytesOf,
  );
  fuzz((random) => {
    const bytes = Uint8Array.from(models[random.below(models.length)]!);
    for (let i = random.below(6); i >= 0; i -= 1) bytes[random.below(bytes.length)] = random.below(256);
    readOrRefuse(random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes);
  });
});

function wrap(field: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(body).finish());
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
