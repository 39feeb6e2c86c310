/**
 * Cuts ZipMap nodes out of a graph.
 *
 * scikit-learn's converter ends a classifier with one: it turns the matrix of probabilities into a list of
 * dictionaries, which ONNX Runtime cannot hand to JavaScript and no protocol can carry. The matrix itself
 * becomes the output, under the same name, and the keys of the dictionaries become its labels.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { readModelProto, type ByteRange, type OnnxModel, type OnnxNode } from './model-proto.ts';

export interface CutModel {
  readonly bytes: Uint8Array;
  readonly model: OnnxModel;
  /** Names of the outputs that were lists of dictionaries. */
  readonly cut: readonly string[];
}

const FLOAT = 1;

export function cutZipMaps(bytes: Uint8Array, model: OnnxModel): CutModel {
  const { graph } = model;
  const nodes = graph.nodes.filter(
    (node) => isZipMap(node) && graph.outputs.some(({ name }) => name === node.outputs[0]),
  );
  if (nodes.length === 0) return { bytes, model, cut: [] };

  const cut = nodes.map((node) => node.outputs[0]!);
  const edits = [
    ...nodes.map((node) => ({ at: node.field, bytes: pass(node) })),
    ...graph.outputs
      .filter(({ name }) => cut.includes(name))
      .map(({ name, field }) => ({ at: field, bytes: matrix(name) })),
  ];
  const body = splice(bytes, graph.range, edits);
  const before = bytes.subarray(0, model.graphField.start);
  const head = new BinaryWriter().tag(7, WireType.LengthDelimited).uint32(body.length).finish();
  const edited = concatenate([before, head, body, bytes.subarray(model.graphField.end)]);
  return { bytes: edited, model: readModelProto(edited), cut };
}

function isZipMap({ opType, domain }: OnnxNode): boolean {
  return opType === 'ZipMap' && domain === 'ai.onnx.ml';
}

/** A node that hands the matrix on under the name that the dictionaries had. */
function pass(node: OnnxNode): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(node.inputs[0] ?? '');
  writer.tag(2, WireType.LengthDelimited).string(node.outputs[0]!);
  writer.tag(4, WireType.LengthDelimited).string('Identity');
  return writer.join().finish();
}

/** An output of floats, without a shape: the run at load shows it. */
function matrix(name: string): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(12, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(name);
  writer.tag(2, WireType.LengthDelimited).fork(); // TypeProto
  writer.tag(1, WireType.LengthDelimited).fork(); // its tensor
  writer.tag(1, WireType.Varint).int32(FLOAT);
  return writer.join().join().join().finish();
}

function splice(
  bytes: Uint8Array,
  range: ByteRange,
  edits: readonly { at: ByteRange; bytes: Uint8Array }[],
): Uint8Array {
  const parts: Uint8Array[] = [];
  let from = range.start;
  for (const edit of edits.toSorted((a, b) => a.at.start - b.at.start)) {
    parts.push(bytes.subarray(from, edit.at.start), edit.bytes);
    from = edit.at.end;
  }
  parts.push(bytes.subarray(from, range.end));
  return concatenate(parts);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
