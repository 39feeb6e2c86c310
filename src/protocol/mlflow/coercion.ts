/**
 * How values are brought to the types of a schema: strictly, so that nothing is lost, or as MLflow does it.
 *
 * MLflow has three ways with a value. A data frame is guessed by column and cast; what comes as `instances` or `inputs`
 * is cast value by value; what has types of its own (Parquet) or is in lists is let through only where nothing is lost.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import type { TensorSpec } from '../../core/signature.ts';
import type { Datatype } from '../../core/tensor.ts';
import { FLOAT_OVERFLOW, STRICT_FLOATS, isList, type FloatRules } from '../values-in.ts';
import { Misfit, Unsafe, castValue, isInteger, type Dtype } from './numpy-values.ts';
import { castColumn, enforceColumn, fromBase64, guessDtype } from './pandas-columns.ts';
import { WholeFloat, isRecord } from './python-json.ts';
import { dateTimeText, readDateTime } from './python-time.ts';
import type { Schema, SchemaColumn } from './schema.ts';
import { invalid } from './scoring-failure.ts';

export type ScoringProfile = 'strict' | 'mlflow-compat';
/** `frame`: of `dataframe_split` and `dataframe_records`; `tensors`: of `instances` and `inputs`; `cells`: of CSV. */
export type RowForm = 'frame' | 'tensors' | 'cells';
export type Rows = readonly unknown[];

export interface Coercion {
  /** The values of rows, whether these are lists or objects. */
  rows(rows: Rows, form: RowForm): Rows;
  /** The values of a tensor, nested as they are. */
  nest(spec: TensorSpec, value: unknown): unknown;
  readonly floats: FloatRules;
}

/** @throws {ServeryError} `INVALID_REQUEST`, where a method meets a value that it cannot bring to its type */
export function coercionFor(schema: Schema, profile: ScoringProfile): Coercion {
  if (profile === 'mlflow-compat') {
    return {
      rows: (rows, form) => castRows(rows, schema.columns, form),
      nest: (spec, value) => castTensor(spec, value, schema.tensors.get(spec.name)!),
      floats: { nonFinite: true, missing: true, overflow: true },
    };
  }
  // The tensor's own type is strict enough, unless a column is narrower than what it becomes part of.
  const checked = schema.declared === 'columns' ? schema.columns.filter(({ dtype }) => NARROW.has(dtype)) : [];
  return {
    rows: (rows, form) => (checked.length === 0 ? rows : checkRows(rows, schema.columns, form)),
    nest: (_spec, value) => value,
    floats: STRICT_FLOATS,
  };
}

const NARROW: ReadonlySet<Dtype> = new Set(['int32', 'int64', 'float32', 'binary', 'datetime64[ns]']);

type ColumnReader = (values: readonly unknown[], column: SchemaColumn) => readonly unknown[];

function castRows(rows: Rows, columns: readonly SchemaColumn[], form: RowForm): Rows {
  const isRagged = (row: unknown) => isList(row) && row.length > 1 && Array.from(row).some(isList);
  if (form === 'frame' && columns[0]?.holds === 'nest' && columns.length === 1 && rows.some(isRagged)) {
    const { dtype } = columns[0];
    throw new ServeryError('INVALID_INPUT', `dtype of input object does not match expected dtype ${dtype}`);
  }
  return mapColumns(rows, columns, (values, column) => {
    const cast = castCells(values, column, form);
    return cast.map((value) => forTensor(value, column.dtype, column.datatype));
  });
}

function castCells(values: readonly unknown[], { dtype, holds }: SchemaColumn, form: RowForm): readonly unknown[] {
  if (holds === 'list') return values.map((value) => enforceList(value, dtype));
  if (holds === 'nest' && values.every(isList)) return values.map((value) => castLeaves(value, dtype));
  if (form === 'frame') return castColumn(values, dtype);
  const cast = values.map((value) => castLeaves(value, dtype));
  if (values.some(isList)) throw new Unsafe(`Can not safely convert object to ${dtype}.`);
  return cast;
}

function enforceList(value: unknown, dtype: Dtype): readonly unknown[] {
  if (!isList(value)) throw new Misfit('Expected data to be list or numpy array');
  const items = Array.from(value);
  if (items.length === 0) return items;
  let enforced: readonly unknown[];
  try {
    enforced = enforceColumn(items, guessDtype(items), dtype);
  } catch (error) {
    throw error instanceof Unsafe ? new Misfit(error.message) : error;
  }
  // It looks twice, and what it made of them the first time are doubles.
  if (dtype === 'float32') throw new Unsafe('Can not safely convert float64 to float32.');
  return enforced;
}

function castLeaves(value: unknown, dtype: Dtype): unknown {
  return isList(value) ? Array.from(value, (item) => castLeaves(item, dtype)) : castValue(value, dtype);
}

