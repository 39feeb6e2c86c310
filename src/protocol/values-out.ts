/**
 * The data of a tensor → JSON text.
 *
 * Numbers are printed as the doubles they are, so that whoever reads them gets the same bits; NaN and the
 * infinities are `null`, since JSON has no words for them. `JSON.stringify` prints a list of numbers up to twice
 * as fast as anything else can, so what it cannot say (negative zero, integers beyond 2^53) goes another way.
 */
import { ServeryError, quote } from '../core/errors.ts';
import type { BytesElement, NumericData, Tensor } from '../core/tensor.ts';
import { fromHalf } from './half.ts';

/** The values `from` to `to` as a list. @param name of the output, for errors */
export function jsonList({ datatype, data }: Tensor, from: number, to: number, name: string): string {
  switch (datatype) {
    case 'INT64':
    case 'UINT64':
      return bigIntegers(data as BigInt64Array, from, to, datatype === 'INT64');
    case 'BOOL':
      return JSON.stringify(Array.from((data as Uint8Array).subarray(from, to), (value) => value !== 0));
    case 'BYTES':
      return JSON.stringify((data as readonly BytesElement[]).slice(from, to).map((element) => textOf(element, name)));
    case 'FP16':
      return numbers(Float64Array.from((data as Uint16Array).subarray(from, to), fromHalf), 0, to - from);
    default:
      return numbers(data as Float32Array, from, to);
  }
}

/** A single value. */
export function jsonValue(tensor: Tensor, at: number, name: string): string {
  const value = tensor.data[at];
  // All numbers but the bits of FP16 and the 0 and 1 of BOOL.
  if (typeof value === 'number' && tensor.datatype !== 'FP16' && tensor.datatype !== 'BOOL') return numberText(value);
  return jsonList(tensor, at, at + 1, name).slice(1, -1);
}

function numberText(value: number): string {
  // Conversion drops the sign of zero; what is not finite, minus itself, is NaN.
  if (value === 0) return 1 / value < 0 ? '-0.0' : '0';
  return value - value === 0 ? String(value) : 'null';
}

/** A list as nested as `shape` says. */
export function jsonNested(tensor: Tensor, shape: readonly number[], from: number, name: string): string {
  const [size = 1, ...inner] = shape;
  if (inner.length === 0) return jsonList(tensor, from, from + size, name);
  const step = inner.reduce((count, axis) => count * axis, 1);
  let text = '';
  for (let i = 0; i < size; i += 1) text += (i === 0 ? '' : ',') + jsonNested(tensor, inner, from + i * step, name);
  return `[${text}]`;
}

function numbers(data: Exclude<NumericData, BigInt64Array | BigUint64Array>, from: number, to: number): string {
  if (to - from === 1) return `[${numberText(data[from]!)}]`;
  const list = new Array<number>(to - from);
  for (let i = from; i < to; i += 1) {
    const value = data[i]!;
    if (value === 0 && 1 / value < 0) return withNegativeZero(data, from, to);
    list[i - from] = value;
  }
  return JSON.stringify(list);
}

function withNegativeZero(data: ArrayLike<number>, from: number, to: number): string {
  const texts: string[] = [];
  for (let i = from; i < to; i += 1) texts.push(numberText(data[i]!));
  return `[${texts.join(',')}]`;
}

function bigIntegers(data: BigInt64Array | BigUint64Array, from: number, to: number, signed: boolean): string {
  if (to - from === 1) return `[${data[from]}]`;
  // Two halves that make a safe number are several times faster to read than a bigint.
  const low = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
  const high = signed ? new Int32Array(data.buffer, data.byteOffset, data.length * 2) : low;
  const list = new Array<number>(to - from);
  for (let i = from; i < to; i += 1) {
    const top = high[2 * i + 1]!;
    if (top >= 0x20_0000 || top < -0x20_0000) return `[${data.subarray(from, to).join(',')}]`;
    list[i - from] = top * 0x1_0000_0000 + low[2 * i]!;
  }
  return JSON.stringify(list);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws {ServeryError} `UNSUPPORTED` when bytes are not text */
export function textOf(element: BytesElement, name: string): string {
  if (typeof element === 'string') return element;
  try {
    return utf8.decode(element);
  } catch {
    throw new ServeryError(
      'UNSUPPORTED',
      `Cannot write output ${quote(name)} as text: it holds bytes that are not UTF-8`,
      {
        hint: 'Ask for it in binary with the Open Inference Protocol: "parameters": {"binary_data": true}.',
      },
    );
  }
}
