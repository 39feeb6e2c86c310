/** Frames that have types of their own, as Parquet files do: MLflow converts none of their values, and lets few through. */
import { ServeryError, quote } from '../../core/errors.ts';
import { Misfit } from './numpy-values.ts';
import { castColumn, enforceColumn } from './pandas-columns.ts';
import { dateTimeText } from './python-time.ts';
import type { Rows } from './coercion.ts';
import type { Schema } from './schema.ts';

export interface TypedFrame {
  readonly columns: readonly { readonly name: string; readonly sqlType: string }[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** Rows as JSON would have them: times as texts, what holds values in lists as these. */
export function plainRows({ rows }: TypedFrame): Rows {
  return rows.map((row) => {
    const plain = Object.create(null) as Record<string, unknown>;
    for (const [name, value] of Object.entries(row)) plain[name] = plainValue(value);
    return plain;
  });
}

function plainValue(value: unknown): unknown {
  if (value instanceof Date) return dateTimeText(BigInt(value.getTime()) * 1_000_000n);
  return Array.isArray(value) ? value.map(plainValue) : value;
}

/** @throws {ServeryError} `INVALID_INPUT` for a column that would lose something on its way */
export function enforcedRows(frame: TypedFrame, { columns, declared, isUnnamed, tensors }: Schema): Rows {
  const rows = plainRows(frame) as Record<string, unknown>[];
  if (declared === 'tensors' && isUnnamed && frame.columns.length > 1) {
    const [expected] = tensors.values();
    const types = frame.columns.map(({ name, sqlType }) =>
      numpyType(
        sqlType,
        rows.some((row) => row[name] === null),
      ),
    );
    const other = types.find((type) => type !== expected);
    if (other === undefined) return rows;
    throw new ServeryError('INVALID_INPUT', `dtype of input ${other} does not match expected dtype ${expected}`);
  }
  for (const { name, sqlType } of frame.columns) {
    const column = columns.find((each) => each.name === name);
    if (column === undefined || column.holds !== 'value') continue;
    const values = rows.map((row) => row[name]);
    const from = numpyType(sqlType, values.includes(null));
    try {
      const isKnown = declared === 'columns';
      const typed = isKnown ? enforceColumn(values, from, column.dtype) : castColumn(values, column.dtype);
      const isMissing = from === 'float64' && typed.includes(null);
      for (const [i, value] of typed.entries()) rows[i]![name] = isMissing && value === null ? NaN : value;
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      throw new ServeryError(
        'INVALID_INPUT',
        `Incompatible input types for column ${quote(name).slice(1, -1)}. ${error.message}`,
      );
    }
  }
  return rows;
}

const NUMPY: Readonly<Record<string, string>> = {
  BOOLEAN: 'bool',
  TINYINT: 'int8',
  SMALLINT: 'int16',
  INTEGER: 'int32',
  BIGINT: 'int64',
  UTINYINT: 'uint8',
  USMALLINT: 'uint16',
  UINTEGER: 'uint32',
  UBIGINT: 'uint64',
  FLOAT: 'float32',
  DOUBLE: 'float64',
};

/** As pandas has a column: a null makes floats of integers, and objects of booleans. */
function numpyType(sqlType: string, hasNull: boolean): string {
  if (sqlType.startsWith('TIMESTAMP')) return 'datetime64[ns]';
  const type = NUMPY[sqlType] ?? 'object';
  if (!hasNull || type.startsWith('float')) return type;
  return type.includes('int') ? 'float64' : 'object';
}