function castTensor({ datatype }: TensorSpec, value: unknown, dtype: Dtype): unknown {
  try {
    return forTensor(castLeaves(value, dtype), dtype, datatype);
  } catch (error) {
    if (error instanceof Misfit) throw invalid(error.message);
    throw error;
  }
}

/** A value of Python as a tensor takes it: what is too large for a float of 32 bits becomes infinite here. */
function forTensor(value: unknown, dtype: Dtype, datatype: Datatype): unknown {
  if (Array.isArray(value)) return value.map((item) => forTensor(item, dtype, datatype));
  if (dtype === 'datetime64[ns]' && datatype === 'BYTES') return dateTimeText(value as bigint | null);
  if (value instanceof WholeFloat) return value.value;
  return typeof value === 'number' && datatype === 'FP32' ? Math.fround(value) : value;
}

function checkRows(rows: Rows, columns: readonly SchemaColumn[], form: RowForm): Rows {
  return mapColumns(rows, columns, (values, { dtype, holds }) =>
    values.map((value) => {
      if (value === undefined || value === null) return value;
      if (holds !== 'value') return isList(value) ? Array.from(value, (item) => strictly(item, dtype, form)) : value;
      return strictly(value, dtype, form);
    }),
  );
}

/** @throws {Misfit} where the value is of the type of the tensor, and not of that of the column */
function strictly(value: unknown, dtype: Dtype, form: RowForm): unknown {
  if (isInteger(dtype)) {
    if (typeof value !== 'number' && typeof value !== 'bigint') throw new Misfit('expected an integer');
    if (!Number.isInteger(Number(value))) throw new Misfit('it has a fraction, expected an integer');
    // Beyond 2^53 the digits are read again first.
    return typeof value === 'bigint' || Number.isSafeInteger(value) ? castValue(value, dtype) : value;
  }
  if (dtype === 'float32' && typeof value === 'number' && Math.abs(value) >= FLOAT_OVERFLOW) {
    throw new Misfit('it does not fit a float of 32 bits');
  }
  if (dtype === 'binary') {
    if (form !== 'frame') throw new Misfit('binary values are for dataframe_split and dataframe_records alone');
    const isBase64 = typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
    if (!isBase64) throw new Misfit('expected a text in base64');
    return fromBase64(value);
  }
  if (dtype === 'datetime64[ns]') {
    const time = typeof value === 'string' ? readDateTime(value) : undefined;
    if (time === undefined || time.hasZone) throw new Misfit('expected a time in ISO 8601 without a zone');
    return dateTimeText(time.nanoseconds);
  }
  return value;
}

/** Rows are read by column: by name where they are objects, by position where they are lists. Others are left out. */
function mapColumns(rows: Rows, columns: readonly SchemaColumn[], read: ColumnReader): Rows {
  const isObjects = rows.every(isRecord);
  if (!isObjects && !rows.every(isList)) return rows; // refused where they become tensors
  // The only tensor of a model without columns: each value is of its type.
  const [only, another] = columns;
  const width = isObjects ? 0 : Math.max(0, ...rows.map((row) => (row as ArrayLike<unknown>).length));
  const isSpread = !isObjects && another === undefined && only !== undefined && only.holds === 'nest';
  const found = isSpread ? Array.from({ length: width }, () => only) : columns;
  const made = rows.map((row) => (isList(row) ? Array.from(row) : (Object.create(null) as Record<string, unknown>)));
  for (const [i, column] of found.entries()) {
    const key = isObjects ? column.name : i;
    if (key === undefined || (isObjects && !rows.some((row) => Object.hasOwn(row as object, key)))) continue;
    const values = rows.map((row) =>
      Object.hasOwn(row as object, key) ? (row as Record<PropertyKey, unknown>)[key] : undefined,
    );
    const cast = readOrRefuse(values, column, key, read);
    for (const [row, value] of cast.entries()) {
      // A list does not grow by what it lacks.
      if (value !== undefined && (isObjects || i < (made[row] as unknown[]).length)) {
        (made[row] as Record<PropertyKey, unknown>)[key] = value;
      }
    }
  }
  return made;
}

function readOrRefuse(
  values: readonly unknown[],
  column: SchemaColumn,
  key: string | number,
  read: ColumnReader,
): readonly unknown[] {
  try {
    return read(values, column);
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    const name = typeof key === 'number' ? key : quote(key).slice(1, -1);
    if (error instanceof Unsafe) {
      throw new ServeryError('INVALID_INPUT', `Incompatible input types for column ${name}. ${error.message}`);
    }
    const where = `Data is not compatible with model signature. Failed to convert column ${name} to type`;
    throw invalid(`${where} '${column.dtype}'. Error: '${error.message}'`);
  }
}
