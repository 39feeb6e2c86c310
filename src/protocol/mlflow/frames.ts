/** The rows in the envelopes of MLflow: of a data frame by columns or by records, and of columns by name. */
import { ServeryError, quote } from '../../core/errors.ts';
import type { Rows } from './coercion.ts';
import { isRecord } from './python-json.ts';

const FRAME_KEYS: ReadonlySet<string> = new Set(['columns', 'index', 'data']);

/** @throws {ServeryError} `INVALID_REQUEST` */
export function rowsOfSplit(split: unknown): Rows {
  if (!isRecord(split)) throw invalid("'dataframe_split' must be a dictionary");
  const unknown = Object.keys(split).find((key) => !FRAME_KEYS.has(key));
  if (unknown !== undefined) throw invalid(`'dataframe_split' has no key ${quote(unknown)}`);
  const { columns, data } = split;
  if (!Array.isArray(data)) throw invalid("'dataframe_split' must have a list 'data'");
  if (columns === undefined || columns === null) return data;
  if (!Array.isArray(columns) || columns.some((name) => typeof name !== 'string' && typeof name !== 'number')) {
    throw invalid("'columns' must be a list of names");
  }
  const names = columns.map(String);
  if (new Set(names).size !== names.length) throw invalid("'columns' has a name twice");
  return data.map((row: unknown, i) => {
    if (!Array.isArray(row) || row.length !== names.length) {
      throw invalid(`row ${i} of 'data' must have ${names.length} values, as there are columns`);
    }
    return record(names, (column) => row[column]);
  });
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function rowsOfRecords(records: unknown): Rows {
  if (!Array.isArray(records) || records.length === 0 || !records.every(isRecord)) {
    throw invalid("'dataframe_records' must be a list of dictionaries, at least one");
  }
  return records;
}

/** @throws {ServeryError} `INVALID_INPUT` */
export function rowsOfColumns(columns: Readonly<Record<string, unknown>>): Rows {
  const names = Object.keys(columns);
  const lists = names.map((name) => (Array.isArray(columns[name]) ? (columns[name] as unknown[]) : [columns[name]]));
  const [first = []] = lists;
  if (lists.some(({ length }) => length !== first.length)) {
    throw new ServeryError(
      'INVALID_INPUT',
      'There was an error casting the input data to a DataFrame: the columns differ in length.',
    );
  }
  return first.map((_, row) => record(names, (column) => lists[column]![row]));
}

/** Without a prototype: a column may be called `__proto__`. */
export function record(names: readonly string[], valueOf: (column: number) => unknown): Record<string, unknown> {
  const row = Object.create(null) as Record<string, unknown>;
  for (let i = 0; i < names.length; i += 1) row[names[i]!] = valueOf(i);
  return row;
}

export function invalid(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Invalid input. ${problem}.`);
}
