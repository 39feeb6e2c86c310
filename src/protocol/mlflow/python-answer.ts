/**
 * Answers as Python prints them, for the profile that does what MLflow does: NaN and Infinity as words, floats with
 * `.0`, text in ASCII, bytes in base64 with its line breaks, and in a frame every output flat.
 */
import type { Signature } from '../../core/signature.ts';
import { elementCount, type BytesElement, type Tensor } from '../../core/tensor.ts';
import { fromHalf } from '../half.ts';
import { pythonFloat } from './python-json.ts';

/** @param rows of the question: where the outputs differ in length, of which MLflow can make no frame, each has its list */
export function encodePythonRecords({ outputs: specs }: Signature, outputs: readonly Tensor[], rows: number): string {
  const sizes = outputs.map(({ shape }) => elementCount(shape));
  const [size = 0] = sizes;
  const isFlat = sizes.every((each) => each === size);
  const records = Array.from({ length: isFlat ? size : rows }, (_, row) => {
    const members = specs.map(({ name }, i) => {
      const tensor = outputs[i]!;
      const inner = isFlat ? [] : tensor.shape.slice(1);
      return `${ascii(name)}: ${nestText(tensor, inner, row * elementCount(inner))}`;
    });
    return `{${members.join(', ')}}`;
  });
  return `{"predictions": [${records.join(', ')}]}`;
}

export function encodePythonTensors({ outputs: specs }: Signature, outputs: readonly Tensor[]): string {
  const texts = specs.map(({ name }, i) => `${ascii(name)}: ${nestText(outputs[i]!, outputs[i]!.shape, 0)}`);
  return `{"predictions": {${texts.join(', ')}}}`;
}

function nestText(tensor: Tensor, [size, ...inner]: readonly number[], from: number): string {
  if (size === undefined) return valueText(tensor, from);
  const step = elementCount(inner);
  return `[${Array.from({ length: size }, (_, i) => nestText(tensor, inner, from + i * step)).join(', ')}]`;
}

function valueText({ datatype, data }: Tensor, at: number): string {
  const value = data[at]!;
  switch (datatype) {
    case 'BOOL':
      return value === 0 ? 'false' : 'true';
    case 'FP16':
      return floatText(fromHalf(value as number));
    case 'FP32':
    case 'FP64':
      return floatText(value as number);
    case 'BYTES':
      return ascii(bytesText(value as BytesElement));
    default:
      return String(value);
  }
}

function floatText(value: number): string {
  if (Number.isFinite(value)) return pythonFloat(value);
  return Number.isNaN(value) ? 'NaN' : value < 0 ? '-Infinity' : 'Infinity';
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function bytesText(element: BytesElement): string {
  if (typeof element === 'string') return element;
  try {
    return utf8.decode(element);
  } catch {
    return Buffer.from(element)
      .toString('base64')
      .replace(/.{1,76}/g, '$&\n');
  }
}

function ascii(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
