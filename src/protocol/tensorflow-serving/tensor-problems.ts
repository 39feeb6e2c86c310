/**
 * What TensorFlow Serving says of a body whose tensors do not fit: its clients look for these texts.
 *
 * Asked only when a body was refused already, so it may be slow; it looks at the values in the order of the original,
 * which stops at the first that is wrong. Where the original prints a value, this leaves it out. Order and texts: its
 * `util/json_tensor.cc`.
 */
import { isJsonObject } from '../json.ts';
import { elementCount, type Datatype } from '../../core/tensor.ts';
import type { Signature } from '../../core/signature.ts';
import { fromBase64 } from '../base64.ts';
import { bare, datatypeWord, jsonKind } from './words.ts';

/** Deeper nests are refused in other words. */
const MAX_AXES = 32;

export interface TensorProblem {
  readonly text: string;
  /** The original has no JSON for the datatype at all. */
  readonly isUnsupported: boolean;
}

/** @returns undefined where the original would find nothing wrong */
export function problemOfTensors(
  document: Readonly<Record<string, unknown>>,
  signature: Signature,
): TensorProblem | undefined {
  const { instances, inputs } = document;
  const datatypes = new Map(signature.inputs.map(({ name, datatype }) => [name, datatype]));
  try {
    if (Object.hasOwn(document, 'instances')) readInstances(instances, datatypes);
    else readInputs(inputs, datatypes);
    return undefined;
  } catch (problem) {
    if (problem instanceof Found) return problem;
    throw problem;
  }
}

/** Thrown, and caught above: the depth of the nest is that of the calls. */
class Found extends Error implements TensorProblem {
  readonly text: string;
  readonly isUnsupported: boolean;

  constructor(text: string, isUnsupported = false) {
    super(text);
    this.text = text;
    this.isUnsupported = isUnsupported;
  }
}

type Datatypes = ReadonlyMap<string, Datatype>;

interface FirstTensor {
  readonly size: number;
  readonly shape: readonly number[];
}

const MANY = 'multiple input tensors required as per tensorinfo_map';

function readInstances(instances: unknown, datatypes: Datatypes): void {
  if (!Array.isArray(instances)) throw new Found("JSON Value: Expecting 'instances' to be an list/array");
  if (instances.length === 0) throw new Found("JSON Value: No values in 'instances' array");
  if (!isJsonObject(instances[0]) && datatypes.size > 1) {
    throw new Found(`instances is a plain list, but expecting list of objects as ${MANY}`);
  }
  const hasNames = isNamed(instances[0]);
  const names = [...datatypes.keys()].sort();
  const firsts = new Map<string, FirstTensor>();
  instances.forEach((instance: unknown, item) => {
    const of = (place: string) => `Failed to process element: ${item}${place} of 'instances' list.`;
    if (!hasNames) {
      if (isNamed(instance)) {
        throw new Found(`Expecting value/list but got object at item ${item} of input list`);
      }
      within(of(''), () => addItem(instance, names[0]!, datatypes, firsts));
      return;
    }
    if (!isNamed(instance)) throw new Found(`Expecting object but got list at item ${item} of input list`);
    for (const [name, value] of Object.entries(instance)) {
      within(of(` key: ${bare(name)}`), () => addItem(value, name, datatypes, firsts));
    }
    if (Object.keys(instance).sort().join() !== names.join()) {
      throw new Found(`${of('')} JSON object: keys must be equal to: ${names.join(',')}`);
    }
  });
}

function within(place: string, read: () => void): void {
  try {
    read();
  } catch (problem) {
    if (!(problem instanceof Found)) throw problem;
    const status = problem.isUnsupported ? 'UNIMPLEMENTED' : 'INVALID_ARGUMENT';
    throw new Found(`${place} Error: ${status}: ${problem.text}`);
  }
}

