/**
 * Predictions by instances: the JSON that TensorFlow Serving and KServe's first protocol have in common.
 *
 * `{"instances": […]}` has an item for each row, `{"inputs": …}` a tensor for each input; the answer has the form of
 * the question. Shapes are not said but read from the nesting. Rules: TensorFlow Serving, `g3doc/api_rest.md` and
 * `util/json_tensor.cc`.
 */
import { ServeryError, invalidInput, quote } from '../core/errors.ts';
import { bodyInput } from '../core/handler-envelope.ts';
import type { Signature, TensorSpec } from '../core/signature.ts';
import { elementCount, type BytesElement, type NamedTensor, type Tensor } from '../core/tensor.ts';
import { fromBase64 } from './base64.ts';
import {
  DEFAULT_DECODE_LIMITS,
  InexactInteger,
  decodeText,
  isJsonObject,
  parseJson,
  parseJsonExactly,
  type DecodeLimits,
} from './json.ts';
import { fillFrom, shapeOfNest } from './nested-lists.ts';
import { STRICT_FLOATS, allocateData, fill, isFloat, isList, problemOf, type FloatRules } from './values-in.ts';
import { jsonNested, jsonValue } from './values-out.ts';

export type InstancesForm = 'row' | 'column';

/** How the JSON of a protocol differs from JSON. */
export interface InstancesDialect {
  /** @throws {ServeryError} `INVALID_REQUEST` */
  readonly parse: (text: string) => unknown;
  /** Like `parse`, with integers beyond 2^53 as bigint. */
  readonly parseExactly: (text: string) => unknown;
  readonly floats: FloatRules;
  /** In an object of inputs, those that the model does not have are left alone. */
  readonly ignoresOtherInputs?: boolean;
  /** Floating-point values as nested as `shape` says. */
  readonly floatsText: (tensor: Tensor, shape: readonly number[], from: number, name: string) => string;
}

/** Of the signature that is meant where none is named. */
const DEFAULT_SIGNATURE = 'serving_default';

export const STRICT_INSTANCES: InstancesDialect = {
  parse: (text) => parseJson(text),
  parseExactly: parseJsonExactly,
  floats: STRICT_FLOATS,
  floatsText: valuesText,
};

/** A list of `inputs` says the same as one of `instances`, and so does its answer. */
export const KSERVE: InstancesDialect = {
  ...STRICT_INSTANCES,
  parse: (text) => withInstances(STRICT_INSTANCES.parse(text)),
  parseExactly: (text) => withInstances(STRICT_INSTANCES.parseExactly(text)),
};

function withInstances(document: unknown): unknown {
  if (!isJsonObject(document) || document['instances'] !== undefined || !Array.isArray(document['inputs'])) {
    return document;
  }
  const { inputs, ...rest } = document;
  return { ...rest, instances: inputs };
}

export interface InstancesRequest {
  readonly form: InstancesForm;
  /** Which of several signatures is asked for. */
  readonly signatureName: string;
  /** In the order of the signature; for `checkInputs`. */
  readonly tensors: readonly NamedTensor[];
}

/** The signature that a request names, or undefined when there is none of this name. */
export type FindSignature = (name: string) => Signature | undefined;

/**
 * @param signatures the only one, or how to find one by its name
 * @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`
 */
export function decodeInstances(
  body: Uint8Array,
  signatures: Signature | FindSignature,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
  dialect: InstancesDialect = STRICT_INSTANCES,
): InstancesRequest {
  if (body.length === 0) throw new ServeryError('INVALID_REQUEST', 'JSON Parse error: The document is empty');
  const text = decodeText(body);
  const document = dialect.parse(text);
  const find: FindSignature =
    typeof signatures === 'function' ? signatures : (name) => (name === DEFAULT_SIGNATURE ? signatures : undefined);
  const { floats, ignoresOtherInputs = false } = dialect;
  const mostElements = Math.min(text.length, limits.maxElements);
  const reader = { limits, floats, ignoresOtherInputs, mostElements };
  try {
    return readDocument(document, find, reader);
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return readDocument(dialect.parseExactly(text), find, reader);
  }
}

/**
 * The same of instances that a protocol has in a message of its own.
 *
 * @param mostValues as many as the message could hold
 * @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`
 */
