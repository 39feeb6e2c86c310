/** What comes as `instances` or `inputs`: tensors of nested lists, or rows and columns where the model has a frame. */
import { ServeryError } from '../../core/errors.ts';
import type { TensorSpec } from '../../core/signature.ts';
import type { NamedTensor } from '../../core/tensor.ts';
import { readNest } from '../instances.ts';
import { InexactInteger } from '../json.ts';
import { isList } from '../values-in.ts';
import type { Rows } from './coercion.ts';
import { shapeText, tuple } from './frame-shape.ts';
import { rowsOfColumns } from './frames.ts';
import { missing, namesOf } from './missing.ts';
import { isRecord } from './python-json.ts';
import type { Reader } from './reader.ts';
import type { Schema } from './schema.ts';
import { invalid } from './scoring-failure.ts';
import { readRows } from './scoring-rows.ts';

export function readInstances(data: unknown, isInstances: boolean, reader: Reader): readonly NamedTensor[] {
  const { schema, signature, isLax } = reader;
  const isColumns = schema.declared === 'columns';
  if (!isList(data)) {
    if (isColumns && schema.isUnnamed && schema.columns.length === 1) return readInstances([data], isInstances, reader);
    if (isColumns) throw missing(namesOf(schema), [0]);
    throw schema.declared === 'tensors' ? wrongShape([], signature.inputs[0]!) : invalid('expected a list.');
  }
  const items = data as readonly unknown[];
  if (isColumns && schema.columns.length > 1) {
    if (items.length === 0) throw missing(namesOf(schema), []);
    const [first] = items;
    if (isList(first) && items.some((item) => !isList(item) || item.length !== first.length)) {
      throw invalid('setting an array element with a sequence: the lists are not of one length.');
    }
  }
  if (items.some(isRecord)) {
    if (isInstances) refuseUneven(items);
    if (isLax && isInstances && schema.columns.some(({ holds }) => holds === 'list')) {
      throw invalid('instances cannot hold columns of lists: use inputs.');
    }
    if (isLax && !isColumns && schema.isUnnamed) {
      throw new ServeryError(
        'INVALID_INPUT',
        'This model contains a tensor-based model signature with no input names, which suggests a numpy array input or ' +
          'a pandas dataframe input with proper column values, but an input with names was found.',
      );
    }
    return readRows(items, 'tensors', reader);
  }
  if (isColumns && schema.columns.length === 1) {
    const [{ name, holds }] = schema.columns as [Schema['columns'][number]];
    const areRows = name === undefined && holds === 'value' && items.every(isList);
    const rows = areRows ? items : items.map((value) => (name === undefined ? [value] : { [name]: value }));
    return readRows(rows, 'tensors', reader);
  }
  const [only, ...others] = signature.inputs;
  if (isColumns || only === undefined || others.length > 0) return readRows(items, 'tensors', reader);
  return [readList(only, items, reader)];
}

/** A list of values alone is a column. */
function readList(spec: TensorSpec, list: readonly unknown[], reader: Reader): NamedTensor {
  const isColumn = spec.shape.length === 2 && list.length > 0 && !list.some(isList);
  const nest = isColumn ? list.map((value) => [value]) : list;
  const tensor = readTensor(spec, reader.coercion.nest(spec, nest), reader);
  // What MLmodel says of the shape is held in its words, and what the artifact says where all is checked.
  if (reader.schema.declared === 'tensors' && !fitsShape(tensor.shape, spec)) {
    throw wrongShape(isColumn ? [list.length] : tensor.shape, spec);
  }
  return tensor;
}

function fitsShape(shape: readonly number[], spec: TensorSpec): boolean {
  return shape.length === spec.shape.length && spec.shape.every((size, axis) => size === null || size === shape[axis]);
}

function wrongShape(shape: readonly number[], spec: TensorSpec): ServeryError {
  return new ServeryError(
    'INVALID_INPUT',
    `Shape of input ${tuple(shape)} does not match expected shape ${shapeText(spec)}.`,
  );
}

/** A tensor whose values do not fit is a bad request, and not one that the schema was enforced upon. */
function readTensor(spec: TensorSpec, nest: unknown, reader: Reader): NamedTensor {
  try {
    return readNest(spec, nest, reader);
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'INVALID_INPUT' || error instanceof InexactInteger) {
      throw error;
    }
    throw invalid(error.message, error);
  }
}

function refuseUneven(items: Rows): void {
  const [first, ...others] = items.map((item) => (isRecord(item) ? Object.keys(item) : []));
  if (others.every(({ length }) => length === first!.length)) return;
  throw invalid('The length of values for each input/column name are not the same');
}

/** `{"x": [1, 2]}`: a value of each input or feature for each row. */
export function readColumns(columns: Readonly<Record<string, unknown>>, reader: Reader): readonly NamedTensor[] {
  const { signature, schema, isLax } = reader;
  const { inputs } = signature;
  const isFrame = schema.declared === 'columns';
  if (isLax && schema.isUnnamed) {
    throw invalid(
      'Failed to parse input data. This model contains an un-named  model signature which expects a single ' +
        "n-dimensional array or a single value as input, however, an input of type <class 'dict'> was found.",
    );
  }
  if (isFrame && Object.keys(columns).length === 0) throw missing(namesOf(schema), []);
  if (isFrame && isLax && schema.columns.some(({ holds }) => holds === 'list')) {
    return readRows([columns], 'tensors', reader);
  }
  if (!isFrame && inputs.every(({ name }) => Object.hasOwn(columns, name))) {
    return inputs.map((spec) => {
      const value = columns[spec.name];
      if (!isList(value) && isLax && schema.declared === 'tensors') throw wrongShape([], spec);
      return readList(spec, isList(value) ? Array.from(value) : [value], reader);
    });
  }
  return readRows(rowsOfColumns(columns), 'tensors', reader);
}
