/**
 * Requests for a handler with JSON bodies of its own: a body as a whole, as MLflow has it for language models, or a list
 * of them in an envelope.
 */
import type { DecodeLimits } from '../json.ts';
import { countAllKeys, decodeText, isJsonObject, parseJson, refuseDuplicateKeys } from '../json.ts';
import { invalid } from './scoring-failure.ts';
import { scoringRows } from './envelope.ts';

/** By one of these MLflow knows that the whole object is meant. */
const WHOLE = ['messages', 'prompt', 'input'];

export interface ScoringBodies {
  /** JSON texts. */
  readonly texts: readonly string[];
  /** The answer is that of the only one, without `predictions` around it. */
  readonly isWhole: boolean;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function decodeBodies(body: Uint8Array, { maxNesting }: DecodeLimits): ScoringBodies {
  const text = decodeText(body);
  const document = parseJson(text);
  refuseDuplicateKeys(text, countAllKeys(document, maxNesting));
  if (isJsonObject(document) && WHOLE.some((key) => Object.hasOwn(document, key))) {
    return { texts: [text], isWhole: true };
  }
  const rows = scoringRows(text);
  const texts = rows.map((row) => JSON.stringify(row, exactly));
  if (texts.length === 0) throw invalid('expected at least one body.');
  return { texts, isWhole: false };
}

const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

/** Integers that are no doubles keep their digits. */
function exactly(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? rawJSON(String(value)) : value;
}
