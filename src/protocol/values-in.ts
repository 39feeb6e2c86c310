/**
 * Values as JSON has them → the data of a tensor, strictly.
 *
 * An integer is an integer and in range, `"false"` is not true, and nothing is truncated, wrapped or
 * rounded to infinity. The loops are apart for each kind of array, as these are where a request spends its
 * time; the words for what is wrong are made only when something is.
 */
import { ServeryError } from '../core/errors.ts';
import { allocate, type BytesElement, type Datatype, type NumericData } from '../core/tensor.ts';
import { HALF_OVERFLOW, toHalf } from './half.ts';
import { InexactInteger } from './json.ts';

/** What can be filled: as `TensorData`, but growing lists of texts. */
export type WritableData = NumericData | BytesElement[];

/** Lists as JSON has them, and the typed arrays of callers in JavaScript. */
export type ValueList = ArrayLike<unknown>;

export function isList(value: unknown): value is ValueList {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

export function allocateData(datatype: Datatype, length: number): WritableData {
  return datatype === 'BYTES' ? new Array<BytesElement>(length) : allocate(datatype, length);
}

/** Half a step above the largest float: from here on a number rounds to infinity. */
export const FLOAT_OVERFLOW = 3.4028235677973366e38;

/** What may stand for a floating-point number, beside finite numbers. */
export interface FloatRules {
  /** NaN and the infinities. JSON cannot say them, so there an infinity is a number that was too large. */
  readonly nonFinite: boolean;
  /** null, NaN, and no value at all: NaN. */
  readonly missing: boolean;
  /** A number too large for the datatype is an infinity of it, and no error. */
  readonly overflow?: boolean;
}

export const STRICT_FLOATS: FloatRules = { nonFinite: false, missing: false };

/**
 * Writes all values of `list` to `target`, from `offset` on.
 *
 * @returns the index in `list` of the first value that does not fit, or -1
 */
export function fill(
  datatype: Datatype,
  target: WritableData,
  offset: number,
  list: ValueList,
  rules: FloatRules = STRICT_FLOATS,
): number {
  switch (datatype) {
    case 'FP32':
      return fillFloats(target as Float32Array, offset, list, FLOAT_OVERFLOW, rules);
    case 'FP64':
      return fillFloats(target as Float64Array, offset, list, Infinity, rules);
    case 'FP16':
      return fillHalves(target as Uint16Array, offset, list, rules);
    case 'INT64':
    case 'UINT64':
      return fillBigIntegers(target as BigInt64Array | BigUint64Array, offset, list, datatype === 'INT64');
    case 'BOOL':
      return fillBooleans(target as Uint8Array, offset, list);
    case 'BYTES':
      return fillTexts(target as BytesElement[], offset, list);
    default:
      return fillIntegers(target as Int32Array, offset, list);
  }
}

function fillFloats(
  target: Float32Array | Float64Array,
  offset: number,
  list: ValueList,
  overflow: number,
  rules: FloatRules,
): number {
  for (let i = 0; i < list.length; i += 1) {
    const value = list[i];
    if (typeof value === 'number' && value < overflow && value > -overflow) target[offset + i] = value;
    else {
      const other = otherFloat(value, rules);
      if (other === undefined) return i;
      target[offset + i] = other;
    }
  }
  return -1;
}

function fillHalves(target: Uint16Array, offset: number, list: ValueList, rules: FloatRules): number {
  for (let i = 0; i < list.length; i += 1) {
    const value = list[i];
    const isFinite = typeof value === 'number' && Math.abs(value) < HALF_OVERFLOW;
    const number = isFinite ? value : otherFloat(value, rules);
    if (number === undefined) return i;
    if (rules.overflow !== true && Math.abs(number) >= HALF_OVERFLOW && Number.isFinite(number)) return i;
    target[offset + i] = toHalf(number);
  }
  return -1;
}

/** What is not a finite number, as one where that is allowed. A bigint has at most 20 digits, so any float can hold it. */
function otherFloat(value: unknown, { nonFinite, missing, overflow }: FloatRules): number | undefined {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' && !Number.isNaN(value)) {
    return overflow === true || (nonFinite && !Number.isFinite(value)) ? value : undefined;
  }
  if (typeof value === 'number') return nonFinite || missing ? value : undefined;
  return missing && value == null ? NaN : undefined;
}

