/**
 * Bodies of MLflow's scoring server: a data frame by columns or by records, tensors by instances or by inputs, CSV.
 *
 * Forms and texts: MLflow 3.11, `mlflow/pyfunc/scoring_server/__init__.py` and `mlflow/types`. Values are read as
 * everywhere here: what MLflow would truncate, wrap or guess is refused, unless the profile is `mlflow-compat`.
 */
import { ServeryError } from '../../core/errors.ts';
import type { DeclaredValues } from '../../core/model.ts';
import type { Signature, TensorSpec } from '../../core/signature.ts';
import type { NamedTensor } from '../../core/tensor.ts';
import { parseBareCsv, parseCsv } from '../csv.ts';
import { readNest, type NestLimits } from '../instances.ts';
import {
  InexactInteger,
  countAllKeys,
  decodeText,
  parseJson,
  parseJsonExactly,
  refuseDuplicateKeys,
  type DecodeLimits,
} from '../json.ts';
import { decodeRows } from '../rows/decode-rows.ts';
import { isList } from '../values-in.ts';
import { coercionFor, type Coercion, type RowForm, type Rows, type ScoringProfile } from './coercion.ts';
import { PROTOCOL_CHANGE } from './content-type.ts';
import { readPandasCsv } from './csv-frame.ts';
import { invalid, rowsOfColumns, rowsOfRecords, rowsOfSplit } from './frames.ts';
import { checkParams } from './params.ts';
import { enforcedRows, plainRows, type TypedFrame } from './parquet-frame.ts';
import { isRecord, parsePythonJson, pythonRepr } from './python-json.ts';
import { schemaOf, type Schema } from './schema.ts';

/** A data frame is answered by records, tensors by the name of each output. */
export type ScoringForm = 'records' | 'tensors';

export interface ScoringRequest {
  readonly tensors: readonly NamedTensor[];
  readonly form: ScoringForm;
  /** A frame without rows, which has an answer of its own. */
  readonly isEmpty: boolean;
}

/** The model that is asked, and how. */
export interface ScoringTarget {
  readonly signature: Signature;
  readonly declared?: DeclaredValues | undefined;
  readonly profile: ScoringProfile;
}

/** @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `PAYLOAD_TOO_LARGE` */
export function decodeScoring(
  body: Uint8Array,
  type: 'csv' | 'json',
  target: ScoringTarget,
  limits: DecodeLimits,
): ScoringRequest {
  const text = decodeText(body);
  const reader = readerFor(target, limits, text.length);
  if (type === 'csv') return answeredBy(reader, readCsv(text, reader), 'records');
  if (reader.isLax) return readDocument(parsePythonJson(text, limits.maxNesting), text, reader);
  const document = parseJson(text);
  refuseDuplicateKeys(text, countAllKeys(document, limits.maxNesting));
  try {
    return readDocument(document, text, reader);
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return readDocument(parseJsonExactly(text), text, reader);
  }
}

/**
 * Of a frame that has types of its own: these are kept in the profile that does what MLflow does.
 *
 * @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `PAYLOAD_TOO_LARGE`
 */
export function decodeFrame(frame: TypedFrame, target: ScoringTarget, limits: DecodeLimits): ScoringRequest {
  const reader = readerFor(target, limits, limits.maxElements);
  const { isLax, schema } = reader;
  const tensors = isLax
    ? readRows(enforcedRows(frame, schema), 'typed', reader)
    : readRows(plainRows(frame), 'frame', reader);
  return answeredBy(reader, tensors, 'records');
}

interface Reader extends NestLimits {
  readonly signature: Signature;
  readonly declared: DeclaredValues | undefined;
  readonly schema: Schema;
  readonly coercion: Coercion;
  /** Values are converted as MLflow does it. */
  readonly isLax: boolean;
}

function readerFor({ signature, declared, profile }: ScoringTarget, limits: DecodeLimits, size: number): Reader {
  const schema = schemaOf(signature, declared);
  const coercion = coercionFor(schema, profile);
  const mostElements = Math.min(size, limits.maxElements);
  const isLax = profile === 'mlflow-compat';
  return { signature, declared, schema, coercion, isLax, limits, floats: coercion.floats, mostElements };
}

/** Where MLflow knows columns it makes a frame of everything; and tensors, where it knows these. */
function answeredBy(
  { schema, signature }: Reader,
  tensors: readonly NamedTensor[],
  byBody: ScoringForm,
): ScoringRequest {
  const byModel = schema.declared === 'columns' ? 'records' : 'tensors';
  const form = schema.declared === undefined ? byBody : byModel;
  return { tensors, form, isEmpty: form === 'records' && signature.batched && tensors[0]?.shape[0] === 0 };
}