function addItem(item: unknown, name: string, datatypes: Datatypes, firsts: Map<string, FirstTensor>): void {
  const datatype = datatypes.get(name);
  if (datatype === undefined) throw new Found(`JSON object: does not have named input: ${bare(name)}`);
  const shape = shapeOf(item);
  if (shape === undefined) return;
  readTensor(item, 0, shape, datatype);
  const size = elementCount(shape);
  const first = firsts.get(name);
  if (first === undefined) firsts.set(name, { size, shape });
  else if (first.size !== size) throw new Found(`Expecting tensor size: ${first.size} but got: ${size}`);
  else if (first.shape.join() !== shape.join()) {
    throw new Found(`Expecting shape [${first.shape.join()}] but got: [${shape.join()}]`);
  }
}

function readInputs(inputs: unknown, datatypes: Datatypes): void {
  if (isNamed(inputs)) {
    for (const [name, datatype] of datatypes) {
      if (!Object.hasOwn(inputs, name)) throw new Found(`Missing named input: ${bare(name)} in 'inputs' object.`);
      readWhole(inputs[name], datatype);
    }
    return;
  }
  if (datatypes.size > 1) throw new Found(`inputs is a plain value/list, but expecting an object as ${MANY}`);
  for (const datatype of datatypes.values()) readWhole(inputs, datatype);
}

function readWhole(value: unknown, datatype: Datatype): void {
  const shape = shapeOf(value);
  if (shape !== undefined) readTensor(value, 0, shape, datatype);
}

/** By its first items; undefined where it is too deep. */
function shapeOf(value: unknown): readonly number[] | undefined {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level) && level.length > 0; level = level[0] as unknown) {
    if (shape.push(level.length) > MAX_AXES) return undefined;
    if (Array.isArray(level[0]) && level[0].length === 0) shape.push(0);
  }
  return Array.isArray(value) && value.length === 0 ? [0] : shape;
}

function readTensor(value: unknown, level: number, shape: readonly number[], datatype: Datatype): void {
  if (!Array.isArray(value)) {
    if (level !== shape.length) {
      const expected = `Expected at level: ${shape.length}`;
      throw new Found(`JSON Value: found at incorrect level: ${level + 1} in the JSON DOM. ${expected}`);
    }
    readValue(value, datatype);
    return;
  }
  if (level >= shape.length) {
    throw new Found(`Encountered list at unexpected level: ${level} expected < ${shape.length}`);
  }
  if (value.length !== shape[level]) {
    const expected = `expected size: ${shape[level]}`;
    throw new Found(`Encountered list at unexpected size: ${value.length} at level: ${level} ${expected}`);
  }
  for (const item of value) readTensor(item, level + 1, shape, datatype);
}

function readValue(value: unknown, datatype: Datatype): void {
  if (isJsonObject(value) && datatype === 'BYTES') {
    if (!isBase64(value)) throw new Found('JSON Value: not formatted correctly for base64 data');
    if (fromBase64(value.b64) === undefined) throw new Found('Unable to base64 decode');
    return;
  }
  if (datatype === 'FP16') throw new Found(`Conversion of JSON Value: to type: ${datatypeWord(datatype)}`, true);
  if (fitsKind(value, datatype)) return;
  throw new Found(`JSON Value: Type: ${jsonKind(value)} is not of expected type: ${datatypeWord(datatype)}`);
}

/** Integers may still be out of range, which is not for these words. */
function fitsKind(value: unknown, datatype: Datatype): boolean {
  switch (datatype) {
    case 'BOOL':
      return typeof value === 'boolean';
    case 'BYTES':
      return typeof value === 'string';
    case 'FP16':
    case 'FP32':
    case 'FP64':
      return typeof value === 'number';
    default:
      return Number.isInteger(value) || typeof value === 'bigint';
  }
}

function isNamed(value: unknown): value is Record<string, unknown> {
  return isJsonObject(value) && !isBase64(value);
}

function isBase64(value: object): value is { readonly b64: string } {
  const { b64 } = value as { readonly b64?: unknown };
  return typeof b64 === 'string' && Object.hasOwn(value, 'b64') && Object.keys(value).length === 1;
}
