/**
 * Bodies of MLflow's scoring server: a data frame by columns or by records, tensors by instances or by inputs, CSV.
 *
 * Forms and texts: MLflow 3.11, `mlflow/pyfunc/scoring_server/__init__.py` and `mlflow/types`. Values are read as
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
import { invalid, rowsOfRecords, rowsOfSplit } from './frames.ts';
import { missing, namesOf } from './missing.ts';
import { checkParams } from './params.ts';
import { enforcedRows, plainRows, type TypedFrame } from './parquet-frame.ts';
import { isRecord, parsePythonJson } from './python-json.ts';
import { readerFor, type Reader, type ScoringTarget } from './reader.ts';
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

function readEnvelope(envelope: Envelope, data: unknown, reader: Reader): readonly NamedTensor[] {
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