const ENVELOPES = ['dataframe_split', 'dataframe_records', 'instances', 'inputs'] as const;

/** Whether a document has one of the keys under which data comes. */
export function isScoring(document: Readonly<Record<string, unknown>>): boolean {
  return ENVELOPES.some((key) => Object.hasOwn(document, key));
}

function readDocument(document: unknown, text: string, reader: Reader): ScoringRequest {
  const envelope = envelopeOf(document);
  const data = (document as Record<string, unknown>)[envelope];
  const { params } = document as Record<string, unknown>;
  if (params !== undefined && params !== null && !isRecord(params) && !reader.isLax) {
    throw invalid('Parameters must be a dictionary');
  }
  const tensors = readEnvelope(envelope, data, reader);
  const declared = reader.declared?.params;
  if (declared !== undefined && params !== undefined) {
    const read = parsePythonJson(text, reader.limits.maxNesting) as Record<string, unknown>;
    checkParams(read['params'], declared);
  }
  return answeredBy(reader, tensors, envelope.startsWith('dataframe') ? 'records' : 'tensors');
}

function envelopeOf(document: unknown): (typeof ENVELOPES)[number] {
  const isObject = isRecord(document);
  const [envelope, another] = isObject ? ENVELOPES.filter((key) => Object.hasOwn(document, key)) : [];
  if (envelope !== undefined && another === undefined) return envelope;
  const fields = ENVELOPES.map((key) => `'${key}'`).join(', ');
  const found = !isObject
    ? `Received a ${Array.isArray(document) ? 'list' : 'scalar'}`
    : `Received dictionary with input fields: ${listed(ENVELOPES.filter((key) => Object.hasOwn(document, key)))}. ${PROTOCOL_CHANGE}`;
  const problem = `The input must be a JSON dictionary with exactly one of the input fields {${fields}}. ${found}`;
  throw new ServeryError('INVALID_REQUEST', problem, { hint: 'Send {"inputs": …} or {"dataframe_split": …}.' });
}

function readEnvelope(envelope: (typeof ENVELOPES)[number], data: unknown, reader: Reader): readonly NamedTensor[] {
  switch (envelope) {
    case 'dataframe_split':
      return readRows(rowsOfSplit(data), 'frame', reader);
    case 'dataframe_records':
      if (Array.isArray(data) && data.length === 0) throw missing(namesOf(reader.schema), []);
      return readRows(rowsOfRecords(data), 'frame', reader);
    case 'instances':
      return readInstances(data, true, reader);
    case 'inputs':
      return isRecord(data) ? readColumns(data, reader) : readInstances(data, false, reader);
  }
}

/** There is a header always; what a model without named columns gets is the order of the cells. */
function readCsv(text: string, reader: Reader): readonly NamedTensor[] {
  const { signature, schema } = reader;
  if (reader.isLax) return readRows(readPandasCsv(text, schema, bareInput(reader) !== undefined), 'typed', reader);
  const cells = bareInput(reader) === undefined ? undefined : text.slice(text.indexOf('\n') + 1);
  if (cells !== undefined) return readRows(parseBareCsv(cells, signature).rows, 'cells', reader);
  const { rows, nameRow } = parseCsv(text, signature);
  return readRows(rows, 'cells', reader, nameRow);
}

/**
 * The rows of a request in a file, for a batch: those of a frame, or columns by name. Tensors have no rows to join.
 *
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function scoringRows(text: string): readonly unknown[] {
  parseJson(text, 'the document');
  const document = parseJsonExactly(text);
  const given = isRecord(document) ? ENVELOPES.filter((key) => Object.hasOwn(document, key)) : [];
  const data = given.length === 1 ? (document as Record<string, unknown>)[given[0]!] : undefined;
  let rows: Rows = [];
  if (given[0] === 'dataframe_split') rows = rowsOfSplit(data);
  else if (given[0] === 'inputs' && isRecord(data)) rows = rowsOfColumns(data);
  else if (Array.isArray(data)) rows = data;
  if (rows.length > 0 && rows.every(isRecord)) return rows;
  throw invalid("expected rows with names: 'dataframe_split' with columns, 'dataframe_records', or 'inputs' by column");
}

/** Columns that the model does not know are left out, as MLflow does. `typed` values have been converted. */
function readRows(
  rows: Rows,
  form: RowForm | 'typed',
  reader: Reader,
  nameRow?: (i: number) => string,
): readonly NamedTensor[] {
  const { signature, limits, coercion, isLax } = reader;
  const bare = bareInput(reader);
  const inOrder = rows.map((row) => {
    if (bare === undefined || !isRecord(row) || Object.hasOwn(row, bare.name)) return row;
    return Object.values(row);
  });
  const wide = withoutSurplus(inOrder, reader);
  refuseMissing(wide, reader);
  const typed = form === 'typed' ? wide : coercion.rows(wide, form);
  const options = {
    unknownKeys: 'ignore',
    nonFinite: isLax ? 'accept' : 'refuse',
    limits,
    ...(nameRow !== undefined && { nameRow }),
  } as const;
  try {
    return decodeRows(signature, typed, options);
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'INVALID_INPUT' || error instanceof InexactInteger) {
      throw error;
    }
    const where = form === 'tensors' ? '' : 'Data is not compatible with model signature. ';
    throw new ServeryError('INVALID_REQUEST', `Invalid input. ${where}${error.message}`, { cause: error });
  }
}

