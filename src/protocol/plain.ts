/**
 * The plain door: rows in, rows out, as JSON, NDJSON or CSV. What a person with curl or a browser sends.
 */
import { ServeryError, quote } from '../core/errors.ts';
import { bodyInput } from '../core/handler-envelope.ts';
import type { ModelVersion } from '../core/model.ts';
import type { Signature } from '../core/signature.ts';
import type { NamedTensor, Tensor } from '../core/tensor.ts';
import { encodeCsv, parseCsv } from './csv.ts';
import {
  DEFAULT_DECODE_LIMITS,
  InexactInteger,
  countKeys,
  decodeText,
  isJsonObject,
  parseJson,
  parseJsonExactly,
  refuseDuplicateKeys,
  type DecodeLimits,
} from './json.ts';
import { parseNdjson } from './ndjson.ts';
import { decodeRows } from './rows/decode-rows.ts';
import { jsonRows } from './rows/encode-rows.ts';

export type PlainForm = 'json' | 'ndjson' | 'csv';

/** The Content-Type of an answer in each form. */
export const PLAIN_CONTENT_TYPES: Readonly<Record<PlainForm, string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8',
};

const FORMS: Readonly<Record<string, PlainForm>> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'text/csv': 'csv',
};

/** The form that a Content-Type names, or undefined when it names none. */
export function plainForm(contentType: string): PlainForm | undefined {
  const [type = ''] = contentType.split(';', 1);
  const key = type.trim().toLowerCase();
  return Object.hasOwn(FORMS, key) ? FORMS[key] : undefined;
}

/**
 * The inputs of a signature, from rows.
 *
 * @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `PAYLOAD_TOO_LARGE`
 */
export function decodePlainRequest(
  body: Uint8Array,
  form: PlainForm,
  signature: Signature,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
): readonly NamedTensor[] {
  const text = decodeText(body);
  const options = { nonFinite: 'refuse', limits } as const;
  if (form === 'csv') {
    const { rows, nameRow } = parseCsv(text, signature);
    return decodeRows(signature, rows, { ...options, nameRow });
  }
  const read = (parse: 'fast' | 'exact'): readonly NamedTensor[] => {
    if (form === 'json') return decodeRows(signature, readRows(text, parse), options);
    const { rows, nameRow } = parseNdjson(text, parse);
    return decodeRows(signature, rows, { ...options, nameRow });
  };
  try {
    return read('fast');
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return read('exact');
  }
}

/**
 * The inputs for an answer that comes bit by bit, from `{"row": …}`.
 *
 * @param isBody the row is the body of a handler with a route of its own
 * @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`, `PAYLOAD_TOO_LARGE`
 */
export function decodeRowRequest(
  body: Uint8Array,
  signature: Signature,
  isBody: boolean,
  limits: DecodeLimits = DEFAULT_DECODE_LIMITS,
): readonly NamedTensor[] {
  const text = decodeText(body);
  if (isBody) return bodyInput(signature, [JSON.stringify(readRow(parseJson(text)))]);
  const read = (document: unknown) =>
    decodeRows(signature, [readRow(document)], { nonFinite: 'refuse', limits, nameRow: () => 'row' });
  try {
    return read(parseJson(text));
  } catch (error) {
    if (!(error instanceof InexactInteger)) throw error;
    return read(parseJsonExactly(text));
  }
}

function readRow(document: unknown): unknown {
  if (isJsonObject(document) && Object.hasOwn(document, 'row') && countKeys(document) === 1) return document['row'];
  throw new ServeryError('INVALID_REQUEST', 'Cannot read the body: expected an object with "row" and nothing else', {
    hint: 'Send {"row": {"FEATURE": VALUE}}, or as "row" the body that the handler takes.',
  });
}

function readRows(text: string, parse: 'fast' | 'exact'): readonly unknown[] {
  const document = parse === 'exact' ? parseJsonExactly(text) : parseJson(text);
  const rows = isJsonObject(document) ? document['rows'] : undefined;
  if (!isJsonObject(document) || !Array.isArray(rows)) {
    throw new ServeryError('INVALID_REQUEST', 'Cannot read the body: expected an object with a list "rows"', {
      hint: 'Send {"rows": [{"FEATURE": VALUE}]}.',
    });
  }
  let keys = 0;
  for (const key in document) {
    keys += 1;
    if (key !== 'rows') {
      throw new ServeryError('INVALID_REQUEST', `Cannot read the body: the key ${quote(key)} is unknown`);
    }
  }
  for (const row of rows as unknown[]) if (isJsonObject(row)) keys += countKeys(row);
  refuseDuplicateKeys(text, keys);
  return rows;
}

export interface PlainAnswer {
  readonly model: ModelVersion;
  readonly signature: Signature;
  /** In the order of `signature.outputs`. */
  readonly outputs: readonly Tensor[];
  readonly rows: number;
}

/**
 * JSON names the model and version that answered; NDJSON and CSV are the rows alone.
 *
 * @throws {ServeryError} `UNSUPPORTED` when an output holds bytes that are not text
 */
export function encodePlainResponse(
  { model, signature, outputs, rows }: PlainAnswer,
  form: PlainForm,
  { labels }: { readonly labels: boolean },
): string {
  if (form === 'csv') return encodeCsv(signature, outputs, rows, { labels });
  let text = '';
  for (const row of jsonRows(signature, outputs, rows, labels)) {
    if (form === 'ndjson') text += `${row}\n`;
    else text += text === '' ? row : `,${row}`;
  }
  if (form === 'ndjson') return text;
  return `{"model":${JSON.stringify(model.name)},"version":${model.version},"rows":[${text}]}`;
}
