/**
 * `google.cloud.aiplatform.v1.Tensor`, which direct predictions take and give: in protobuf, and as JSON.
 *
 * The inputs of a model come in its order, or in one tensor that is a structure of them by name. The outputs come back
 * in the same way.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import { allocate, elementCount, type Datatype, type NamedTensor, type Tensor } from '../../core/tensor.ts';
import { fromBase64 } from '../base64.ts';
import { fromHalf } from '../half.ts';
import { isJsonObject } from '../json.ts';
import { allocateData, fill } from '../values-in.ts';
import { fieldsOf } from './fields.ts';

/** By the numbers that they have as enum. */
export const DATATYPES: readonly (Datatype | undefined)[] = [
  undefined,
  'BOOL',
  'BYTES',
  'FP32',
  'FP64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
];
const NAMES = 'DATA_TYPE_UNSPECIFIED BOOL STRING FLOAT DOUBLE INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64';
const VALUE_MEMBERS = ['boolVal', 'stringVal', 'bytesVal', 'floatVal', 'doubleVal', 'intVal', 'int64Val'];
const MEMBERS = ['dtype', 'shape', 'structVal', 'tensorVal', ...VALUE_MEMBERS, 'uintVal', 'uint64Val'];

/** As it was read; which values it has is not checked yet. */
export interface RawTensor {
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly values: readonly unknown[];
  /** All values in their bytes, little endian. */
  readonly content: Uint8Array | undefined;
  readonly struct: Readonly<Record<string, RawTensor>> | undefined;
}