/** Cells beyond the columns that are known by their position. */
function withoutSurplus(rows: Rows, { schema }: Reader): Rows {
  const { columns, declared } = schema;
  const isPositional = declared === 'columns' && columns.every(({ name }) => name === undefined);
  if (!isPositional) return rows;
  return rows.map((row) =>
    isList(row) && row.length > columns.length ? Array.from(row).slice(0, columns.length) : row,
  );
}

function refuseMissing(rows: Rows, { schema, signature }: Reader): void {
  const { columns, declared } = schema;
  if (rows.length === 0) return;
  if (!rows.every(isRecord)) {
    const shortest = Math.min(...rows.map((row) => (isList(row) ? row.length : Infinity)));
    if (declared !== 'columns') return;
    if (columns.some(({ name }) => name !== undefined)) throw missing(namesOf(schema), positions(rows));
    if (shortest >= columns.length) return;
    throw new ServeryError(
      'INVALID_INPUT',
      `Model inference is missing inputs. The model signature declares ${columns.length} inputs  but the provided ` +
        `value only has ${shortest} inputs. Note: the inputs were not named in the signature so we can only verify ` +
        'their count.',
    );
  }
  // Nearly always the first row has all of them.
  if (columns.every(({ name }) => name === undefined || Object.hasOwn(rows[0] as object, name))) return;
  const given = new Set(rows.flatMap((row) => Object.keys(row)));
  // A list under the name of an input has all of its columns.
  const isAbsent = ({ name = '' }: { readonly name: string | undefined }) => {
    const input = signature.inputs.find(({ features }) => features?.includes(name) === true);
    return !given.has(name) && (input === undefined || (input.missing !== 'nan' && !given.has(input.name)));
  };
  const named = columns.filter(({ name }) => name !== undefined);
  const absent = named.filter(isAbsent);
  if (absent.length === 0) return;
  const known = new Set([...namesOf(schema), ...signature.inputs.map(({ name }) => name)]);
  const extra = [...given].filter((name) => !known.has(name));
  throw missing(
    absent.map(({ name }) => name!),
    extra,
  );
}

function namesOf({ columns }: Schema): readonly string[] {
  return columns.flatMap(({ name }) => name ?? []);
}

function positions(rows: Rows): readonly number[] {
  const [first] = rows;
  return isList(first) ? Array.from(first, (_, i) => i) : [];
}

function missing(names: readonly string[], extra: readonly (string | number)[]): ServeryError {
  const note = extra.length === 0 ? '' : ` Note that there were extra inputs: ${listed(extra)}.`;
  return new ServeryError('INVALID_INPUT', `Model is missing inputs ${listed(names)}.${note}`);
}

/** At most a few, as they come from a request. */
function listed(names: readonly (string | number)[]): string {
  const shown = names.slice(0, 16).map((name) => pythonRepr(typeof name === 'string' ? name.slice(0, 64) : name));
  return `[${shown.join(', ')}${names.length > 16 ? ', ...' : ''}]`;
}

/** The input of a model without named columns: a frame is the tensor of its values. */
function bareInput({
  signature: {
    inputs: [only, another],
  },
  schema,
}: Reader): TensorSpec | undefined {
  if (schema.declared === 'columns' && schema.columns.some(({ name }) => name !== undefined)) return undefined;
  const isBare = another === undefined && only?.features === undefined && only?.shape.length === 2;
  return isBare ? only : undefined;
}

function readInstances(data: unknown, isInstances: boolean, reader: Reader): readonly NamedTensor[] {
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
function readColumns(columns: Readonly<Record<string, unknown>>, reader: Reader): readonly NamedTensor[] {
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
