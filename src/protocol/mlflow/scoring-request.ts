/**
 * Bodies of MLflow's scoring server: a data frame by columns or by records, tensors by instances or by inputs, CSV.
 *
 * Forms and texts: MLflow 3.11, `mlflow/pyfunc/scoring_server/__init__.py` and `mlflow/types`. Values are read as
 * everywhere here: what MLflow would truncate, wrap or guess is refused.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import type { Signature, TensorSpec } from '../../core/signature.ts';
import type { NamedTensor } from '../../core/tensor.ts';
import { parseBareCsv, parseCsv } from '../csv.ts';
import { readNest, type NestLimits } from '../instances.ts';
import {
  InexactInteger,
  countAllKeys,
  decodeText,
  isJsonObject,
  parseJson,
  parseJsonExactly,
  refuseDuplicateKeys,
  type DecodeLimits,
} from '../json.ts';
import { decodeRows } from '../rows/decode-rows.ts';
import { isList, STRICT_FLOATS } from '../values-in.ts';

/** A data frame is answered by records, tensors by the name of each output. */
export type ScoringForm = 'records' | 'tensors';

export interface ScoringRequest {
  readonly tensors: readonly NamedTensor[];
  readonly form: ScoringForm;
}

const TYPES = ['text/csv', 'application/json', 'application/vnd.apache.parquet'];

/**
 * Exact and case-sensitive, as MLflow compares it.
 *
 * @throws {ServeryError} `UNSUPPORTED_MEDIA_TYPE`
 */
export function scoringType(contentType: string | undefined): 'csv' | 'json' {
  const [type = '', ...parameters] = (contentType ?? '').split(';');
  const other = parameters.map((text) => text.trim()).find((text) => !text.toLowerCase().startsWith('charset='));
  if (other !== undefined) throw unsupported(`Unrecognized content type parameters: ${quote(other)}.`);
  if (parameters.some((text) => text.trim().toLowerCase() !== 'charset=utf-8')) {
    throw unsupported('The scoring server only supports UTF-8');
  }
  if (type === 'application/json') return 'json';
  if (type === 'text/csv') return 'csv';
  if (type === TYPES[2]) throw unsupported('Parquet has no place in a request here: use `servery predict` for files.');
  const said = contentType === undefined ? 'nothing' : quote(type);
  throw unsupported(
    `This predictor only supports the following content types: Types: [${TYPES.map((each) => `'${each}'`).join(', ')}]. Got ${said}.`,
  );
}

function unsupported(problem: string): ServeryError {
  return new ServeryError('UNSUPPORTED_MEDIA_TYPE', problem);
}

/** @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `PAYLOAD_TOO_LARGE` */
export function decodeScoring(
  body: Uint8Array,
  type: 'csv' | 'json',
  signature: Signature,
  limits: DecodeLimits,
): ScoringRequest {
  const text = decodeText(body);
  const reader: Reader = {
    signature,
    limits,
    floats: STRICT_FLOATS,
    mostElements: Math.min(text.length, limits.maxElements),
  };
  if (type === 'csv') {
    return { tensors: readCsv(text, reader), form: 'records' };
  }
  const document = parseJson(text);
  refuseDuplicateKeys(text, countAllKeys(document, limits.maxNesting));
  try {
    return readDocument(document, reader);
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return readDocument(parseJsonExactly(text), reader);
  }
}

interface Reader extends NestLimits {
  readonly signature: Signature;
}

const ENVELOPES = ['dataframe_split', 'dataframe_records', 'instances', 'inputs'] as const;

/** Whether a document has one of the keys under which data comes. */
export function isScoring(document: Readonly<Record<string, unknown>>): boolean {
  return ENVELOPES.some((key) => Object.hasOwn(document, key));
}

function readDocument(document: unknown, reader: Reader): ScoringRequest {
  const given = isJsonObject(document) ? ENVELOPES.filter((key) => Object.hasOwn(document, key)) : [];
  const [envelope, another] = given;
  if (!isJsonObject(document) || envelope === undefined || another !== undefined) {
    const fields = ENVELOPES.map((key) => `'${key}'`).join(', ');
    const problem = `The input must be a JSON dictionary with exactly one of the input fields {${fields}}`;
    throw new ServeryError('INVALID_REQUEST', problem, { hint: 'Send {"inputs": …} or {"dataframe_split": …}.' });
  }
  const { params } = document;
  if (params !== undefined && params !== null && !isJsonObject(params)) {
    throw invalid('Parameters must be a dictionary');
  }
  const data = document[envelope];
  switch (envelope) {
    case 'dataframe_split':
      return { tensors: readRows(rowsOfSplit(data), reader), form: 'records' };
    case 'dataframe_records':
      return { tensors: readRows(rowsOfRecords(data), reader), form: 'records' };
    case 'instances':
      return { tensors: readInstances(data, reader), form: 'tensors' };
    case 'inputs':
      return { tensors: isJsonObject(data) ? readColumns(data, reader) : readInstances(data, reader), form: 'tensors' };
  }
}

type Rows = readonly unknown[];

const FRAME_KEYS: ReadonlySet<string> = new Set(['columns', 'index', 'data']);

