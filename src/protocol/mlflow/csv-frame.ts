/**
 * CSV as pandas reads it when it knows the type of each column: stricter than the JSON forms with numbers, and with many
 * words for what is missing.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import { readCsvRecords } from '../csv.ts';
import { Misfit, Unsafe, castValue, isFloat, isInteger, type Dtype } from './numpy-values.ts';
import { castColumn, guessDtype } from './pandas-columns.ts';
import { record } from './frames.ts';
import { pandasFloat } from './pandas-float.ts';
import type { Rows } from './coercion.ts';
import type { Schema, SchemaColumn } from './schema.ts';
import { unparsable } from './scoring-failure.ts';

/**
 * @param inOrder columns are known by their position
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function readPandasCsv(text: string, schema: Schema, inOrder: boolean): Rows {
  const [header, ...records] = readCsvRecords(text, { mayBeShort: true });
  if (header === undefined) throw unparsable('CSV', 'No columns to parse from file');
  const columns = header.map((name, i) => {
    const { columns: known } = schema;
    return inOrder
      ? (known[i] ?? (known.length === 1 ? known[0] : undefined))
      : known.find((each) => each.name === name);
  });
  const values = columns.map((column, i) =>
    readColumn(
      // What a short line lacks is missing.
      records.map((cells) => cells[i] ?? ''),
      column,
      header[i]!,
    ),
  );
  if (inOrder) return records.map((_, row) => values.map((column) => column[row]));
  return records.map((_, row) => record(header, (column) => values[column]![row]));
}

function readColumn(cells: readonly string[], column: SchemaColumn | undefined, name: string): readonly unknown[] {
  if (column === undefined) return cells;
  try {
    const { dtype, holds, datatype } = column;
    if (holds === 'list') throw new Misfit('a list has no form in CSV');
    const values = castCells(cells, dtype);
    return datatype === 'FP32'
      ? values.map((value) => (typeof value === 'number' ? Math.fround(value) : value))
      : values;
  } catch (error) {
    if (error instanceof Unsafe) {
      const column = quote(name).slice(1, -1);
      throw new ServeryError('INVALID_INPUT', `Incompatible input types for column ${column}. ${error.message}`);
    }
    if (error instanceof Misfit) throw unparsable('CSV', `column ${quote(name)}: ${error.message}`);
    throw error;
  }
}

/** Cells of texts stay as they are, `007` too. */
function castCells(cells: readonly string[], dtype: Dtype): readonly unknown[] {
  if (dtype === 'datetime64[ns]') throw new Misfit('the dtype datetime64[ns] is not supported for parsing');
  if (dtype === 'str' || dtype === 'binary' || dtype === 'any') {
    return cells.map((cell) => (MISSING.has(cell) ? 'nan' : cell));
  }
  if (dtype === 'bool') return cells.map(readBoolean);
  if (isInteger(dtype)) {
    const integers = cells.map(readInteger);
    const guessed = guessDtype(integers);
    if (dtype === 'int64' && guessed === 'uint64') throw new Unsafe('Can not safely convert uint64 to int64.');
    return castColumn(integers, dtype);
  }
  return isFloat(dtype) ? cells.map((cell) => readFloat(cell, dtype)) : cells;
}

const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  True: true,
  TRUE: true,
  false: false,
  False: false,
  FALSE: false,
};

function readBoolean(cell: string): boolean {
  const word = Object.hasOwn(WORDS, cell) ? WORDS[cell] : undefined;
  if (word !== undefined) return word;
  if (cell === '1' || cell === '0') return cell === '1';
  throw new Misfit(MISSING.has(cell) ? 'Bool column has NA values' : 'cannot safely convert passed user dtype of bool');
}

function readInteger(cell: string): number | bigint {
  if (MISSING.has(cell)) throw new Misfit('Integer column has NA values');
  if (Object.hasOwn(WORDS, cell)) return WORDS[cell] === true ? 1 : 0;
  if (/^\s*[+-]?\d{1,40}\s*$/.test(cell)) return castValue(cell, cell.includes('-') ? 'int64' : 'uint64') as number;
  const float = castValue(cell, 'float64') as number;
  if (!Number.isInteger(float)) throw new Misfit('cannot safely convert passed user dtype of int');
  return castValue(float, 'int64') as number;
}

function readFloat(cell: string, dtype: Dtype): unknown {
  if (MISSING.has(cell)) return NaN;
  const value = Object.hasOwn(WORDS, cell) ? WORDS[cell] : (pandasFloat(cell) ?? cell.replaceAll('_', '?'));
  return castValue(value, dtype);
}

/** What pandas takes for nothing. */
const MISSING: ReadonlySet<string> = new Set(
  ',#N/A,#N/A N/A,#NA,-1.#IND,-1.#QNAN,-NaN,-nan,1.#IND,1.#QNAN,<NA>,N/A,NA,NULL,NaN,None,n/a,nan,null'.split(','),
);
