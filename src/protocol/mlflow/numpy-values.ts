/**
 * Single values made to be of a type, as NumPy does it: `"3"` is 3, 1.7 is 1, `"false"` is true, as it is not empty.
 *
 * What NumPy refuses is refused with a `Misfit`, whose text says why and never repeats the value.
 */
import { pythonText, WholeFloat } from './python-json.ts';
import { readDateTime } from './python-time.ts';

/** Types of NumPy, and two of MLflow: `binary` is a text in base64 or bytes, `any` is left as it is. */
export type Dtype = 'bool' | IntegerDtype | FloatDtype | 'str' | 'binary' | 'datetime64[ns]' | 'any';
export type IntegerDtype = 'int8' | 'int16' | 'int32' | 'int64' | 'uint8' | 'uint16' | 'uint32' | 'uint64';
export type FloatDtype = 'float16' | 'float32' | 'float64';

export class Misfit extends Error {
  override readonly name: string = 'Misfit';
}

/** What went through the conversion and then does not fit the schema: MLflow tells these failures apart. */
export class Unsafe extends Misfit {
  override readonly name = 'Unsafe';
}

export function isInteger(dtype: string): dtype is IntegerDtype {
  return /^u?int(8|16|32|64)$/.test(dtype);
}

export function isFloat(dtype: string): dtype is FloatDtype {
  return /^float(16|32|64)$/.test(dtype);
}

/**
 * One value, as `np.array([value], dtype)` makes it.
 *
 * @returns numbers and bigints; null for a time that is none
 * @throws {Misfit}
 */
export function castValue(value: unknown, dtype: Dtype): unknown {
  if (dtype === 'bool') return truth(value);
  if (dtype === 'str') return pythonText(value);
  if (dtype === 'binary') return asciiBytes(pythonText(value));
  if (dtype === 'datetime64[ns]') return castTime(value);
  if (isInteger(dtype)) return castInteger(value, dtype);
  return dtype === 'any' ? value : castFloat(value, dtype);
}

/** As `bool(value)`. */
export function truth(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === false) return false;
  if (typeof value === 'number' || typeof value === 'bigint') return value !== 0 && value !== 0n;
  if (value instanceof WholeFloat) return value.value !== 0;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

function castInteger(value: unknown, dtype: IntegerDtype): number | bigint {
  const integer = toInteger(value);
  const bits = Number(dtype.replace(/^u?int/, ''));
  const big = BigInt(integer);
  const fits = dtype.startsWith('u') ? BigInt.asUintN(bits, big) === big : BigInt.asIntN(bits, big) === big;
  if (!fits) throw new Misfit(`Python integer out of bounds for ${dtype}`);
  return integer;
}

/** As `int(value)`. */
function toInteger(value: unknown): number | bigint {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return value;
  const number = value instanceof WholeFloat ? value.value : value;
  if (typeof number === 'number') {
    if (!Number.isFinite(number)) throw new Misfit('cannot convert float NaN or infinity to integer');
    return exact(BigInt(Math.trunc(number)));
  }
  if (typeof value === 'string') {
    const text = value.trim();
    if (/^[+-]?\d+(_\d+)*$/.test(text)) {
      const digits = text.replace(/[+_]/g, '');
      if (digits.length > 40) throw new Misfit('Python int too large to convert to C long');
      return exact(BigInt(digits));
    }
    throw new Misfit('invalid literal for int() with base 10');
  }
  throw new Misfit(`int() argument must be a string or a real number, not ${kindOf(value)}`);
}

function exact(integer: bigint): number | bigint {
  const number = Number(integer);
  if (!Number.isSafeInteger(number)) return integer;
  return number === 0 ? 0 : number;
}

function castFloat(value: unknown, dtype: FloatDtype): number {
  return roundTo(toFloat(value), dtype);
}

/** As `float(value)`; and nothing is NaN, which only NumPy does. */
function toFloat(value: unknown): number {
  if (typeof value === 'number') return value;
  if (value instanceof WholeFloat) return value.value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === null || value === undefined) return NaN;
  if (typeof value === 'bigint') {
    const number = Number(value);
    if (!Number.isFinite(number)) throw new Misfit('int too large to convert to float');
    return number;
  }
  if (typeof value === 'string') return parseFloatOfPython(value);
  throw new Misfit(`float() argument must be a string or a real number, not ${kindOf(value)}`);
}

const FLOAT = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/;

function parseFloatOfPython(text: string): number {
  const trimmed = text.trim();
  if (FLOAT.test(trimmed)) return Number(trimmed.replaceAll('_', ''));
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (word === null) throw new Misfit('could not convert string to float');
  if (word[2]!.toLowerCase() === 'nan') return NaN;
  return word[1] === '-' ? -Infinity : Infinity;
}

export function roundTo(number: number, dtype: FloatDtype): number {
  // Halves are made where the tensor is.
  return dtype === 'float32' ? Math.fround(number) : number;
}

/** Nanoseconds since 1970; null is none. */
function castTime(value: unknown): bigint | null {
  if (value === null || value === undefined || value === '' || value === 'NaT') return null;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'bigint' || Number.isInteger(value)) return BigInt(castInteger(value, 'int64'));
  const time = typeof value === 'string' ? readDateTime(value) : undefined;
  if (time === undefined) throw new Misfit('Could not convert object to NumPy datetime');
  return time.nanoseconds;
}

function asciiBytes(text: string): Uint8Array {
  if (!/^[\0-\x7f]*$/.test(text)) throw new Misfit("'ascii' codec can't encode characters");
  // NumPy takes zeros at the end for padding.

  return new Uint8Array(Buffer.from(text.replace(/\0+$/, ''), 'ascii'));
}

export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "'NoneType'";
  if (Array.isArray(value)) return "'list'";
  if (typeof value === 'boolean') return "'bool'";
  if (typeof value === 'bigint') return "'int'";
  if (typeof value === 'string') return "'str'";
  if (typeof value === 'number') return Number.isInteger(value) ? "'int'" : "'float'";
  return value instanceof WholeFloat ? "'float'" : "'dict'";
}
