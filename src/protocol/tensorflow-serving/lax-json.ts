/**
 * JSON as TensorFlow Serving reads and writes it: bare NaN and Infinity, numbers that round to infinity, and floats
 * in at most the digits they need, whole ones with `.0`. No strict parser reads this, so only its profile has it.
 */
import { randomUUID } from 'node:crypto';
import { ServeryError } from '../../core/errors.ts';
import { elementCount, type Tensor } from '../../core/tensor.ts';
import { fromHalf } from '../half.ts';
import type { InstancesDialect } from '../instances.ts';
import { parseJson, parseJsonExactly } from '../json.ts';

/** Stand for what they are while others parse; nobody can send them. */
const MARK = randomUUID();
const MARKED: Readonly<Record<string, number>> = {
  [`nan-${MARK}`]: NaN,
  [`+inf-${MARK}`]: Infinity,
  [`-inf-${MARK}`]: -Infinity,
};
const [NAN_MARK, INFINITY_MARK, NEGATIVE_MARK] = Object.keys(MARKED);
/** A string, which is left alone, or a token that JSON does not have. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?Inf(?:inity)?|NaN/g;

export const TENSORFLOW_SERVING_JSON: InstancesDialect = {
  parse: (text) => withTokens(text, parseJson),
  parseExactly: (text) => withTokens(text, parseJsonExactly),
  floats: { nonFinite: true, missing: false, overflow: true },
  ignoresOtherInputs: true,
  floatsText: nestedFloats,
};

/** A number that could be beyond a double, which is no infinity: the original cannot read it. */
const HUGE = /[eE]\+?0*[1-9][0-9]{2}|[0-9]{309}/;

function withTokens(text: string, parse: (text: string) => unknown): unknown {
  const hasTokens = text.includes('NaN') || text.includes('Inf');
  const isSuspect = HUGE.test(text);
  if (!hasTokens && !isSuspect) return parse(text);
  const standard = text.replace(TOKEN, (token) => {
    if (token.startsWith('"')) return token;
    return `"${token === 'NaN' ? NAN_MARK : token.startsWith('-') ? NEGATIVE_MARK : INFINITY_MARK}"`;
  });
  const holder = [parse(standard)];
  putNumbers(holder);
  return holder[0];
}

/** Not recursive, as the document may be of any depth. */
function putNumbers(document: object): void {
  const left = [document as Record<string, unknown>];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    for (const key of Object.keys(at)) {
      const value = at[key];
      if (typeof value === 'object' && value !== null) left.push(value as Record<string, unknown>);
      else if (value === Infinity || value === -Infinity) {
        throw new ServeryError('INVALID_REQUEST', 'JSON Parse error: Number too big to be stored in double.');
      } else if (typeof value === 'string' && Object.hasOwn(MARKED, value)) at[key] = MARKED[value];
    }
  }
}

/** Of a floating-point tensor; `shape` is that of the part which begins at `from`. */
function nestedFloats(tensor: Tensor, shape: readonly number[], from: number): string {
  const [size, ...inner] = shape;
  if (size === undefined) {
    const value = tensor.data[from] as number;
    return decimalText(tensor.datatype === 'FP16' ? fromHalf(value) : value, tensor.datatype === 'FP64');
  }
  const step = elementCount(inner);
  return `[${Array.from({ length: size }, (_, i) => nestedFloats(tensor, inner, from + i * step)).join(',')}]`;
}

/** As C's `%.6g`, and where that is another number, in all its digits. */
export function decimalText(value: number, isDouble: boolean): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value < 0 ? '-Infinity' : 'Infinity';
  const short = general(value, 6);
  const isSame = (isDouble ? Number(short) : Math.fround(Number(short))) === value;
  const text = isSame ? short : general(value, isDouble ? 17 : 9);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** C's `%.*g`. */
function general(value: number, digits: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa = '', power = ''] = value.toExponential(digits - 1).split('e');
  const exponent = Number(power);
  if (exponent >= -4 && exponent < digits) return withoutZeros(value.toFixed(digits - 1 - exponent));
  const size = String(Math.abs(exponent)).padStart(2, '0');
  return `${withoutZeros(mantissa)}e${exponent < 0 ? '-' : '+'}${size}`;
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
