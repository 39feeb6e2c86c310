/** The rows in the envelopes of MLflow: of a data frame by columns or by records, and of columns by name. */
import { ServeryError } from '../../core/errors.ts';
import type { Rows } from './coercion.ts';
import { kindOf } from './numpy-values.ts';
import { isRecord, pythonNames } from './python-json.ts';
import { invalid } from './scoring-failure.ts';

const FRAME_KEYS: ReadonlySet<string> = new Set(['columns', 'index', 'data']);

/**
 * @param isByPosition the names of columns do not matter: rows stay lists
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function rowsOfSplit(split: unknown, isByPosition = false): Rows {
  if (!isRecord(split)) throw invalid(`Dataframe split format must be a dictionary. Got ${formOf(split)}.`);
  const keys = Object.keys(split);
  if (!Object.hasOwn(split, 'data') || !keys.every((key) => FRAME_KEYS.has(key))) {
    const got = pythonNames(keys).slice(1, -1);
    throw invalid(
      `Dataframe split format must have 'data' field and optionally 'columns' and 'index' fields. Got {${got}}.'`,
    );
  }
  const { columns, index, data } = split;
  if (!Array.isArray(data)) throw notFrame('split', "'data' must be a list of rows");
  checkIndex(index, data.length);
  if (columns === undefined || columns === null) return data;
  if (!Array.isArray(columns) || columns.some((name) => typeof name !== 'string' && typeof name !== 'number')) {
    throw notFrame('split', "'columns' must be a list of names");
  }
  const names = columns.map(String);
  if (!isByPosition && new Set(names).size !== names.length) throw notFrame('split', "'columns' has a name twice");
  const width = data.reduce((most: number, row: unknown) => Math.max(most, Array.isArray(row) ? row.length : 1), 0);
  if (data.length > 0 && width !== names.length) {
    throw notFrame('split', `${names.length} columns passed, passed data had ${width} columns`);
  }
  const short = data.findIndex((row: unknown) => !Array.isArray(row) || row.length !== names.length);
  if (short !== -1) throw notFrame('split', `row ${short} of 'data' has not a value for each column`);
  if (isByPosition) return data;
  return (data as unknown[][]).map((row) => record(names, (column) => row[column]));
}

/** Names of rows, which no tensor has: only as many as there are rows. */
function checkIndex(index: unknown, rows: number): void {
  if (index === undefined || index === null) return;
  if (!Array.isArray(index)) throw notFrame('split', 'Index(...) must be called with a collection of some kind');
  if (index.length !== rows) {
    throw notFrame('split', `Length of values (${rows}) does not match length of index (${index.length})`);
  }
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function rowsOfRecords(records: unknown): Rows {
  if (!Array.isArray(records)) {
    throw invalid(`Dataframe records format must be a list of records. Got ${formOf(records)}.`);
  }
  if (records.length === 0 || !records.every(isRecord)) {
    throw notFrame('records', 'expected a list of dictionaries, at least one');
  }
  return records;
}

/** As its messages call what was sent. */
function formOf(value: unknown): string {
  if (isRecord(value)) return 'dictionary';
  return Array.isArray(value) ? 'list' : `type <class ${kindOf(value)}>`;
}

function notFrame(orient: 'records' | 'split', problem: string): ServeryError {
  return invalid(
    `Provided dataframe_${orient} field is not a valid dataframe representation in '${orient}' format. ` +
      `Error: '${problem}'`,
  );
}

/** @throws {ServeryError} `INVALID_INPUT` */
export function rowsOfColumns(columns: Readonly<Record<string, unknown>>): Rows {
  const names = Object.keys(columns);
  const lists = names.map((name) => (Array.isArray(columns[name]) ? (columns[name] as unknown[]) : [columns[name]]));
  const [first = []] = lists;
  if (lists.some(({ length }) => length !== first.length)) {
    throw new ServeryError(
      'INVALID_INPUT',
      'This model contains a column-based signature, which suggests a DataFrame input. There was an error casting the ' +
        'input data to a DataFrame: All arrays must be of the same length',
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
