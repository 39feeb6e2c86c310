/**
 * JSON as the doors read it: stricter than `JSON.parse`, at nearly its speed.
 *
 * `JSON.parse` keeps the last of two equal keys, rounds integers beyond 2^53 and quotes the payload in its
 * errors. Here the first is refused, the second is read again exactly when a value turns out to need it,
 * and no message repeats what the client sent.
 */
import { ServeryError, quote } from '../core/errors.ts';

/** Bounds of what a body may ask for, beside its size. */
export interface DecodeLimits {
  /** Levels of lists and objects. */
  readonly maxNesting: number;
  /** Elements of one tensor. */
  readonly maxElements: number;
}

export const DEFAULT_DECODE_LIMITS: DecodeLimits = { maxNesting: 100, maxElements: 2 ** 26 };

/** An integer that lost bits when its text became a number. The caller may read the text again, exactly. */
export class InexactInteger extends ServeryError {
  override readonly name = 'InexactInteger';
}

// A byte order mark at the beginning is dropped, as RFC 8259 allows.
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws {ServeryError} `INVALID_REQUEST` when the bytes are not UTF-8 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new ServeryError('INVALID_REQUEST', 'Cannot read the body: it is not UTF-8');
  }
}

/** @throws {ServeryError} `INVALID_REQUEST`; the message names `what`, and never the text */
export function parseJson(text: string, what = 'the body'): unknown {
  // Nearly no body has a backslash at all: then one search is enough.
  if (text.includes('\\') && (text.includes('\\\\') || text.includes('\\u005'))) refuseBackslashInKeys(text, what);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (text.trim() === '') throw new ServeryError('INVALID_REQUEST', `Cannot read ${what}: it is empty`);
    const [, position] = /at position (\d+)(?: \(line \d+ column \d+\))?$/.exec((error as Error).message) ?? [];
    const where = position === undefined ? '' : `, at position ${position}`;
    throw new ServeryError('INVALID_REQUEST', `Cannot read ${what}: it is not valid JSON${where}`);
  }
}

/**
 * A key with a backslash changes how V8 reads other bodies later: it takes an escaped key (`"\u00e9t\u00e9"`) for the
 * key that it saw at the same place before (`"\\u0"`) when the escape looks like it. No feature has such a name, so
 * these keys are refused before they are parsed.
 */
function refuseBackslashInKeys(text: string, what: string): void {
  for (let at = text.indexOf('"'); at !== -1;) {
    const end = endOfString(text, at);
    if (isFollowedByColon(text, end) && /\\\\|\\u005c/i.test(text.slice(at, end))) {
      throw new ServeryError('INVALID_REQUEST', `Cannot read ${what}: a key has a backslash`);
    }
    at = text.indexOf('"', end);
  }
}

/**
 * An integer that may lose bits as a number, up to the longest of 64 bits with its sign; longer ones fit no datatype.
 * Neither a part of a longer number nor one with a fraction or an exponent.
 */
const LONG_INTEGER = /(?<![\d.eE+-])-?\d{16,20}(?![\d.eE])/g;

/**
 * Like `parseJson`, with integers beyond 2^53 as bigint. Twice as slow, so only for text that needs it and has been
 * parsed before. (A reviver would call back for every number, and be a hundred times slower.)
 */
export function parseJsonExactly(text: string): unknown {
  // Nobody can guess it, so no text of a client becomes an integer.
  const mark = `integer ${Math.random()} ${Math.random()} `;
  const document: unknown = JSON.parse(markLongIntegers(text, mark));
  // Not recursive, as it may be of any depth.
  const open: object[] = [];
  const restored = (value: unknown): unknown => {
    if (typeof value === 'object' && value !== null) open.push(value);
    return typeof value === 'string' && value.startsWith(mark) ? toInteger(value.slice(mark.length)) : value;
  };
  const whole = restored(document);
  for (let container = open.pop(); container !== undefined; container = open.pop()) {
    if (Array.isArray(container)) {
      const values = container as unknown[];
      for (let i = 0; i < values.length; i += 1) {
        const value = values[i];
        if (typeof value !== 'number') values[i] = restored(value);
      }
    } else {
      const values = container as Record<string, unknown>;
      for (const key in values) {
        const value = values[key];
        const instead = restored(value);
        // Assigned only then: a key may be `__proto__`.
        if (instead !== value) values[key] = instead;
      }
    }
  }
  return whole;
}

/** @returns the text, with long integers as strings that begin with the mark */
function markLongIntegers(text: string, mark: string): string {
  let marked = '';
  let from = 0;
  while (from < text.length) {
    const quote = text.indexOf('"', from);
    const end = quote === -1 ? text.length : quote;
    marked += text.slice(from, end).replace(LONG_INTEGER, (digits) => `"${mark}${digits}"`);
    from = quote === -1 ? end : endOfString(text, quote);
    marked += text.slice(end, from);
  }
  return marked;
}

function toInteger(digits: string): number | bigint {
  const integer = Number(digits);
  return Number.isSafeInteger(integer) ? integer : BigInt(digits);
}

export function nestingExceeded(maxNesting: number): ServeryError {
  const limit = `JSON nesting depth exceeds maximum allowed limit (${maxNesting})`;
  return new ServeryError('INVALID_REQUEST', `Cannot read the body: ${limit}`);
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Own keys of an object that JSON made. */
export function countKeys(object: object): number {
  let count = 0;
  for (const _key in object) count += 1;
  return count;
}

/** Keys in a value and all that is in it. Not recursive, as the value may be of any depth. */
export function countAllKeys(value: unknown, maxNesting: number): number {
  let keys = 0;
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxNesting) throw nestingExceeded(maxNesting);
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      const children = Object.values(item);
      if (!Array.isArray(item)) keys += children.length;
      for (const child of children) if (typeof child === 'object' && child !== null) next.push(child);
    }
    level = next;
  }
  return keys;
}

/**
 * Refuses an object that has a key twice: two readers of such a text may see different requests.
 *
 * Each key brings a colon, and only strings hold other colons. So when there are as many colons as the
 * parsed value has keys, nothing was given twice; the text is scanned only when there are more.
 *
 * @param keys all keys of the parsed value
 */
export function refuseDuplicateKeys(text: string, keys: number): void {
  let colons = 0;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) colons += 1;
  if (colons === keys) return;
  const key = findDuplicateKey(text);
  if (key === undefined) return;
  throw new ServeryError('INVALID_REQUEST', `Cannot read the body: the key ${quote(key)} is given twice in one object`);
}

const BACKSLASH = 0x5c;

/** @param text valid JSON */
function findDuplicateKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // undefined for a list
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case '{':
        open.push(new Set());
        break;
      case '[':
        open.push(undefined);
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case '"': {
        const end = endOfString(text, at);
        const keys = open.at(-1);
        if (keys !== undefined && isFollowedByColon(text, end)) {
          const key = JSON.parse(text.slice(at, end)) as string;
          if (keys.has(key)) return key;
          keys.add(key);
        }
        at = end - 1;
        break;
      }
      default:
    }
  }
  return undefined;
}

/** Index after the closing quote of the string that begins at `start`; the end of the text where there is none. */
function endOfString(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end === -1) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
}

function isFollowedByColon(text: string, at: number): boolean {
  while (/\s/.test(text[at] ?? '')) at += 1;
  return text[at] === ':';
}
