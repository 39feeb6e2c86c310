/**
 * The data of a tensor → JSON text.
 *
 * Numbers are printed as the doubles they are, so that whoever reads them gets the same bits; NaN and the
 * infinities are `null`, since JSON has no words for them. Texts are concatenated: that is several times
 * faster than building lists for `JSON.stringify`.
 */
import { ServeryError, quote } from '../core/errors.ts';
import type { BytesElement, Tensor } from '../core/tensor.ts';
import { fromHalf } from './half.ts';

/** The values `from` to `to`, separated by commas. @param name of the output, for errors */
export function jsonValues({ datatype, data }: Tensor, from: number, to: number, name: string): string {
  switch (datatype) {
    case 'FP32':
    case 'FP64':
      return floats(data as Float32Array, from, to);
    case 'FP16':
      return floats(Float64Array.from((data as Uint16Array).subarray(from, to), fromHalf), 0, to - from);
    case 'INT64':
    case 'UINT64':
      return bigIntegers(data as BigInt64Array, from, to, datatype === 'INT64');
    case 'BOOL':
      return booleans(data as Uint8Array, from, to);
    case 'BYTES':
      return texts(data as readonly BytesElement[], from, to, name);
    default:
      return integers(data as Int32Array, from, to);
  }
}

/** A list as nested as `shape` says. */
export function jsonNested(tensor: Tensor, shape: readonly number[], from: number, name: string): string {
  const [size = 1, ...inner] = shape;
  if (inner.length === 0) return `[${jsonValues(tensor, from, from + size, name)}]`;
  const step = inner.reduce((count, axis) => count * axis, 1);
  let text = '';
  for (let i = 0; i < size; i += 1) text += (i === 0 ? '' : ',') + jsonNested(tensor, inner, from + i * step, name);
  return `[${text}]`;
}

function floats(data: Float32Array | Float64Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i += 1) {
    const value = data[i]!;
    if (i > from) text += ',';
    // Zero has a sign that concatenation drops, and what is not finite minus itself is NaN.
    if (value === 0) text += 1 / value < 0 ? '-0.0' : '0';
    else text += value - value === 0 ? value : 'null';
  }
  return text;
}

function integers(data: Int32Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i += 1) text += i > from ? `,${data[i]}` : data[i];
  return text;
}

function bigIntegers(data: BigInt64Array | BigUint64Array, from: number, to: number, signed: boolean): string {
  if (to - from < 8) {
    let text = '';
    for (let i = from; i < to; i += 1) text += i > from ? `,${data[i]}` : data[i];
    return text;
  }
  // Two halves that make a safe number are several times faster to read than a bigint.
  const low = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
  const high = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
  let text = '';
  for (let i = from; i < to; i += 1) {
    const top = signed ? high[2 * i + 1]! : low[2 * i + 1]!;
    const isSafe = top < 0x20_0000 && top >= -0x20_0000;
    const value = isSafe ? top * 0x1_0000_0000 + low[2 * i]! : data[i]!;
    text += i > from ? `,${value}` : value;
  }
  return text;
}

function booleans(data: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i += 1) text += (i > from ? ',' : '') + (data[i] === 0 ? 'false' : 'true');
  return text;
}

function texts(data: readonly BytesElement[], from: number, to: number, name: string): string {
  let text = '';
  for (let i = from; i < to; i += 1) text += (i > from ? ',' : '') + JSON.stringify(textOf(data[i]!, name));
  return text;
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
