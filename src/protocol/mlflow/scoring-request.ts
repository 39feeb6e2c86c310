/**
 * Bodies of MLflow's scoring server: a data frame by columns or by records, tensors by instances or by inputs, CSV.
 *
 * Forms and texts: MLflow 3.17, `mlflow/pyfunc/scoring_server/__init__.py` and `mlflow/types`. Values are read as
 * everywhere here: what MLflow would truncate, wrap or guess is refused, unless the profile is `mlflow-compat`.
 */
import type { NamedTensor } from '../../core/tensor.ts';
import {
  InexactInteger,
  countAllKeys,
  decodeText,
  parseJson,
  parseJsonExactly,
  refuseDuplicateKeys,
  type DecodeLimits,
} from '../json.ts';
import { envelopeOf, type Envelope } from './envelope.ts';
import { rowsOfRecords, rowsOfSplit } from './frames.ts';
import { withKeysInOrder } from './key-order.ts';
import { missing, namesOf } from './missing.ts';
import { checkParams } from './params.ts';
import { enforcedRows, plainRows, type TypedFrame } from './parquet-frame.ts';
import { isRecord, parsePythonJson } from './python-json.ts';
import { bareInput, readerFor, type Reader, type ScoringTarget } from './reader.ts';
import { invalid } from './scoring-failure.ts';
import { readCsv, readRows } from './scoring-rows.ts';
import { readColumns, readInstances } from './scoring-tensors.ts';

/** A data frame is answered by records, tensors by the name of each output. */
export type ScoringForm = 'records' | 'tensors';

export interface ScoringRequest {
  readonly tensors: readonly NamedTensor[];
  readonly form: ScoringForm;
  /** A frame without rows, which has an answer of its own. */
  readonly isEmpty: boolean;
}

/** @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `PAYLOAD_TOO_LARGE` */
export function decodeScoring(
  body: Uint8Array,
  type: 'csv' | 'json',
  target: ScoringTarget,
  limits: DecodeLimits,
): ScoringRequest {
  const text = readText(body, type);
  const reader = readerFor(target, limits, text.length);
  if (type === 'csv') return answeredBy(reader, readCsv(text, reader), 'records');
  const inOrder = bareInput(reader) === undefined ? text : withKeysInOrder(text);
  const read = (document: unknown) => readDocument(document, text, reader);
  if (reader.isLax) return read(orMalformed(() => parsePythonJson(inOrder, limits.maxNesting)));
  const document = orMalformed(() => parseJson(inOrder));
  refuseDuplicateKeys(inOrder, countAllKeys(document, limits.maxNesting));
  try {
    return read(document);
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return read(parseJsonExactly(inOrder));
  }
}

function readText(body: Uint8Array, type: 'csv' | 'json'): string {
  if (type === 'json') return orMalformed(() => decodeText(body));
  try {
    return decodeText(body);
  } catch (error) {
    throw invalid('Ensure that input is a valid UTF-8 encoded string.', error);
  }
}

/** What is no JSON, in MLflow's words. */
function orMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const [, problem] = /^Cannot read the body: (it is .*)$/.exec((error as Error).message) ?? [];
    if (problem === undefined) throw error;
    throw invalid(`Ensure that input is a valid JSON formatted string. Error: '${problem}'`, error);
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

function readDocument(document: unknown, text: string, reader: Reader): ScoringRequest {
  const envelope = envelopeOf(document);
  const data = (document as Record<string, unknown>)[envelope];
  const { params } = document as Record<string, unknown>;
  if (params !== undefined && params !== null && !isRecord(params) && !reader.isLax) {
    throw invalid('Parameters must be a dictionary.');
  }
  const tensors = readEnvelope(envelope, data, reader);
  const declared = reader.declared?.params;
  if (declared !== undefined && params !== undefined) {
    const read = parsePythonJson(text, reader.limits.maxNesting) as Record<string, unknown>;
    checkParams(read['params'], declared);
  }
  return answeredBy(reader, tensors, envelope.startsWith('dataframe') ? 'records' : 'tensors');
}

function readEnvelope(envelope: Envelope, data: unknown, reader: Reader): readonly NamedTensor[] {
  switch (envelope) {
    case 'dataframe_split':
      return readRows(rowsOfSplit(data, bareInput(reader) !== undefined), 'frame', reader);
    case 'dataframe_records':
      if (Array.isArray(data) && data.length === 0) throw missing(namesOf(reader.schema), []);
      return readRows(rowsOfRecords(data), 'frame', reader);
    case 'instances':
      return readInstances(data, true, reader);
    case 'inputs':
      return isRecord(data) ? readColumns(data, reader) : readInstances(data, false, reader);
  }
}