function fillIntegers(target: Int32Array, offset: number, list: ValueList): number {
  for (let i = 0; i < list.length; i += 1) {
    const value = list[i];
    if (typeof value !== 'number') return i;
    target[offset + i] = value;
    // The array wraps and truncates; what comes back the same did fit.
    if (target[offset + i] !== value) return i;
  }
  return -1;
}

function fillBigIntegers(
  target: BigInt64Array | BigUint64Array,
  offset: number,
  list: ValueList,
  signed: boolean,
): number {
  // Two halves of a number are five times faster to write than a bigint.
  const halves = new Int32Array(target.buffer, target.byteOffset, target.length * 2);
  for (let i = 0; i < list.length; i += 1) {
    const value = list[i];
    if (typeof value === 'number' && Number.isSafeInteger(value) && (signed || value >= 0)) {
      halves[2 * (offset + i)] = value | 0;
      halves[2 * (offset + i) + 1] = Math.floor(value / 0x1_0000_0000);
    } else if (typeof value === 'bigint' && value === (signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value))) {
      target[offset + i] = value;
    } else return i;
  }
  return -1;
}

function fillBooleans(target: Uint8Array, offset: number, list: ValueList): number {
  for (let i = 0; i < list.length; i += 1) {
    const value = list[i];
    if (typeof value !== 'boolean') return i;
    target[offset + i] = value ? 1 : 0;
  }
  return -1;
}

function fillTexts(target: BytesElement[], offset: number, list: ValueList): number {
  for (let i = 0; i < list.length; i += 1) {
    const value = list[i];
    // Bytes come from callers in JavaScript and from files; JSON has none.
    if (value instanceof Uint8Array) target[offset + i] = value;
    else if (typeof value === 'string' && value.isWellFormed()) target[offset + i] = value;
    else return i;
  }
  return -1;
}

export function isFloat(datatype: Datatype): boolean {
  return datatype === 'FP16' || datatype === 'FP32' || datatype === 'FP64';
}

/**
 * What is wrong with a value that `fill` refused; speaks of its kind, never shows it.
 *
 * @throws {InexactInteger} when only the way it was read is wrong
 */
export function problemOf(datatype: Datatype, value: unknown, where: string): ServeryError {
  if (typeof value === 'number' && (datatype === 'INT64' || datatype === 'UINT64')) {
    if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 2 ** 65) {
      return new InexactInteger(
        'INVALID_INPUT',
        `Cannot use ${where}: it is beyond 2^53, so its last digits are lost`,
        {
          hint: 'Write it in digits alone; in JavaScript pass a bigint.',
        },
      );
    }
  }
  return new ServeryError('INVALID_INPUT', `Cannot use ${where}: ${mismatch(datatype, value)}`);
}

function mismatch(datatype: Datatype, value: unknown): string {
  const kind = kindOf(value);
  if (datatype === 'BOOL') return `it is ${kind}, expected true or false`;
  if (datatype === 'BYTES') {
    return typeof value === 'string'
      ? 'it has a lone surrogate, so it is not text'
      : `it is ${kind}, expected a string`;
  }
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    if (value === null && isFloat(datatype)) {
      return 'it is null, expected a number; NaN can be sent as binary, or left out where the model allows that';
    }
    return `it is ${kind}, expected ${isFloat(datatype) ? 'a number' : 'an integer'}`;
  }
  if (Number.isNaN(value)) return `it is NaN, expected ${isFloat(datatype) ? 'a number' : 'an integer'}`;
  if (!isFloat(datatype) && !Number.isInteger(Number(value))) return 'it has a fraction, expected an integer';
  return `it does not fit ${datatype}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (isList(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return value === undefined ? 'missing' : `a ${typeof value}`;
}
