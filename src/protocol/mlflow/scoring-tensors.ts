/** What comes as `instances` or `inputs`: tensors of nested lists, or rows and columns where the model has a frame. */
import { ServeryError } from '../../core/errors.ts';
import type { TensorSpec } from '../../core/signature.ts';
import type { NamedTensor } from '../../core/tensor.ts';
import { readNest } from '../instances.ts';
import { InexactInteger } from '../json.ts';
import { isList } from '../values-in.ts';
import type { Rows } from './coercion.ts';
import { invalid, rowsOfColumns } from './frames.ts';
import { missing, namesOf } from './missing.ts';
import { isRecord } from './python-json.ts';
import type { Reader } from './reader.ts';
import type { Schema } from './schema.ts';
import { readRows } from './scoring-rows.ts';

export function readInstances(data: unknown, isInstances: boolean, reader: Reader): readonly NamedTensor[] {
  const { schema, coercion, signature, isLax } = reader;
  const isColumns = schema.declared === 'columns';
  if (!isList(data)) throw isColumns ? missing(namesOf(schema), [0]) : invalid('expected a list');
  const items = data as readonly unknown[];
  if (items.some(isRecord)) {
    if (isInstances) refuseUneven(items);
    if (isLax && isInstances && schema.columns.some(({ holds }) => holds === 'list')) {
      throw invalid('instances cannot hold columns of lists: use inputs');
    }
    return readRows(items, 'tensors', reader);
  }
  if (isColumns && schema.columns.length === 1) {
    const [{ name = '' }] = schema.columns as [Schema['columns'][number]];
    const rows = name === '' ? items.map((value) => [value]) : items.map((value) => ({ [name]: value }));
    return readRows(rows, 'tensors', reader);
  }
  const [only, ...others] = signature.inputs;
  if (isColumns || only === undefined || others.length > 0) return readRows(items, 'tensors', reader);
  const isColumn = only.shape.length === 2 && items.length > 0 && !items.some(isList);
  const nest = isColumn ? items.map((value) => [value]) : items;
  return [readTensor(only, coercion.nest(only, nest), reader)];
}

/** A tensor whose values do not fit is a bad request, and not one that the schema was enforced upon. */
function readTensor(spec: TensorSpec, nest: unknown, reader: Reader): NamedTensor {
  try {
    return readNest(spec, nest, reader);
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'INVALID_INPUT' || error instanceof InexactInteger) {
      throw error;
    }
    throw new ServeryError('INVALID_REQUEST', `Invalid input. ${error.message}`, { cause: error });
  }
}

function refuseUneven(items: Rows): void {
  const [first, ...others] = items.map((item) => (isRecord(item) ? Object.keys(item) : []));
  if (others.every(({ length }) => length === first!.length)) return;
  throw invalid('The length of values for each input/column name are not the same');
}

/** `{"x": [1, 2]}`: a value of each input or feature for each row. */
export function readColumns(columns: Readonly<Record<string, unknown>>, reader: Reader): readonly NamedTensor[] {
  const { signature, schema, coercion, isLax } = reader;
  const { inputs } = signature;
  const isFrame = schema.declared === 'columns';
  if (isLax && schema.isUnnamed) {
    throw invalid(
      'Failed to parse input data. This model contains an un-named model signature which expects a single ' +
        'n-dimensional array or a single value as input, however, an input of type dict was found',
    );
  }
  if (isFrame && isLax && schema.columns.some(({ holds }) => holds === 'list')) {
    return readRows([columns], 'tensors', reader);
  }
  if (!isFrame && inputs.every(({ name }) => Object.hasOwn(columns, name))) {
    return inputs.map((spec) => {
      const value = columns[spec.name];
      const list = isList(value) ? value : [value];
      const isColumn = spec.shape.length === 2 && list.length > 0 && !Array.from(list).some(isList);
      const nest = isColumn ? Array.from(list, (each) => [each]) : list;
      return readTensor(spec, coercion.nest(spec, nest), reader);
    });
  }
  return readRows(rowsOfColumns(columns), 'tensors', reader);
}
