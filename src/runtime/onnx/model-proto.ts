/**
 * Reads what Servery must know of an ONNX file: names, types, and how the nodes hang together.
 *
 * Only these fields are decoded. Weights are passed over where they lie, and so are the long attributes of
 * tree ensembles, so the cost follows the number of nodes and not the size of the file.
 * Field numbers are those of the public `onnx.proto`.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { ServeryError } from '../../core/errors.ts';

export interface OnnxModel {
  readonly irVersion: number;
  readonly producer: string;
  /** Operator set version by domain; the default domain is ''. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: OnnxGraph;
  /** Bodies of the functions that the model brings along, by `domain:name`. */
  readonly functions: ReadonlyMap<string, readonly OnnxNode[]>;
  /** Where the graph field lies in the file, tag included. */
  readonly graphField: ByteRange;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** The message itself, without its tag. */
  readonly range: ByteRange;
}

export interface OnnxNode {
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Only those named in `ATTRIBUTES`. */
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
  readonly field: ByteRange;
}

export interface OnnxAttribute {
  readonly int: number | undefined;
  readonly text: string | undefined;
  readonly ints: readonly bigint[];
  readonly texts: readonly string[];
  readonly tensor: OnnxTensor | undefined;
  readonly graphs: readonly OnnxGraph[];
}

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly elementType: number;
  /** Raw little-endian values; undefined when they lie in typed fields or in another file. */
  readonly raw: Uint8Array | undefined;
  readonly int64s: readonly bigint[];
  readonly texts: readonly string[];
  /** The file that holds the values, as the artifact writes it. */
  readonly externalLocation: string | undefined;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly field: ByteRange;
}

export type OnnxType =
  | { readonly kind: 'tensor'; readonly elementType: number; readonly shape: readonly OnnxAxis[] | undefined }
  | { readonly kind: 'sequence' | 'map' | 'optional' | 'sparse tensor' | 'unknown' };

/** A size, a symbol, or nothing known. */
export type OnnxAxis = number | string | null;

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const ATTRIBUTES = new Set([
  ...['axis', 'axes', 'keepdims', 'noop_with_empty_axes', 'perm', 'transA', 'transB', 'layout', 'training_mode'],
  ...['value', 'value_int', 'value_ints', 'pads', 'body', 'then_branch', 'else_branch'],
  ...['classlabels_ints', 'classlabels_int64s', 'classlabels_strings'],
]);

/** Graphs in graphs: no real model comes near it. */
const MAX_DEPTH = 64;

const NO_VALUES: OnnxTensor = {
  name: '',
  dims: [],
  elementType: 0,
  raw: undefined,
  int64s: [],
  texts: [],
  externalLocation: undefined,
};

/** @throws {ServeryError} `MODEL_INVALID` when the bytes are not an ONNX model, whole and well-formed */
export function readModelProto(bytes: Uint8Array): OnnxModel {
  if (bytes.length === 0) throw notOnnx('it is empty');
  try {
    return readModel(bytes);
  } catch (error) {
    if (error instanceof ServeryError) throw error;
    throw notOnnx('it is damaged, cut short, or of another format', error);
  }
}

function readModel(bytes: Uint8Array): OnnxModel {
  const reader = new BinaryReader(bytes);
  const opsets = new Map<string, number>();
  const functions = new Map<string, readonly OnnxNode[]>();
  let irVersion = 0;
  let producer = '';
  let graph: OnnxGraph | undefined;
  let graphField: ByteRange = { start: 0, end: 0 };
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [field, wire] = reader.tag();
    if (field === 1 && wire === WireType.Varint) irVersion = readInt(reader);
    else if (wire !== WireType.LengthDelimited) reader.skip(wire, field);
    else if (field === 2) producer = reader.string();
    else if (field === 7) {
      graph = message(reader, (end) => readGraph(reader, end, 0));
      graphField = { start, end: reader.pos };
    } else if (field === 8) message(reader, (end) => readOpset(reader, end, opsets));
    else if (field === 25) message(reader, (end) => readFunction(reader, end, functions));
    else skipBytes(reader);
  }
  if (graph === undefined) throw notOnnx('it has no graph');
  return { irVersion, producer, opsets, graph, functions, graphField };
}

function readOpset(reader: BinaryReader, end: number, opsets: Map<string, number>): void {
  let domain = '';
  let version = 0;
  eachField(reader, end, (field, wire) => {
    if (field === 1 && wire === WireType.LengthDelimited) domain = reader.string();
    else if (field === 2 && wire === WireType.Varint) version = readInt(reader);
    else reader.skip(wire, field);
  });
  opsets.set(domain === 'ai.onnx' ? '' : domain, version);
}

