/**
 * A column of a file → its place in the rows of a tensor.
 *
 * These loops are where a batch spends its time outside the model. They take what is plainly right and mark the
 * rest: whether a marked value fits after all, and what is wrong with it, the mapping of single rows says.
 */
import type { Column } from '../../core/columns.ts';
import type { Datatype } from '../../core/tensor.ts';
import { FLOAT_OVERFLOW, fill, type FloatRules, type WritableData } from '../values-in.ts';

/** Where in a tensor the values of a column go: element `offset` of each row of `step` elements. */
export interface Place {
  readonly data: WritableData;
  readonly datatype: Datatype;
  readonly offset: number;
  readonly step: number;
  /** Rows to fill: from this one up to, and without, that one. */
  readonly from: number;
  readonly to: number;
}

type Fill = (column: Column, place: Place, rules: FloatRules, odd: Uint8Array) => void;

/** @param odd is set to 1 for every row whose value was not taken */
export function fillColumn(column: Column, place: Place, rules: FloatRules, odd: Uint8Array): void {
  fillerFor(column, place.datatype)(column, place, rules, odd);
  if (column.nulls !== undefined) markNulls(column.nulls, place, rules, odd);
}

function fillerFor({ type, values }: Column, datatype: Datatype): Fill {
  const isTyped = ArrayBuffer.isView(values);
  if (type === 'BOOL') return datatype === 'BOOL' && isTyped ? copyAll : fillOneByOne;
  if (!isTyped || datatype === 'BOOL' || datatype === 'BYTES' || datatype === 'FP16') return fillOneByOne;
  const isFloat = datatype === 'FP32' || datatype === 'FP64';
  const isWide = datatype === 'INT64' || datatype === 'UINT64';
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    return isFloat ? wideToFloats : isWide ? wideToWide : fillOneByOne;
  }
  if (values instanceof Float32Array || values instanceof Float64Array) {
    return isFloat ? floatsToFloats : isWide ? fillOneByOne : toIntegers;
  }
  return isFloat ? copyAll : isWide ? fillOneByOne : toIntegers;
}

const floatsToFloats: Fill = ({ values }, { data, datatype, offset, step, from, to }, { missing }, odd) => {
  const source = values as Float32Array | Float64Array;
  const target = data as Float32Array | Float64Array;
  const overflow = datatype === 'FP32' ? FLOAT_OVERFLOW : Infinity;
  for (let i = from, at = from * step + offset; i < to; i += 1, at += step) {
    const value = source[i]!;
    target[at] = value;
    if (!(value < overflow && value > -overflow) && !(missing && Number.isNaN(value))) odd[i] = 1;
  }
};

/** Whatever the source holds, the target can. */
const copyAll: Fill = ({ values }, { data, offset, step, from, to }) => {
  const source = values as Int32Array;
  const target = data as Float64Array;
  for (let i = from, at = from * step + offset; i < to; i += 1, at += step) target[at] = source[i]!;
};

const toIntegers: Fill = ({ values }, { data, offset, step, from, to }, _rules, odd) => {
  const source = values as Int32Array | Float64Array;
  const target = data as Int32Array;
  for (let i = from, at = from * step + offset; i < to; i += 1, at += step) {
    const value = source[i]!;
    target[at] = value;
    // The array wraps and truncates; what comes back the same did fit.
    if (target[at] !== value) odd[i] = 1;
  }
};

/** Halves are several times faster to read than bigints, and their sum is rounded once, as `Number` does it. */
const wideToFloats: Fill = ({ values }, { data, offset, step, from, to }) => {
  const source = values as BigInt64Array | BigUint64Array;
  const low = new Uint32Array(source.buffer, source.byteOffset, source.length * 2);
  const high = source instanceof BigInt64Array ? new Int32Array(low.buffer, low.byteOffset, low.length) : low;
  const target = data as Float32Array | Float64Array;
  for (let i = from, at = from * step + offset; i < to; i += 1, at += step) {
    target[at] = high[2 * i + 1]! * 0x1_0000_0000 + low[2 * i]!;
  }
};

const wideToWide: Fill = ({ values }, { data, offset, step, from, to }, _rules, odd) => {
  const source = values as BigInt64Array | BigUint64Array;
  const target = data as BigInt64Array | BigUint64Array;
  const isSameKind = source instanceof BigInt64Array === target instanceof BigInt64Array;
  const halves = new Int32Array(source.buffer, source.byteOffset, source.length * 2);
  const targetHalves = new Int32Array(target.buffer, target.byteOffset, target.length * 2);
  for (let i = from, at = from * step + offset; i < to; i += 1, at += step) {
    const high = halves[2 * i + 1]!;
    targetHalves[2 * at] = halves[2 * i]!;
    targetHalves[2 * at + 1] = high;
    // The upper bit is a sign for one of them, and a large number for the other.
    if (!isSameKind && high < 0) odd[i] = 1;
  }
};

const fillOneByOne: Fill = (column, { data, datatype, offset, step, from, to }, rules, odd) => {
  const one: unknown[] = [undefined];
  for (let i = from, at = from * step + offset; i < to; i += 1, at += step) {
    one[0] = valueAt(column, i);
    if (fill(datatype, data, at, one, rules) !== -1) odd[i] = 1;
  }
};

function markNulls(
  nulls: Uint8Array,
  { data, datatype, offset, step, from, to }: Place,
  { missing }: FloatRules,
  odd: Uint8Array,
): void {
  const isNaNable = missing && (datatype === 'FP32' || datatype === 'FP64');
  for (let i = from; i < to; i += 1) {
    if (nulls[i] === 0) continue;
    if (isNaNable) (data as Float64Array)[i * step + offset] = NaN;
    else odd[i] = 1;
  }
}

/** The value of a row in the form that a row of its own would have. */
export function valueAt({ type, values, nulls, list }: Column, i: number): unknown {
  if (nulls?.[i] === 1) return null;
  const value: unknown = values[i];
  if (type === 'BOOL' && typeof value === 'number') return value !== 0;
  if (type === 'LIST') return list?.item === undefined || list.item.endsWith('INT64') ? itemOf(value) : value;
  return typeof value === 'bigint' ? integerOf(value) : value;
}

/** Integers are bigint only where a number could not hold them, as in rows of JSON. */
function integerOf(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function itemOf(value: unknown): unknown {
  if (typeof value === 'bigint') return integerOf(value);
  return Array.isArray(value) ? value.map(itemOf) : value;
}
