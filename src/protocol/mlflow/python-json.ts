/**
 * JSON as Python's `json` reads it, for the profile that does what MLflow does: NaN and the infinities as words, every
 * digit of an integer, and whole numbers with a point told apart from integers.
 */
import { randomUUID } from 'node:crypto';
import { ServeryError } from '../../core/errors.ts';
import { countAllKeys, isJsonObject, parseJson } from '../json.ts';

/** A whole number that Python has as a float: `2.0`, `1e3`. */
export class WholeFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** An object of such a document. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return isJsonObject(value) && !(value instanceof WholeFloat);
}

/** What numbers are in such a document. */
export type PythonNumber = number | bigint | WholeFloat;

/** Python reads no longer ones either. */
const MAX_DIGITS = 4300;
/** Stands for NaN while others parse; nobody can send it. */
const NAN_MARK = `nan-${randomUUID()}`;
/** A string, which is left alone, or a word that JSON does not have. */
const WORD = /"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN/g;

/** @throws {ServeryError} `INVALID_REQUEST` */
export function parsePythonJson(text: string, maxNesting: number): unknown {
  const standard = /NaN|Infinity/.test(text) ? text.replace(WORD, standardWord) : text;
  // Of a key that is given twice both take the last.
  countAllKeys(parseJson(standard), maxNesting);
  return JSON.parse(standard, numbersOfPython as (key: string, value: unknown) => unknown);
}

function standardWord(word: string): string {
  if (word.startsWith('"')) return word;
  if (word === 'NaN') return `"${NAN_MARK}"`;
  return word.startsWith('-') ? '-1e999' : '1e999';
}

function numbersOfPython(_key: string, value: unknown, { source = '' }: { readonly source?: string }): unknown {
  if (value === NAN_MARK) return NaN;
  if (typeof value !== 'number') return value;
  const isInteger = /^-?\d+$/.test(source);
  if (!isInteger) return Number.isInteger(value) ? new WholeFloat(value) : value;
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  if (source.length > MAX_DIGITS) {
    throw new ServeryError('INVALID_REQUEST', `Invalid input. A number has more than ${MAX_DIGITS} digits.`);
  }
  return BigInt(source);
}

/** `str(value)` of Python; a key that a record does not have is NaN to pandas. */
export function pythonText(value: unknown): string {
  if (value === undefined) return 'nan';
  return typeof value === 'string' ? value : pythonRepr(value);
}

/** `repr(value)` of Python. */
export function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quoteAsPython(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : pythonFloat(value);
  if (value instanceof WholeFloat) return pythonFloat(value.value);
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`;
  const members = Object.entries(value).map(([key, item]) => `${quoteAsPython(key)}: ${pythonRepr(item)}`);
  return `{${members.join(', ')}}`;
}

/** Names from a request as a list of Python: a few of them, of which none is long. */
export function pythonNames(names: readonly (string | number)[]): string {
  const shown = names.slice(0, 16).map((name) => pythonRepr(typeof name === 'string' ? name.slice(0, 64) : name));
  return `[${shown.join(', ')}${names.length > 16 ? ', ...' : ''}]`;
}

/** A float as Python prints it: whole ones with `.0`, powers of ten from 16 digits on. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  const text = String(value);
  return text.includes('.') ? text : `${text}.0`;
}

/** Single quotes, unless the text has these and no double ones. */
function quoteAsPython(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(/[\\\p{C}]|['"]/gu, (character) => {
    if (character === '\\') return '\\\\';
    if (character === "'" || character === '"') return character === quote ? `\\${character}` : character;
    return escapeControl(character);
  });
  return quote + body + quote;
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeControl(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const hex = character.codePointAt(0)!.toString(16);
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`;
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