export function instancesTensors(
  instances: unknown,
  signature: Signature,
  limits: DecodeLimits,
  mostValues: number,
): readonly NamedTensor[] {
  const mostElements = Math.min(mostValues, limits.maxElements);
  return readRows(instances, { signature, limits, floats: STRICT_INSTANCES.floats, mostElements });
}

interface Reader extends NestLimits {
  readonly signature: Signature;
  readonly ignoresOtherInputs?: boolean;
}

function readDocument(document: unknown, find: FindSignature, limits: Omit<Reader, 'signature'>): InstancesRequest {
  if (!isJsonObject(document)) throw malformed('Is not object');
  const { instances, inputs, signature_name: given } = document;
  if (given !== undefined && typeof given !== 'string') {
    throw malformed("not formatted correctly. 'signature_name' key must be a string value.");
  }
  const signatureName = given === undefined || given === '' ? DEFAULT_SIGNATURE : given;
  const signature = find(signatureName);
  if (signature === undefined) {
    const problem = `Serving signature name: ${quote(signatureName)} not found in signature def`;
    throw new ServeryError('INVALID_REQUEST', problem, { hint: '`signatures` in model.yaml names more than one.' });
  }
  const reader: Reader = { ...limits, signature };
  if (instances !== undefined && inputs !== undefined) {
    throw malformed("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist");
  }
  if (instances !== undefined) return { form: 'row', signatureName, tensors: readRows(instances, reader) };
  if (inputs !== undefined) return { form: 'column', signatureName, tensors: readColumns(inputs, reader) };
  throw new ServeryError('INVALID_REQUEST', "Missing 'inputs' or 'instances' key");
}

function readRows(instances: unknown, reader: Reader): readonly NamedTensor[] {
  const specs = reader.signature.inputs;
  if (!Array.isArray(instances) || instances.length === 0) {
    throw malformed("Expecting 'instances' value to be a non-null/non-empty array");
  }
  const isKeyed = isNamed(instances[0]);
  if (!isKeyed && specs.length !== 1) throw malformed(`Expecting objects with the ${specs.length} inputs of the model`);
  const [only] = specs;
  if (!isKeyed && only !== undefined && Array.isArray(instances[0])) refuseUnequal(instances);
  if (!isKeyed) {
    if (instances.some(isNamed)) throw malformed('Expecting all instances to be values, or all to be objects');
    return only === undefined ? [] : [readNest(only, instances, reader)];
  }
  instances.forEach((instance: unknown, i) => refuseOtherKeys(instance, specs, `instances[${i}]`));
  return specs.map((spec) => {
    const values = instances.map((instance: Record<string, unknown>) => instance[spec.name]);
    refuseUnequal(values);
    return readNest(spec, values, reader);
  });
}

/**
 * Instances for a handler with a route of its own: each is a body.
 *
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function decodeBodies(body: Uint8Array, signature: Signature): readonly NamedTensor[] {
  const document = parseJson(decodeText(body));
  const instances = isJsonObject(document) ? (document['instances'] ?? document['inputs']) : undefined;
  if (!Array.isArray(instances) || instances.length === 0) {
    throw malformed("Expecting 'instances' value to be a non-null/non-empty array");
  }
  return bodyInput(
    signature,
    instances.map((instance) => JSON.stringify(instance)),
  );
}

/** Whether a body has one instance, which is what a stream can answer. @throws {ServeryError} `INVALID_REQUEST` */
export function isOneInstance(body: Uint8Array): boolean {
  const document = parseJson(decodeText(body));
  const instances = isJsonObject(document) ? (document['instances'] ?? document['inputs']) : undefined;
  return Array.isArray(instances) && instances.length === 1;
}

/** By their outer lists: what differs within an instance shows when it is read. */
function refuseUnequal(values: readonly unknown[]): void {
  const [first] = values;
  if (!Array.isArray(first)) return;
  for (let i = 1; i < values.length; i += 1) {
    const value = values[i];
    if (!Array.isArray(value) || value.length === first.length) continue;
    const isFlat = !Array.isArray(first[0]) && !Array.isArray(value[0]);
    const problem = isFlat
      ? `Expecting tensor size: ${first.length} but got: ${value.length}`
      : `Expecting shape ${shapeText(first)} but got: ${shapeText(value)}`;
    throw new ServeryError('INVALID_REQUEST', `Failed to process element: ${i} of 'instances' list. Error: ${problem}`);
  }
}

