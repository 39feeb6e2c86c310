/** Frames for a model whose `MLmodel` has tensors: a column is a tensor, or all columns are the one without a name. */
import { ServeryError } from '../../core/errors.ts';
import { elementCount } from '../../core/tensor.ts';
import type { TensorSpec } from '../../core/signature.ts';
import { isList } from '../values-in.ts';
import type { Rows } from './coercion.ts';
import { isRecord } from './python-json.ts';
import type { Reader } from './reader.ts';

/** @throws {ServeryError} `INVALID_INPUT`, in MLflow's words */
export function checkFrame(rows: Rows, { signature, schema }: Reader): void {
  if (rows.length === 0) return;
  const [first] = rows;
  if (isList(first)) {
    const [spec] = signature.inputs;
    if (first.length === 1) {
      checkColumn(
        'None',
        rows.map((row) => (row as ArrayLike<unknown>)[0]),
        spec!,
        schema.tensors,
      );
    } else if (spec!.shape.length !== 2 || first.length !== spec!.shape[1]) throw wrongWidth(first.length, spec!);
    return;
  }
  if (!rows.every(isRecord)) return;
  for (const spec of signature.inputs) {
    const values = rows.map((row) => row[spec.name]);
    if (values.every((value) => value !== undefined)) checkColumn(spec.name, values, spec, schema.tensors);
  }
}

function checkColumn(
  name: string,
  values: readonly unknown[],
  spec: TensorSpec,
  types: Reader['schema']['tensors'],
): void {
  const [, ...inner] = spec.shape;
  const size = elementCount(inner.map((length) => length ?? 1));
  if (!isList(values[0])) {
    if (inner.length === 0 || (inner.length === 1 && inner[0] === 1)) return;
    throw refused(
      `The input pandas dataframe column '${name}' contains scalar values, which requires the shape to be (-1,) or ` +
        `(-1, 1), but got tensor spec shape of ${shapeText(spec)}.`,
    );
  }
  // Lists in lists are counted where they become a tensor.
  const isFlat = values.every((value) => isList(value) && !Array.from(value).some(isList));
  if (!isFlat || inner.includes(null) || values.every((value) => (value as ArrayLike<unknown>).length === size)) return;
  throw refused(
    `The value in the Input DataFrame column '${name}' could not be converted to the expected shape of: ` +
      `'${shapeText(spec)}'. Ensure that each of the input list elements are of uniform length and that the data can ` +
      `be coerced to the tensor type '${types.get(spec.name)}'`,
  );
}

function wrongWidth(columns: number, spec: TensorSpec): ServeryError {
  return refused(
    'This model contains a model signature with an unnamed input. Since the input data is a pandas DataFrame containing ' +
      'multiple columns, the input shape must be of the structure (-1, number_of_dataframe_columns). Instead, the input ' +
      `DataFrame passed had ${columns} columns and an input shape of ${shapeText(spec)} with all values within the ` +
      'DataFrame of scalar type. Please adjust the passed in DataFrame to match the expected structure',
  );
}

export function shapeText({ shape }: TensorSpec): string {
  return tuple(shape.map((size) => size ?? -1));
}

/** As Python prints it. */
export function tuple(sizes: readonly number[]): string {
  return `(${sizes.join(', ')}${sizes.length === 1 ? ',' : ''})`;
}

function refused(problem: string): ServeryError {
  return new ServeryError('INVALID_INPUT', problem);
}
