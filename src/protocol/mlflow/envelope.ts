/** The keys of a JSON body under which its data comes: exactly one of them. */
import { ServeryError } from '../../core/errors.ts';
import type { TensorSpec } from '../../core/signature.ts';
import { parseJson, parseJsonExactly } from '../json.ts';
import type { Rows } from './coercion.ts';
import { PROTOCOL_CHANGE } from './content-type.ts';
import { rowsOfColumns, rowsOfSplit } from './frames.ts';
import { withKeysInOrder } from './key-order.ts';
import { kindOf } from './numpy-values.ts';
import { isRecord, pythonNames } from './python-json.ts';
import { invalid } from './scoring-failure.ts';

const ENVELOPES = ['dataframe_split', 'dataframe_records', 'instances', 'inputs'] as const;
export type Envelope = (typeof ENVELOPES)[number];

/** Whether a document has one of the keys under which data comes. */
export function isScoring(document: Readonly<Record<string, unknown>>): boolean {
  return ENVELOPES.some((key) => Object.hasOwn(document, key));
}

export function envelopeOf(document: unknown): Envelope {
  const isObject = isRecord(document);
  const [envelope, another] = isObject ? ENVELOPES.filter((key) => Object.hasOwn(document, key)) : [];
  if (envelope !== undefined && another === undefined) return envelope;
  const fields = ENVELOPES.map((key) => `'${key}'`).join(', ');
  const problem = `The input must be a JSON dictionary with exactly one of the input fields {${fields}}.`;
  if (Array.isArray(document)) throw invalid(`${problem} Received a list.`);
  if (!isObject) throw invalid(`${problem} Received unexpected input type '<class ${kindOf(document)}>.`);
  const received = pythonNames(Object.keys(document).filter((key) => ENVELOPES.includes(key as Envelope)));
  const found = `${problem} Received dictionary with input fields: ${received}. ${PROTOCOL_CHANGE}`;
  throw new ServeryError('INVALID_REQUEST', found, { hint: 'Send {"inputs": …} or {"dataframe_split": …}.' });
}

/**
 * The rows of a request in a file, for a batch: those of a frame, or columns by name.
 *
 * @param only the input of a model that has one, without named features: what has no names are its values
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function scoringRows(text: string, only?: TensorSpec): readonly Record<string, unknown>[] {
  parseJson(text, 'the document');
  const document = parseJsonExactly(only === undefined ? text : withKeysInOrder(text));
  const given = isRecord(document) ? ENVELOPES.filter((key) => Object.hasOwn(document, key)) : [];
  const data = given.length === 1 ? (document as Record<string, unknown>)[given[0]!] : undefined;
  const isByPosition = only?.shape.length === 2 && !isColumn(data, only.name);
  let rows: Rows = [];
  if (given[0] === 'dataframe_split') rows = rowsOfSplit(data, isByPosition);
  else if (given[0] === 'inputs' && isRecord(data)) rows = rowsOfColumns(data);
  else if (Array.isArray(data)) rows = data;
  if (only !== undefined) rows = rows.map((row) => underName(row, only));
  if (rows.length > 0 && rows.every(isRecord)) return rows;
  throw invalid(
    "expected rows with names: 'dataframe_split' with columns, 'dataframe_records', or 'inputs' by column.",
  );
}

/** A frame whose column is the tensor. */
function isColumn(split: unknown, name: string): boolean {
  return isRecord(split) && Array.isArray(split['columns']) && split['columns'].includes(name);
}

function underName(row: unknown, { name, shape }: TensorSpec): Record<string, unknown> {
  if (isRecord(row)) return Object.hasOwn(row, name) || shape.length !== 2 ? row : { [name]: Object.values(row) };
  return { [name]: shape.length === 2 && !Array.isArray(row) ? [row] : row };
}
