/**
 * Columns of a data frame made to be of a type, as pandas does it after it guessed what is in them.
 *
 * The guess decides: a column of integers wraps where one with a text in it refuses, and a null makes floats of integers,
 * which no integer can be made of.
 */
import { Misfit, Unsafe, castValue, isFloat, isInteger, kindOf, roundTo, truth, type Dtype } from './numpy-values.ts';
import { WholeFloat, pythonText, type PythonNumber } from './python-json.ts';
import { readDateTime } from './python-time.ts';

/** What pandas has a column as. */
export type GuessedDtype = 'bool' | 'int64' | 'uint64' | 'float64' | 'object';

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;

/** `undefined` is a key that a record does not have: NaN, where null need not be. */
export function guessDtype(values: readonly unknown[]): GuessedDtype {
  let floats = 0;
  let integers = 0;
  let booleans = 0;
  let nulls = 0;
  let smallest = 0n;
  let largest = 0n;
  for (const value of values) {
    if (value === null) nulls += 1;
    else if (typeof value === 'boolean') booleans += 1;
    else if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) {
      integers += 1;
      if (typeof value === 'bigint') {
        if (value < smallest) smallest = value;
        if (value > largest) largest = value;
      } else if (value < 0 && smallest === 0n) smallest = -1n;
    } else if (typeof value === 'number' || value instanceof WholeFloat || value === undefined) floats += 1;
    else return 'object';
  }
  if (booleans > 0) return booleans === values.length ? 'bool' : 'object';
  if (smallest < MIN_INT64 || largest > MAX_UINT64) return 'object';
  if (floats > 0 || (integers > 0 && nulls > 0)) return 'float64';
  if (integers === 0) return 'object';
  if (largest <= MAX_INT64) return 'int64';
  return smallest < 0n ? 'object' : 'uint64';
}

/**
 * A column, as MLflow casts those of `dataframe_split` and `dataframe_records`.
 *
 * @throws {Misfit}
 */
export function castColumn(values: readonly unknown[], dtype: Dtype): readonly unknown[] {
  if (dtype === 'any') return values;
  if (dtype === 'binary') return values.map(fromBase64);
  if (dtype === 'datetime64[ns]') return castTimes(values);
  const guessed = guessDtype(values);
  if (dtype === 'str') return values.map((value) => pythonText(asGuessed(value, guessed)));
  if (guessed === 'object') return values.map((value) => castValue(value === undefined ? NaN : value, dtype));
  const numbers = values.map((value) => asGuessed(value, guessed)) as readonly (PythonNumber | boolean)[];
  if (dtype === 'bool') return numbers.map((value) => (Number.isNaN(value) ? true : truth(value)));
  if (isFloat(dtype)) return numbers.map((value) => roundTo(toNumber(value), dtype));
  if (isInteger(dtype)) return numbers.map((value) => wrap(value, dtype));
  return values;
}

/** An integer among floats is one of them, and so is null. */
function asGuessed(value: unknown, guessed: GuessedDtype): unknown {
  if (value === undefined) return NaN;
  if (guessed !== 'float64') return value;
  const number = value === null ? NaN : toNumber(value as PythonNumber);
  return Number.isInteger(number) ? new WholeFloat(number) : number;
}

function toNumber(value: PythonNumber | boolean): number {
  return value instanceof WholeFloat ? value.value : Number(value);
}

/** As C does it: a fraction is cut off, what is too large wraps, and of a float that is too large comes the smallest. */
function wrap(value: PythonNumber | boolean, dtype: string): number | bigint {
  const bits = Number(dtype.replace(/^u?int/, ''));
  const isSigned = !dtype.startsWith('u');
  let integer: bigint;
  if (typeof value === 'number' && Number.isInteger(value)) integer = BigInt(value);
  else if (typeof value === 'bigint') integer = value;
  else if (typeof value === 'boolean') integer = value ? 1n : 0n;
  else {
    const float = toNumber(value);
    if (!Number.isFinite(float)) throw new Misfit('Cannot convert non-finite values (NA or inf) to integer');
    integer = BigInt(Math.trunc(float));
    const most = BigInt.asIntN(Math.max(32, bits), integer);
    if (most !== integer) integer = -(2n ** BigInt(Math.max(32, bits) - 1));
  }
  const wrapped = isSigned ? BigInt.asIntN(bits, integer) : BigInt.asUintN(bits, integer);
  return Number.isSafeInteger(Number(wrapped)) ? Number(wrapped) : wrapped;
}