/** There is a header always; what a model without named columns gets is the order of the cells. */
function readCsv(text: string, reader: Reader): readonly NamedTensor[] {
  const { signature } = reader;
  const cells = bareInput(signature) === undefined ? undefined : text.slice(text.indexOf('\n') + 1);
  if (cells !== undefined) return readRows(parseBareCsv(cells, signature).rows, reader);
  const { rows, nameRow } = parseCsv(text, signature);
  return readRows(rows, reader, nameRow);
}

/**
 * The rows of a request in a file, for a batch: those of a frame, or columns by name. Tensors have no rows to join.
 *
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function scoringRows(text: string): readonly unknown[] {
  parseJson(text, 'the document');
  const document = parseJsonExactly(text);
  const given = isJsonObject(document) ? ENVELOPES.filter((key) => Object.hasOwn(document, key)) : [];
  const data = given.length === 1 ? (document as Record<string, unknown>)[given[0]!] : undefined;
  let rows: Rows = [];
  if (given[0] === 'dataframe_split') rows = rowsOfSplit(data);
  else if (given[0] === 'inputs' && isJsonObject(data)) rows = rowsOfColumns(data);
  else if (Array.isArray(data)) rows = data;
  if (rows.length > 0 && rows.every(isJsonObject)) return rows;
  throw invalid("expected rows with names: 'dataframe_split' with columns, 'dataframe_records', or 'inputs' by column");
}

function rowsOfSplit(split: unknown): Rows {
  if (!isJsonObject(split)) throw invalid("'dataframe_split' must be a dictionary");
  const unknown = Object.keys(split).find((key) => !FRAME_KEYS.has(key));
  if (unknown !== undefined) throw invalid(`'dataframe_split' has no key ${quote(unknown)}`);
  const { columns, data } = split;
  if (!Array.isArray(data)) throw invalid("'dataframe_split' must have a list 'data'");
  if (columns === undefined) return data;
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

function rowsOfRecords(records: unknown): Rows {
  if (!Array.isArray(records) || records.length === 0 || !records.every(isJsonObject)) {
    throw invalid("'dataframe_records' must be a list of dictionaries, at least one");
  }
  return records;
}

/** Without a prototype: a column may be called `__proto__`. */
function record(names: readonly string[], valueOf: (column: number) => unknown): Record<string, unknown> {
  const row = Object.create(null) as Record<string, unknown>;
  for (let i = 0; i < names.length; i += 1) row[names[i]!] = valueOf(i);
  return row;
}

/** Columns that the model does not know are left out, as MLflow does. */
function readRows(rows: Rows, { signature, limits }: Reader, nameRow?: (i: number) => string): readonly NamedTensor[] {
  const bare = bareInput(signature);
  const inOrder = rows.map((row) => {
    if (bare === undefined || !isJsonObject(row) || Object.hasOwn(row, bare.name)) return row;
    return Object.values(row);
  });
  const options = { unknownKeys: 'ignore', nonFinite: 'refuse', limits } as const;
  return decodeRows(signature, inOrder, nameRow === undefined ? options : { ...options, nameRow });
}

/** The input of a model without named columns: a frame is the tensor of its values. */
function bareInput({ inputs: [only, another] }: Signature): TensorSpec | undefined {
  const isBare = another === undefined && only?.features === undefined && only?.shape.length === 2;
  return isBare ? only : undefined;
}

function readInstances(data: unknown, reader: Reader): readonly NamedTensor[] {
  if (!isList(data)) throw invalid('expected a list');
  const items = data as readonly unknown[];
  if (items.some(isJsonObject)) return readRows(items, reader);
  const [only, ...others] = reader.signature.inputs;
  if (only === undefined || others.length > 0) return readRows(items, reader);
  const isColumn = only.shape.length === 2 && items.length > 0 && !items.some(isList);
  return [readNest(only, isColumn ? items.map((value) => [value]) : items, reader)];
}

/** `{"x": [1, 2]}`: a value of each input or feature for each row. */
function readColumns(columns: Readonly<Record<string, unknown>>, reader: Reader): readonly NamedTensor[] {
  const { inputs } = reader.signature;
  if (inputs.every(({ name }) => Object.hasOwn(columns, name))) {
    return inputs.map((spec) => {
      const value = columns[spec.name];
      const list = isList(value) ? value : [value];
      const isColumn = spec.shape.length === 2 && list.length > 0 && !Array.from(list).some(isList);
      return readNest(spec, isColumn ? Array.from(list, (each) => [each]) : list, reader);
    });
  }
  return readRows(rowsOfColumns(columns), reader);
}

function rowsOfColumns(columns: Readonly<Record<string, unknown>>): Rows {
  const names = Object.keys(columns);
  const lists = names.map((name) => (Array.isArray(columns[name]) ? (columns[name] as unknown[]) : [columns[name]]));
  const [first = []] = lists;
  if (lists.some(({ length }) => length !== first.length)) throw invalid('the columns differ in length');
  return first.map((_, row) => record(names, (column) => lists[column]![row]));
}

function invalid(problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Invalid input. ${problem}.`);
}