function readFunction(reader: BinaryReader, end: number, functions: Map<string, readonly OnnxNode[]>): void {
  let name = '';
  let domain = '';
  const nodes: OnnxNode[] = [];
  eachField(reader, end, (field, wire, start) => {
    if (wire !== WireType.LengthDelimited) reader.skip(wire, field);
    else if (field === 1) name = reader.string();
    else if (field === 7) nodes.push(message(reader, (to) => readNode(reader, to, start, 0)));
    else if (field === 10) domain = reader.string();
    else skipBytes(reader);
  });
  functions.set(`${domain}:${name}`, nodes);
}

function readGraph(reader: BinaryReader, end: number, depth: number): OnnxGraph {
  if (depth > MAX_DEPTH) throw notOnnx('its graphs are nested too deeply');
  const range = { start: reader.pos, end };
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, OnnxTensor>();
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const keep = (tensor: OnnxTensor) => initializers.set(tensor.name, tensor);
  eachField(reader, end, (field, wire, start) => {
    if (wire !== WireType.LengthDelimited) reader.skip(wire, field);
    else if (field === 1) nodes.push(message(reader, (to) => readNode(reader, to, start, depth)));
    else if (field === 5) keep(message(reader, (to) => readTensor(reader, to)));
    else if (field === 11) inputs.push(message(reader, (to) => readValue(reader, to, start)));
    else if (field === 12) outputs.push(message(reader, (to) => readValue(reader, to, start)));
    else if (field === 15) keep(message(reader, (to) => readSparseTensor(reader, to)));
    else skipBytes(reader);
  });
  return { nodes, initializers, inputs, outputs, range };
}

function readNode(reader: BinaryReader, end: number, start: number, depth: number): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttribute>();
  let opType = '';
  let domain = '';
  eachField(reader, end, (field, wire) => {
    if (wire !== WireType.LengthDelimited) reader.skip(wire, field);
    else if (field === 1) inputs.push(reader.string());
    else if (field === 2) outputs.push(reader.string());
    else if (field === 4) opType = reader.string();
    else if (field === 5) message(reader, (to) => readAttribute(reader, to, depth, attributes));
    else if (field === 7) domain = reader.string();
    else skipBytes(reader);
  });
  return { opType, domain: domain === 'ai.onnx' ? '' : domain, inputs, outputs, attributes, field: { start, end } };
}

function readAttribute(reader: BinaryReader, end: number, depth: number, into: Map<string, OnnxAttribute>): void {
  const body = reader.pos;
  let name = '';
  eachField(reader, end, (field, wire) => {
    if (field === 1 && wire === WireType.LengthDelimited) {
      name = reader.string();
      // The name comes first in practice, so a long list that nobody asks for costs nothing.
      if (!ATTRIBUTES.has(name)) reader.pos = end;
    } else reader.skip(wire, field);
  });
  if (!ATTRIBUTES.has(name)) return;

  reader.pos = body;
  const ints: bigint[] = [];
  const texts: string[] = [];
  const graphs: OnnxGraph[] = [];
  let int: number | undefined;
  let text: string | undefined;
  let tensor: OnnxTensor | undefined;
  eachField(reader, end, (field, wire) => {
    if (field === 3 && wire === WireType.Varint) int = readInt(reader);
    else if (field === 8) readInt64s(reader, field, wire, ints);
    else if (wire !== WireType.LengthDelimited) reader.skip(wire, field);
    else if (field === 4) text = reader.string();
    else if (field === 5) tensor = message(reader, (to) => readTensor(reader, to));
    else if (field === 6 || field === 11) graphs.push(message(reader, (to) => readGraph(reader, to, depth + 1)));
    else if (field === 9) texts.push(reader.string());
    else skipBytes(reader);
  });
  into.set(name, { int, text, ints, texts, tensor, graphs });
}

function readTensor(reader: BinaryReader, end: number): OnnxTensor {
  const dims: bigint[] = [];
  const int64s: bigint[] = [];
  const texts: string[] = [];
  let { name, elementType, raw, externalLocation } = NO_VALUES;
  eachField(reader, end, (field, wire) => {
    if (field === 1) readInt64s(reader, field, wire, dims);
    else if (field === 2 && wire === WireType.Varint) elementType = readInt(reader);
    else if (field === 7) readInt64s(reader, field, wire, int64s);
    else if (wire !== WireType.LengthDelimited) reader.skip(wire, field);
    else if (field === 6) texts.push(reader.string());
    else if (field === 8) name = reader.string();
    else if (field === 9) raw = reader.bytes();
    else if (field === 13) {
      const [key, value] = message(reader, (to) => readEntry(reader, to));
      if (key === 'location') externalLocation = value;
    } else skipBytes(reader);
  });
  return { name, dims: dims.map(Number), elementType, raw, int64s, texts, externalLocation };
}

