/** Tensors → columns of a file: the values that rows would have, under the same names. */
import type { Column, ColumnType } from '../../core/columns.ts';
import type { Signature } from '../../core/signature.ts';
import { isBytes, type NumericData, type Tensor } from '../../core/tensor.ts';
import { fromHalf } from '../half.ts';
import { columnsOf, type Column as OutputColumn } from './columns.ts';
import { cell } from './encode-rows.ts';

/** @param rows 1 when the signature is not batched */
export function encodeColumns(
  signature: Signature,
  outputs: readonly Tensor[],
  rows: number,
  labels: boolean,
): readonly Column[] {
  return columnsOf(signature, outputs, labels).map((column) => encodeColumn(column, outputs[column.output]!, rows));
}

function encodeColumn(column: OutputColumn, tensor: Tensor, rows: number): Column {
  const { name, shape, labels } = column;
  const type = columnType(column);
  if (labels !== undefined && shape.length === 0)
    return { name, type, values: labelTexts(column, labels, tensor, rows) };
  if (shape.length > 0 || isBytes(tensor.data)) {
    return { name, type, values: Array.from({ length: rows }, (_, row) => cell(column, tensor, row)) };
  }
  return { name, type, values: numbers(column, tensor, rows) };
}

/** Half-precision numbers become floats: few formats have them. */
function columnType({ spec, shape, labels }: OutputColumn): ColumnType {
  if (shape.length > 0) return 'LIST';
  if (labels !== undefined || spec.datatype === 'BYTES') return 'TEXT';
  return spec.datatype === 'FP16' ? 'FP32' : spec.datatype;
}

function numbers({ step, offset }: OutputColumn, { datatype, data }: Tensor, rows: number): NumericData {
  const values = data as NumericData;
  if (datatype === 'FP16') {
    return Float32Array.from({ length: rows }, (_, row) => fromHalf(values[row * step + offset] as number));
  }
  if (step === 1) return values.length === rows ? values : values.subarray(0, rows);
  const picked = new (values.constructor as new (length: number) => NumericData)(rows);
  for (let row = 0, at = offset; row < rows; row += 1, at += step) picked[row] = values[at]!;
  return picked;
}

/** An index without a label is written as the number that it is. */
function labelTexts(
  { step, offset }: OutputColumn,
  labels: readonly string[],
  { data }: Tensor,
  rows: number,
): string[] {
  const texts = new Array<string>(rows);
  for (let row = 0, at = offset; row < rows; row += 1, at += step) {
    texts[row] = labels[Number(data[at])] ?? String(data[at]);
  }
  return texts;
}
