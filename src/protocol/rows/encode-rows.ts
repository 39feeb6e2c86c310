/** Tensors → rows: as objects for callers in JavaScript, as JSON text for the doors. */
import type { Signature } from '../../core/signature.ts';
import { isBytes, type Tensor } from '../../core/tensor.ts';
import { fromHalf } from '../half.ts';
import { jsonList, jsonNested, jsonValue } from '../values-out.ts';
import { columnsOf, type Column } from './columns.ts';

export interface EncodeRowsOptions {
  /** Classes by name: `label: "setosa"`, `probabilities.setosa`. */
  readonly labels?: boolean;
}

/**
 * Integers beyond 2^53 are bigint, BYTES that are not UTF-8 are bytes.
 *
 * @param rows 1 when the signature is not batched
 */
export function encodeRows(
  signature: Signature,
  outputs: readonly Tensor[],
  rows: number,
  { labels = false }: EncodeRowsOptions = {},
): Record<string, unknown>[] {
  const columns = columnsOf(signature, outputs, labels);
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(columns.map((column) => [column.name, cell(column, outputs[column.output]!, row)])),
  );
}

export function cell(column: Column, tensor: Tensor, row: number): unknown {
  return nested(column, tensor, column.shape, row * column.step + column.offset);
}

function nested(column: Column, tensor: Tensor, shape: readonly number[], from: number): unknown {
  if (shape.length === 0) {
    const value = valueAt(tensor, from);
    return column.labels?.[Number(value)] ?? value;
  }
  const [size = 0, ...inner] = shape;
  const step = inner.reduce((count, axis) => count * axis, 1);
  return Array.from({ length: size }, (_, i) => nested(column, tensor, inner, from + i * step));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function valueAt({ datatype, data }: Tensor, i: number): unknown {
  if (isBytes(data)) {
    const element = data[i]!;
    if (typeof element === 'string') return element;
    try {
      return utf8.decode(element);
    } catch {
      return element;
    }
  }
  const value = data[i]!;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (datatype === 'BOOL') return value !== 0;
  return datatype === 'FP16' ? fromHalf(value) : value;
}

/** The JSON text of one row after the other, without anything between them. */
export function* jsonRows(
  signature: Signature,
  outputs: readonly Tensor[],
  rows: number,
  labels: boolean,
): Generator<string> {
  const columns = columnsOf(signature, outputs, labels);
  for (let row = 0; row < rows; row += 1) {
    let text = '{';
    for (let i = 0; i < columns.length; i += 1) {
      const column = columns[i]!;
      text += (i === 0 ? '' : ',') + keyText(column) + jsonCell(column, outputs[column.output]!, row);
    }
    yield `${text}}`;
  }
}

export function jsonCell(column: Column, tensor: Tensor, row: number): string {
  const { shape, spec, step } = column;
  const from = row * step + column.offset;
  if (column.labels !== undefined) return labelled(column, column.labels, tensor, shape, from);
  if (shape.length === 0) return jsonValue(tensor, from, spec.name);
  return shape.length === 1
    ? jsonList(tensor, from, from + step, spec.name)
    : jsonNested(tensor, shape, from, spec.name);
}

/** Class indices by name; one that has none stays a number. */
function labelled(
  column: Column,
  labels: readonly string[],
  tensor: Tensor,
  shape: readonly number[],
  from: number,
): string {
  const [size, ...inner] = shape;
  if (size === undefined) {
    const label = labels[Number(tensor.data[from])];
    return label === undefined ? jsonValue(tensor, from, column.spec.name) : JSON.stringify(label);
  }
  const step = inner.reduce((count, axis) => count * axis, 1);
  const items = Array.from({ length: size }, (_, i) => labelled(column, labels, tensor, inner, from + i * step));
  return `[${items.join(',')}]`;
}

const keyTexts = new WeakMap<Column, string>();

function keyText(column: Column): string {
  let text = keyTexts.get(column);
  if (text === undefined) {
    text = `${JSON.stringify(column.name)}:`;
    keyTexts.set(column, text);
  }
  return text;
}