/** Only its name is asked for, which is that of its values. */
function readSparseTensor(reader: BinaryReader, end: number): OnnxTensor {
  let tensor = NO_VALUES;
  eachField(reader, end, (field, wire) => {
    if (field === 1 && wire === WireType.LengthDelimited) tensor = message(reader, (to) => readTensor(reader, to));
    else reader.skip(wire, field);
  });
  return tensor;
}

function readEntry(reader: BinaryReader, end: number): readonly [string, string] {
  let key = '';
  let value = '';
  eachField(reader, end, (field, wire) => {
    if (field === 1 && wire === WireType.LengthDelimited) key = reader.string();
    else if (field === 2 && wire === WireType.LengthDelimited) value = reader.string();
    else reader.skip(wire, field);
  });
  return [key, value];
}

function readValue(reader: BinaryReader, end: number, start: number): OnnxValue {
  let name = '';
  let type: OnnxType = { kind: 'unknown' };
  eachField(reader, end, (field, wire) => {
    if (field === 1 && wire === WireType.LengthDelimited) name = reader.string();
    else if (field === 2 && wire === WireType.LengthDelimited) type = message(reader, (to) => readType(reader, to));
    else reader.skip(wire, field);
  });
  return { name, type, field: { start, end } };
}

function readType(reader: BinaryReader, end: number): OnnxType {
  let type: OnnxType = { kind: 'unknown' };
  eachField(reader, end, (field, wire) => {
    if (field === 1 && wire === WireType.LengthDelimited) {
      type = message(reader, (to) => readTensorType(reader, to));
      return;
    }
    if (field === 4) type = { kind: 'sequence' };
    else if (field === 5) type = { kind: 'map' };
    else if (field === 8) type = { kind: 'sparse tensor' };
    else if (field === 9) type = { kind: 'optional' };
    reader.skip(wire, field);
  });
  return type;
}

function readTensorType(reader: BinaryReader, end: number): OnnxType {
  let elementType = 0;
  let shape: OnnxAxis[] | undefined;
  eachField(reader, end, (field, wire) => {
    if (field === 1 && wire === WireType.Varint) elementType = readInt(reader);
    else if (field === 2 && wire === WireType.LengthDelimited) {
      const axes: OnnxAxis[] = [];
      shape = axes;
      message(reader, (to) =>
        eachField(reader, to, (inner, innerWire) => {
          if (inner === 1 && innerWire === WireType.LengthDelimited) {
            axes.push(message(reader, (axisEnd) => readAxis(reader, axisEnd)));
          } else reader.skip(innerWire, inner);
        }),
      );
    } else reader.skip(wire, field);
  });
  return { kind: 'tensor', elementType, shape };
}

function readAxis(reader: BinaryReader, end: number): OnnxAxis {
  let axis: OnnxAxis = null;
  eachField(reader, end, (field, wire) => {
    if (field === 1 && wire === WireType.Varint) {
      // Some exporters write -1 or 0 for an axis of any size; a real 0 is a number all the same.
      const size = readInt(reader);
      axis = size < 0 ? null : size;
    } else if (field === 2 && wire === WireType.LengthDelimited) axis = reader.string() || null;
    else reader.skip(wire, field);
  });
  return axis;
}

/** Reads a length-delimited message whose tag has been read, and checks that its fields fill it exactly. */
function message<T>(reader: BinaryReader, read: (end: number) => T): T {
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError('a message reaches beyond the end');
  const result = read(end);
  if (reader.pos !== end) throw new RangeError('a field reaches beyond its message');
  return result;
}

function eachField(reader: BinaryReader, end: number, visit: (field: number, wire: WireType, start: number) => void) {
  while (reader.pos < end) {
    const start = reader.pos;
    const [field, wire] = reader.tag();
    visit(field, wire, start);
  }
}

function skipBytes(reader: BinaryReader): void {
  reader.skip(WireType.LengthDelimited);
}

function readInt(reader: BinaryReader): number {
  return Number(reader.int64());
}

/** One value, or a packed list: writers may choose. */
function readInt64s(reader: BinaryReader, field: number, wire: WireType, into: bigint[]): void {
  if (wire === WireType.Varint) into.push(BigInt(reader.int64()));
  else if (wire === WireType.LengthDelimited) {
    message(reader, (end) => {
      while (reader.pos < end) into.push(BigInt(reader.int64()));
    });
  } else reader.skip(wire, field);
}

function notOnnx(problem: string, cause?: unknown): ServeryError {
  return new ServeryError('MODEL_INVALID', `Cannot read the ONNX file: ${problem}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Export the model again, or copy the whole file; an ONNX model is one protobuf message.',
  });
}