/** As `pd.to_datetime`, of what is in ISO 8601. */
function castTimes(values: readonly unknown[]): readonly unknown[] {
  const forms = new Set<string>();
  let zones = 0;
  let numbers = 0;
  const guessed = guessDtype(values);
  const times = values.map((given) => {
    const value = guessed === 'float64' ? asGuessed(given, guessed) : given;
    if (typeof value === 'boolean') throw new Misfit('bool is not convertible to datetime');
    if (value === undefined || value === null || value === '' || value === 'nan' || value === 'NaT') return null;
    if (typeof value === 'string') {
      const time = readDateTime(value);
      if (time === undefined) throw new Misfit('Unknown datetime string format, unable to parse');
      forms.add(time.form);
      if (time.hasZone) zones += 1;
      return time.nanoseconds;
    }
    if (typeof value !== 'number' && typeof value !== 'bigint' && !(value instanceof WholeFloat)) {
      throw new Misfit(`${kindOf(value)} is not convertible to datetime`);
    }
    numbers += 1;
    return nanoseconds(value);
  });
  if (forms.size > 1 || (forms.size === 1 && numbers > 0)) throw new Misfit("time data doesn't match the first format");
  if (zones > 0) {
    throw new Unsafe(
      'Please ensure that the input data of datetime column only contains timezone-naive datetime objects.',
    );
  }
  return times;
}

/** An integer that is too large is refused, and a float that is too large is no time. */
function nanoseconds(value: PythonNumber): bigint | null {
  if (typeof value === 'bigint' || Number.isInteger(value)) return BigInt(castValue(value, 'int64') as bigint);
  const float = toNumber(value);
  const integer = Number.isFinite(float) ? BigInt(Math.trunc(float)) : MAX_UINT64;
  return BigInt.asIntN(64, integer) === integer ? integer : null;
}

/** As `base64.decodebytes`: characters of other alphabets are passed over, and padding is needed. */
export function fromBase64(value: unknown): Uint8Array {
  if (typeof value !== 'string') throw new Misfit(`encoding without a string argument, got ${kindOf(value)}`);
  let digits = '';
  let pads = 0;
  for (const character of value) {
    if (character === '=') {
      pads += 1;
      if (digits.length % 4 >= 2 && (digits.length % 4) + pads >= 4) {
        return new Uint8Array(Buffer.from(digits, 'base64'));
      }
    } else if (/[A-Za-z0-9+/]/.test(character)) {
      digits += character;
      pads = 0;
    }
  }
  if (digits.length % 4 !== 0) throw new Misfit('Incorrect padding');
  return new Uint8Array(Buffer.from(digits, 'base64'));
}

/**
 * A column that is of a type already, where only what loses nothing is let through: of Parquet, and within lists.
 *
 * @throws {Misfit}
 */
export function enforceColumn(values: readonly unknown[], from: string, dtype: Dtype): readonly unknown[] {
  if (dtype === 'any' || from === dtype) return values;
  if (from === 'object' && (dtype === 'str' || dtype === 'bool' || dtype === 'binary')) {
    if (dtype === 'bool') return values.map(truth);
    return dtype === 'str' ? values.map(pythonText) : values;
  }
  if (from === 'object' && dtype === 'datetime64[ns]') return values.map((value) => castValue(value, dtype));
  if (isUpcast(from, dtype) || isZerosAndOnes(values, from, dtype)) return values;
  throw new Unsafe(`Can not safely convert ${from} to ${dtype}.`);
}

function isUpcast(from: string, to: string): boolean {
  const [, kind, bits] = /^(int|uint|float)(\d+)$/.exec(from) ?? [];
  const [, toKind, toBits] = /^(int|uint|float)(\d+)$/.exec(to) ?? [];
  if (kind === undefined || toKind === undefined) return false;
  if (kind === toKind) return Number(bits) <= Number(toBits);
  if (kind === 'uint' && toKind === 'int') return Number(bits) < Number(toBits);
  return to === 'float64' && Number(bits) <= 32;
}

function isZerosAndOnes(values: readonly unknown[], from: string, to: string): boolean {
  if (from !== 'int64' || (to !== 'float32' && to !== 'float64')) return false;
  return values.every((value) => value === null || Number(value) === 0 || Number(value) === 1);
}
