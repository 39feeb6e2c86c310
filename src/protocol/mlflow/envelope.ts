/** The keys of a JSON body under which its data comes: exactly one of them. */
import { ServeryError } from '../../core/errors.ts';
import { parseJson, parseJsonExactly } from '../json.ts';
import type { Rows } from './coercion.ts';
import { PROTOCOL_CHANGE } from './content-type.ts';
import { invalid, rowsOfColumns, rowsOfSplit } from './frames.ts';
import { listed } from './missing.ts';
import { isRecord } from './python-json.ts';

export const ENVELOPES = ['dataframe_split', 'dataframe_records', 'instances', 'inputs'] as const;
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
  const found = !isObject
    ? `Received a ${Array.isArray(document) ? 'list' : 'scalar'}`
    : `Received dictionary with input fields: ${listed(ENVELOPES.filter((key) => Object.hasOwn(document, key)))}. ${PROTOCOL_CHANGE}`;
  const problem = `The input must be a JSON dictionary with exactly one of the input fields {${fields}}. ${found}`;
  throw new ServeryError('INVALID_REQUEST', problem, { hint: 'Send {"inputs": …} or {"dataframe_split": …}.' });
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