function shapeText(list: readonly unknown[]): string {
  const inner = Array.isArray(list[0]) ? `,${list[0].length}` : '';
  return `[${list.length}${inner}]`;
}

/**
 * Inputs by name, each as a nest; the one input of a model also alone.
 *
 * @param size of the text that they were read from, in characters
 * @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`
 */
export function decodeInputs(
  inputs: unknown,
  signature: Signature,
  size: number,
  limits: DecodeLimits,
): readonly NamedTensor[] {
  const mostElements = Math.min(size, limits.maxElements);
  return readColumns(inputs, { signature, limits, floats: STRICT_INSTANCES.floats, mostElements });
}

/** The one output as a nest, or an object of all. */
export function encodeOutputs(
  { outputs: specs }: Signature,
  outputs: readonly Tensor[],
  dialect: InstancesDialect = STRICT_INSTANCES,
): string {
  const texts = specs.map((spec, i) => nestText(spec, outputs[i]!, outputs[i]!.shape, 0, dialect));
  return specs.length === 1 ? texts[0]! : objectText(specs, texts);
}

function readColumns(inputs: unknown, reader: Reader): readonly NamedTensor[] {
  const specs = reader.signature.inputs;
  const [only] = specs;
  if (!isNamed(inputs)) {
    if (specs.length !== 1 || only === undefined) {
      throw malformed(`Expecting an object with the ${specs.length} inputs of the model`);
    }
    return [readNest(only, inputs, reader)];
  }
  refuseOtherKeys(inputs, specs, "'inputs'", reader.ignoresOtherInputs);
  return specs.map((spec) => readNest(spec, inputs[spec.name], reader));
}

/** An object of inputs, and not one that stands for bytes. */
function isNamed(value: unknown): value is Record<string, unknown> {
  return isJsonObject(value) && !isBase64(value);
}

function isBase64(value: object): value is { readonly b64: unknown } {
  return Object.hasOwn(value, 'b64') && Object.keys(value).length === 1;
}

function refuseOtherKeys(value: unknown, specs: readonly TensorSpec[], where: string, areIgnored = false): void {
  if (!isNamed(value)) throw malformed(`Expecting ${where} to be an object, as the first is`);
  const unknown = areIgnored ? undefined : Object.keys(value).find((key) => !specs.some(({ name }) => name === key));
  if (unknown !== undefined) throw malformed(`${where} has no input ${quote(unknown)} in the signature of the model`);
  const missing = specs.find(({ name }) => !Object.hasOwn(value, name));
  if (missing !== undefined) throw malformed(`Missing named input ${quote(missing.name)} in ${where}`);
}

export interface NestLimits {
  readonly limits: DecodeLimits;
  readonly floats: FloatRules;
  /** Each value takes a character at least: what a shape promises must not make us allocate. */
  readonly mostElements: number;
}

/**
 * One tensor from nested lists, whose nesting is its shape.
 *
 * @throws {ServeryError} `INVALID_INPUT`, `PAYLOAD_TOO_LARGE`
 */
export function readNest(spec: TensorSpec, value: unknown, { limits, floats, mostElements }: NestLimits): NamedTensor {
  const { name, datatype } = spec;
  if (datatype === 'FP16') throw invalidInput(name, 'FP16 has no JSON form');
  const list = isList(value) ? value : [value];
  const shape = isList(value) ? shapeOfNest(value, limits.maxNesting) : [];
  const count = elementCount(shape);
  if (count > mostElements) throw invalidInput(name, 'its lists differ in length, or it has too many values');
  if (datatype === 'BYTES') return { name, datatype, shape, data: readBytes(name, value, shape) };
  const data = allocateData(datatype, count);
  const misfit = fillFrom(list, shape, count, datatype, data, 0, limits.maxNesting, floats);
  if (misfit === undefined) return { name, datatype, shape, data };
  if ('problem' in misfit) throw invalidInput(name, misfit.problem);
  throw problemOf(datatype, misfit.value, `element ${misfit.element} of input ${quote(name)}`);
}

