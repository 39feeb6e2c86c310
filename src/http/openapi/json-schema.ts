/** The parts of JSON Schema (2020-12, as OpenAPI 3.1 has it) that the documentation is made of. */
import type { Datatype } from '../../core/tensor.ts';

export type Schema = Readonly<Record<string, unknown>>;

/** Like `JSON.stringify`, with every digit of a bigint. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? exactly(member) : member));
}

/** A number that JavaScript cannot hold, for `JSON.stringify`. */
function exactly(value: bigint): unknown {
  // Newer than the type definitions.
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));
}

export function componentRef(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export interface ObjectForm {
  /** Members that may be absent. */
  readonly optional?: Readonly<Record<string, Schema>>;
  /** Other members may be there too. */
  readonly open?: boolean;
}

/** An object that has these members. */
export function objectOf(
  required: Readonly<Record<string, Schema>>,
  { optional = {}, open = false }: ObjectForm = {},
): Schema {
  const names = Object.keys(required);
  return {
    type: 'object',
    // Not spread into a literal: a member may be named __proto__.
    properties: Object.fromEntries([...Object.entries(required), ...Object.entries(optional)]),
    ...(names.length === 0 ? {} : { required: names }),
    ...(open ? {} : { additionalProperties: false }),
  };
}

export function listOf(items: Schema, size?: number | null): Schema {
  return { type: 'array', items, ...(size == null ? {} : { minItems: size, maxItems: size }) };
}

/** One of these; the schema itself when it is the only one. */
export function anyOf(schemas: readonly Schema[]): Schema {
  return schemas.length === 1 ? schemas[0]! : { anyOf: schemas };
}

/** Lists nested as `shape` says, `null` for any size. */
export function nestedLists(value: Schema, shape: readonly (number | null)[]): Schema {
  return shape.reduceRight<Schema>((items, size) => listOf(items, size), value);
}

/** From these on a number rounds to infinity. */
const FLOAT_END = 3.4028235677973366e38;
const HALF_END = 65_520;

/** Of one value that a client sends. */
export function inputValue(datatype: Datatype, { missing = false, text = false } = {}): Schema {
  const number = missing ? ['number', 'null'] : 'number';
  switch (datatype) {
    case 'BOOL':
      return { type: 'boolean' };
    case 'BYTES':
      // The runtime of such a model would cut a text at its first NUL.
      return { type: 'string', ...(text ? { pattern: '^[^\\u0000]*$' } : {}) };
    case 'FP16':
      return { type: number, exclusiveMinimum: -HALF_END, exclusiveMaximum: HALF_END };
    case 'FP32':
      return { type: number, format: 'float', exclusiveMinimum: -FLOAT_END, exclusiveMaximum: FLOAT_END };
    case 'FP64':
      return { type: number, format: 'double' };
    default:
      return { type: 'integer', ...integerRange(datatype) };
  }
}

/** Of one value that a model answers. NaN and the infinities are null. */
export function outputValue(datatype: Datatype): Schema {
  if (datatype === 'BOOL') return { type: 'boolean' };
  if (datatype === 'BYTES') return { type: 'string' };
  if (datatype.startsWith('FP')) return { type: ['number', 'null'] };
  return { type: 'integer', ...integerRange(datatype) };
}

function integerRange(datatype: Datatype): Schema {
  const bits = Number(datatype.replace(/\D/g, ''));
  const [minimum, maximum] = datatype.startsWith('U')
    ? [0n, 2n ** BigInt(bits) - 1n]
    : [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n];
  // Beyond 2^53 only a bigint keeps every digit.
  const digits = (bound: bigint) => (bits === 64 ? bound : Number(bound));
  return { ...(bits >= 32 ? { format: `int${bits}` } : {}), minimum: digits(minimum), maximum: digits(maximum) };
}