export interface DirectInputs {
  readonly tensors: readonly NamedTensor[];
  readonly isNamed: boolean;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function bindInputs(inputs: readonly RawTensor[], { inputs: specs }: Signature): DirectInputs {
  const [first] = inputs;
  if (first?.struct !== undefined && inputs.length === 1) {
    const entries = Object.entries(first.struct);
    return { tensors: entries.map(([name, raw]) => ({ name, ...tensorOf(raw, name) })), isNamed: true };
  }
  if (inputs.length !== specs.length) {
    throw invalid(`expected ${specs.length} tensors, or one with a structure of them; got ${inputs.length}`);
  }
  return { tensors: specs.map(({ name }, i) => ({ name, ...tensorOf(inputs[i]!, name) })), isNamed: false };
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function tensorOf({ dtype, shape, values, content, struct }: RawTensor, name: string): Tensor {
  const datatype = DATATYPES[dtype];
  if (struct !== undefined) throw invalid(`${quote(name)} is a structure within another`);
  if (datatype === undefined) throw invalid(`the dtype of ${quote(name)} is missing or unknown`);
  const sizes = shape.length === 0 && content === undefined ? [values.length] : shape;
  const count = elementCount(sizes);
  if (!Number.isSafeInteger(count) || sizes.some((size) => size < 0)) throw invalid(`the shape of ${quote(name)}`);
  if (content !== undefined && datatype !== 'BYTES') {
    return { datatype, shape: sizes, data: dataOf(content, datatype, count, name) };
  }
  if (count !== values.length) {
    throw invalid(`${quote(name)} has ${values.length} values, and its shape says ${count}`);
  }
  if (datatype === 'BYTES') {
    const isFit = values.every((value) => typeof value === 'string' || value instanceof Uint8Array);
    if (!isFit) throw invalid(`${quote(name)} has values that are not of its dtype`);
    return { datatype, shape: sizes, data: values as readonly (string | Uint8Array)[] };
  }
  const data = allocateData(datatype, count);
  const misfit = fill(datatype, data, 0, values, { nonFinite: true, missing: false });
  if (misfit !== -1) throw invalid(`value ${misfit} of ${quote(name)} is not of its dtype`);
  return { datatype, shape: sizes, data: data as Tensor['data'] };
}

function dataOf(
  content: Uint8Array,
  datatype: Exclude<Datatype, 'BYTES'>,
  count: number,
  name: string,
): Tensor['data'] {
  if (count > content.length) throw invalid(`${quote(name)} has ${content.length} bytes, fewer than its shape says`);
  const data = allocate(datatype, count);
  if (data.byteLength !== content.length) {
    throw invalid(`${quote(name)} has ${content.length} bytes, and its shape says ${data.byteLength}`);
  }
  new Uint8Array(data.buffer).set(content);
  return data;
}

/** Single values by name, of a tensor with a structure. */
export function readTensorParameters(
  raw: RawTensor | undefined,
): Record<string, string | number | boolean> | undefined {
  if (raw?.struct === undefined) return undefined;
  const entries = Object.entries(raw.struct).map(([name, { values }]) => {
    const [value, second] = values;
    if (
      second === undefined &&
      (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    ) {
      return [name, value] as const;
    }
    throw invalid(`the parameter ${quote(name)} is not a single value`);
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** As an output is written: what has no type there is one that holds it. */
export function toWritten({ datatype, shape, data }: Tensor): {
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly values: readonly unknown[];
} {
  if (datatype === 'FP16') return { dtype: 3, shape, values: Array.from(data as Uint16Array, fromHalf) };
  const values =
    datatype === 'BOOL' ? Array.from(data as Uint8Array, (value) => value !== 0) : Array.from<unknown>(data);
  return { dtype: DATATYPES.indexOf(datatype), shape, values };
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function readJsonTensor(json: unknown, name: string): RawTensor {
  if (!isJsonObject(json)) throw invalid(`${quote(name)} is no tensor`);
  const fields = fieldsOf(json, MEMBERS);
  const { dtype = 0, shape = [], structVal, tensorVal } = fields;
  const list = VALUE_MEMBERS.concat('uintVal', 'uint64Val').flatMap((member) => {
    const values = fields[member] ?? [];
    if (!Array.isArray(values)) throw invalid(`${quote(member)} is no list`);
    return values.map((value: unknown) => fromJson(member, value));
  });
  if (!Array.isArray(shape)) throw invalid(`the shape of ${quote(name)} is no list`);
  return {
    dtype: typeof dtype === 'number' ? dtype : NAMES.split(' ').indexOf(String(dtype)),
    shape: shape.map(Number),
    values: list,
    content: typeof tensorVal === 'string' && tensorVal !== '' ? bytesOf('tensorVal', tensorVal) : undefined,
    // The client for Node.js sends an empty one with everything.
    struct:
      isJsonObject(structVal) && Object.keys(structVal).length > 0
        ? Object.fromEntries(Object.entries(structVal).map(([key, value]) => [key, readJsonTensor(value, key)]))
        : undefined,
  };
}

function bytesOf(member: string, text: string): Buffer {
  const bytes = fromBase64(text);
  if (bytes === undefined) throw invalid(`${quote(member)} is not base64`);
  return Buffer.from(bytes.buffer);
}

/** 64-bit integers are texts, and so is what is not finite. */
function fromJson(member: string, value: unknown): unknown {
  if (member === 'bytesVal') return typeof value === 'string' ? bytesOf(member, value) : value;
  if (typeof value !== 'string' || member === 'stringVal') return value;
  if (member === 'floatVal' || member === 'doubleVal') return Number(value);
  return /^-?[0-9]{1,20}$/.test(value) ? BigInt(value) : value;
}

/** @param asNumbers whether the datatype is written as its number, not as its name */
export function jsonTensor(tensor: Tensor, asNumbers: boolean): object {
  const { dtype, shape, values } = toWritten(tensor);
  const member = {
    BOOL: 'boolVal',
    FP32: 'floatVal',
    FP64: 'doubleVal',
    INT64: 'int64Val',
    UINT64: 'uint64Val',
  }[DATATYPES[dtype] as string];
  const fits = dtype >= 9 ? 'uintVal' : 'intVal';
  const isText = values.every((value) => typeof value === 'string');
  const name = DATATYPES[dtype] === 'BYTES' ? (isText ? 'stringVal' : 'bytesVal') : (member ?? fits);
  const written = values.map((value) => {
    if (value instanceof Uint8Array || name === 'bytesVal') return Buffer.from(value as string).toString('base64');
    if (typeof value === 'bigint') return String(value);
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  });
  return { dtype: asNumbers ? dtype : NAMES.split(' ')[dtype], shape: shape.map(String), [name]: written };
}

function invalid(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Invalid tensors: ${problem}`);
}
