/** Tensors → columns of a file: the values that rows would have, under the same names. */
import type { Column, ColumnType } from '../../core/columns.ts';
import type { Signature } from '../../core/signature.ts';
import { allocate, elementCount, isBytes, type NumericData, type Tensor } from '../../core/tensor.ts';
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
  if (shape.length > 0) return lists(column, tensor, rows);
  const type = itemType(column);
  if (labels !== undefined) return { name, type, values: labelTexts(column, labels, tensor, rows) };
  if (isBytes(tensor.data)) {
    return { name, type, values: Array.from({ length: rows }, (_, i) => cell(column, tensor, i)) };
  }
  return { name, type, values: numbers(column, tensor, rows) };
}

/** Half-precision numbers become floats: few formats have them. */
function itemType({ spec: { datatype }, labels }: OutputColumn): ColumnType {
  if (labels !== undefined || datatype === 'BYTES') return 'TEXT';
  return datatype === 'FP16' ? 'FP32' : datatype;
}

function lists(column: OutputColumn, tensor: Tensor, rows: number): Column {
  const { name, shape, step, labels } = column;
  const { datatype, data } = tensor;
  let values: readonly unknown[] | undefined;
  const isFlat =
    shape.length === 1 && labels === undefined && !isBytes(data) && datatype !== 'FP16' && datatype !== 'BOOL';
  return {
    name,
    type: 'LIST',
    list: { item: itemType(column), depth: shape.length },
    ...(isFlat && { flat: data.length === rows * step ? data : data.subarray(0, rows * step) }),
    // Made only for writers that cannot take the flat form.
    get values() {
      values ??= Array.from({ length: rows }, (_, row) => cell(column, tensor, row));
      return values;
    },
  };
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

/** The columns that any outputs of the signature have, without rows. */
export function emptyOutputColumns(signature: Signature, labels: boolean): readonly Column[] {
  const outputs = signature.outputs.map(({ datatype, shape }): Tensor => {
    const sizes = shape.map((size, axis) => (axis === 0 && signature.batched ? 0 : (size ?? 0)));
    const length = signature.batched ? 0 : elementCount(sizes);
    return {
      datatype,
      shape: sizes,
      data: datatype === 'BYTES' ? new Array<string>(length).fill('') : allocate(datatype, length),
    };
  });
  return encodeColumns(signature, outputs, 0, labels);
}