/** Texts, and `{"b64": "…"}` for bytes. */
function readBytes(name: string, value: unknown, shape: readonly number[]): readonly BytesElement[] {
  const elements: unknown[] = [];
  const visit = (nest: unknown, axis: number): void => {
    if (axis === shape.length) elements.push(isJsonObject(nest) && isBase64(nest) ? bytesOf(nest.b64) : nest);
    else if (!Array.isArray(nest) || nest.length !== shape[axis]) {
      throw invalidInput(name, 'its lists differ in length');
    } else for (const item of nest) visit(item, axis + 1);
  };
  visit(value, 0);
  const data: BytesElement[] = new Array(elements.length);
  const element = fill('BYTES', data, 0, elements);
  if (element === -1) return data;
  throw problemOf('BYTES', elements[element], `element ${element} of input ${quote(name)}`);
}

function bytesOf(text: unknown): Uint8Array {
  const bytes = typeof text === 'string' ? fromBase64(text) : undefined;
  if (bytes === undefined) throw malformed('Unable to base64 decode');
  return bytes;
}

/**
 * @param form that of the question
 * @throws {ServeryError} `INVALID_REQUEST` when rows are asked for and the outputs differ in their number
 */
export function encodePredictions(
  signature: Signature,
  outputs: readonly Tensor[],
  form: InstancesForm,
  dialect: InstancesDialect = STRICT_INSTANCES,
): string {
  const specs = signature.outputs;
  const isSingle = specs.length === 1;
  if (form === 'column') return `{"outputs":${encodeOutputs(signature, outputs, dialect)}}`;
  const rows = rowsOf(specs, outputs);
  const items: string[] = [];
  for (let row = 0; row < rows; row += 1) {
    const texts = specs.map((spec, i) => {
      const inner = outputs[i]!.shape.slice(1);
      return nestText(spec, outputs[i]!, inner, row * elementCount(inner), dialect);
    });
    items.push(isSingle ? texts[0]! : objectText(specs, texts));
  }
  return `{"predictions":[${items.join(',')}]}`;
}

/** @throws {ServeryError} `INVALID_REQUEST` when the outputs differ in their number of rows, or one has none */
export function rowsOf(specs: readonly TensorSpec[], outputs: readonly Tensor[]): number {
  const rows = outputs[0]?.shape[0];
  for (const [i, { shape }] of outputs.entries()) {
    if (shape[0] !== undefined && shape[0] === rows) continue;
    const problem =
      shape[0] === undefined
        ? 'has no shape information'
        : `has inconsistent batch size: ${shape[0]} expecting: ${rows}`;
    throw new ServeryError('INVALID_REQUEST', `Cannot answer by rows: Tensor name: ${specs[i]!.name} ${problem}`, {
      hint: 'Ask with "inputs".',
    });
  }
  return rows ?? 0;
}

function objectText(specs: readonly TensorSpec[], texts: readonly string[]): string {
  return `{${specs.map(({ name }, i) => `${JSON.stringify(name)}:${texts[i]}`).join(',')}}`;
}

function nestText(
  { name }: TensorSpec,
  tensor: Tensor,
  shape: readonly number[],
  from: number,
  { floatsText }: InstancesDialect,
): string {
  if (isFloat(tensor.datatype)) return floatsText(tensor, shape, from, name);
  // By this ending TensorFlow Serving knows what is bytes and not text.
  if (tensor.datatype === 'BYTES' && name.endsWith('_bytes')) return bytesText(tensor, shape, from);
  return valuesText(tensor, shape, from, name);
}

function valuesText(tensor: Tensor, shape: readonly number[], from: number, name: string): string {
  return shape.length === 0 ? jsonValue(tensor, from, name) : jsonNested(tensor, shape, from, name);
}

function bytesText(tensor: Tensor, shape: readonly number[], from: number): string {
  const [size, ...inner] = shape;
  if (size === undefined) {
    const b64 = Buffer.from(tensor.data[from] as BytesElement as Uint8Array).toString('base64');
    return JSON.stringify({ b64 });
  }
  const step = elementCount(inner);
  return `[${Array.from({ length: size }, (_, i) => bytesText(tensor, inner, from + i * step)).join(',')}]`;
}

function malformed(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `JSON Value: ${problem}`);
}
