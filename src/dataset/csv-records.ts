/**
 * Bytes of CSV → records, before anybody reads their cells.
 *
 * A parser that meets an unclosed quote takes the following lines for a part of the cell. Here a record that is not
 * well-formed (RFC 4180), or has another number of cells than the header, costs its first line alone, and reading goes
 * on with the next. What comes out is canonical, so that the parser behind cannot disagree about where a row ends.
 */
import { isUtf8 } from 'node:buffer';
import type { CsvOptions } from './options.ts';

const LF = 10;
const CR = 13;

export interface CsvForm {
  readonly delimiter: number;
  /** Undefined: none, every line is a record (NDJSON). */
  readonly quote: number | undefined;
  /** Cells of each record; undefined while the header is read. */
  readonly cells: number | undefined;
  readonly maxLineBytes: number;
}

export function csvForm(options: CsvOptions, delimiter: string | undefined, cells: number | undefined): CsvForm {
  const { quote, maxLineBytes } = options;
  // A file named .tsv has tabs, unless the options name something other than the comma.
  const between = options.delimiter === ',' ? (delimiter ?? ',') : options.delimiter;
  return { delimiter: between.charCodeAt(0), quote: quote.charCodeAt(0), cells, maxLineBytes };
}

export interface BadLine {
  /** From 0, among the records. */
  readonly row: number;
  /** From 0, among the lines. */
  readonly line: number;
  readonly message: string;
  readonly text: string;
}

/** Where a reader stands: before record `row`, which begins at `byte`, in line `line`; all from 0. */
export interface Position {
  readonly row: number;
  readonly line: number;
  readonly byte: number;
}

/** Called before each record is looked at, when only positions are wanted. */
type OnRecord = (position: Position) => void;

const LONGEST_PAYLOAD_BYTES = 4096;

export class CsvRecords {
  readonly #form: CsvForm;
  readonly #onRecord: OnRecord | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #row: number;
  #line: number;
  #byte: number;
  /** Within a line that is too long. */
  #skipping = false;
  #output: Buffer[] = [];
  #bad: BadLine[] = [];
  /** Well-formed records so far. */
  goodRows = 0;

  /** @param onRecord positions instead of output: records are counted, and only quotes are looked at */
  constructor(form: CsvForm, start: Position, onRecord?: OnRecord) {
    this.#form = form;
    this.#onRecord = onRecord;
    this.#row = start.row;
    this.#line = start.line;
    this.#byte = start.byte;
  }

  /** After the last byte that was understood. */
  get position(): Position {
    return { row: this.#row, line: this.#line, byte: this.#byte };
  }

  /** Canonical records since the last call. */
  takeOutput(): readonly Buffer[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  takeBad(): readonly BadLine[] {
    const bad = this.#bad;
    this.#bad = [];
    return bad;
  }

  /** @param isLast there is nothing after these bytes */
  push(bytes: Buffer, isLast: boolean): void {
    const data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const end = data.length;
    let at = this.#skipping ? this.#skipLine(data, isLast) : 0;
    while (at < end) {
      const next = this.#plainLines(data, at, isLast);
      at = next === at ? this.#record(data, at, isLast) : next;
      if (at < 0) {
        at = ~at;
        break;
      }
    }
    this.#rest = data.subarray(at);
    if (this.#rest.length > this.#form.maxLineBytes && !isLast) {
      this.#onRecord?.(this.position);
      this.#reject(data, at, end, TOO_LONG);
      this.#skipping = true;
      this.#byte += this.#rest.length;
      this.#rest = Buffer.alloc(0);
    }
  }

  #skipLine(data: Buffer, isLast: boolean): number {
    const newline = data.indexOf(LF);
    const end = newline === -1 ? data.length : newline + 1;
    this.#byte += end;
    if (newline !== -1 || isLast) this.#skipping = false;
    if (newline !== -1) this.#line += 1;
    return end;
  }

  /** Lines without a quote: where they end is plain. Returns where it stopped. */
  #plainLines(data: Buffer, from: number, isLast: boolean): number {
    const quote = this.#form.quote === undefined ? -1 : data.indexOf(this.#form.quote, from);
    const bound = quote === -1 ? data.length : quote;
    const newline = bound === 0 ? -1 : data.lastIndexOf(LF, bound - 1);
    const to = quote === -1 && isLast ? data.length : newline + 1;
    if (to <= from) return from;
    if (this.#onRecord !== undefined) this.#countLines(data, from, to, this.#onRecord);
    else this.#copyLines(data, from, to);
    this.#byte += to - from;
    return to;
  }

  #countLines(data: Buffer, from: number, to: number, onRecord: OnRecord): void {
    for (let at = from; at < to;) {
      const newline = data.indexOf(LF, at);
      const end = newline === -1 || newline >= to ? to : newline;
      const isBlank = end === at || (end === at + 1 && data[at] === CR);
      if (!isBlank) {
        onRecord({ row: this.#row, line: this.#line, byte: this.#byte + at - from });
        this.#row += 1;
      }
      this.#line += 1;
      at = end + 1;
    }
  }

  #copyLines(data: Buffer, from: number, to: number): void {
    const form = this.#form;
    const { delimiter, cells, maxLineBytes } = form;
    // Nearly always nothing is unusual, and then only the cells are counted.
    const block = data.subarray(from, to);
    const isPlain = isUtf8(block) && !block.includes(CR);
    // Lines that need no change are copied together.
    let copyFrom = from;
    let begin = from;
    let found = 1;
    const flush = (upTo: number) => {
      if (upTo > copyFrom) this.#output.push(data.subarray(copyFrom, upTo));
    };
    for (let at = from; at <= to; at += 1) {
      const byte = at === to ? LF : data[at]!;
      if (byte === delimiter) found += 1;
      if (byte !== LF) continue;
      if (at === to && begin === to) break;
      if (isPlain && (cells === undefined || found === cells) && at < to && at > begin && at - begin <= maxLineBytes) {
        this.#accept();
      } else {
        flush(begin);
        const end = trimmed(data, begin, at);
        const problem = end === begin ? undefined : lineProblem(data, begin, end, found, form);
        if (problem !== undefined) this.#reject(data, begin, end, problem);
        else if (end > begin) {
          this.#output.push(data.subarray(begin, end), NEWLINE);
          this.#accept();
        }
        copyFrom = at + 1;
      }
      this.#line += 1;
      begin = at + 1;
      found = 1;
    }
    flush(Math.min(begin, to));
  }

  #accept(): void {
    this.#row += 1;
    this.goodRows += 1;
  }

  #reject(data: Buffer, from: number, to: number, message: string): void {
    this.#bad.push({ row: this.#row, line: this.#line, message, text: payloadText(data.subarray(from, to)) });
    this.#row += 1;
  }

  /** One record that has a quote somewhere. Returns where the next one begins; the complement when bytes are missing. */
  #record(data: Buffer, from: number, isLast: boolean): number {
    const { cells, maxLineBytes } = this.#form;
    const found = readRecord(data, from, isLast, this.#form);
    const newline = data.indexOf(LF, from);
    const lineEnd = newline === -1 ? data.length : newline;
    // A cell that goes on for so long is one whose quote was forgotten.
    const isTooLong = (found?.end ?? data.length) - from > maxLineBytes;
    const record = isTooLong ? undefined : found;
    const problem =
      record === undefined
        ? lineEnd - from > maxLineBytes
          ? TOO_LONG
          : NEVER_CLOSED
        : (record.problem ?? recordProblem(data, from, record, cells));
    // What is missing may change the verdict, or is needed to say where the line ends.
    if (!isLast && !isTooLong && (record === undefined || (problem !== undefined && newline === -1))) return ~from;
    if (!isLast && isTooLong && newline === -1) return ~from;
    const position = { row: this.#row, line: this.#line, byte: this.#byte };
    const stop = problem === undefined ? record!.end : lineEnd;
    this.#onRecord?.(position);
    if (problem !== undefined) {
      this.#reject(data, from, lineEnd > from && data[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd, problem);
      this.#line += 1;
    } else {
      if (this.#onRecord === undefined) this.#output.push(data.subarray(from, trimmed(data, from, stop)), NEWLINE);
      this.#accept();
      this.#line += 1 + countNewlines(data, from, stop);
    }
    const next = Math.min(stop + 1, data.length);
    this.#byte += next - from;
    return next;
  }
}

const NEWLINE = Buffer.from('\n');

function trimmed(data: Buffer, from: number, end: number): number {
  return end > from && data[end - 1] === CR ? end - 1 : end;
}

const TOO_LONG = 'it is longer than csv.maxLineBytes';
/** Equal to no byte. */
const NO_BYTE = -1;
const NEVER_CLOSED = 'a quote is never closed';

function lineProblem(data: Buffer, from: number, to: number, found: number, form: CsvForm): string | undefined {
  if (to - from > form.maxLineBytes) return TOO_LONG;
  const problem = recordProblem(data, from, { end: to, cells: found }, form.cells);
  if (problem !== undefined) return problem;
  const cr = data.subarray(from, to).indexOf(CR);
  return cr === -1 ? undefined : 'a carriage return stands within a cell';
}

function recordProblem(
  data: Buffer,
  from: number,
  { end, cells: found }: Omit<Record, 'problem'>,
  cells: number | undefined,
): string | undefined {
  if (cells !== undefined && found !== cells) {
    return `it has ${found} cell${found === 1 ? '' : 's'}, and the header ${cells}`;
  }
  return isUtf8(data.subarray(from, end)) ? undefined : 'it is not UTF-8';
}

interface Record {
  /** Of the last cell; the line break comes after it. */
  readonly end: number;
  readonly cells: number;
  readonly problem: string | undefined;
}

/** Undefined when the record does not end within the data. */
function readRecord(
  data: Buffer,
  from: number,
  isLast: boolean,
  { delimiter, quote = NO_BYTE }: CsvForm,
): Record | undefined {
  let cells = 1;
  let at = from;
  for (;;) {
    if (data[at] === quote) {
      const close = closingQuote(data, at + 1, quote);
      if (close === undefined) {
        return isLast ? { end: data.length, cells, problem: 'a quote is never closed' } : undefined;
      }
      at = close + 1;
      if (at >= data.length && !isLast) return undefined;
      const isEnd = at >= data.length || data[at] === LF || (data[at] === CR && (data[at + 1] ?? LF) === LF);
      if (data[at] === CR && at + 1 >= data.length && !isLast) return undefined;
      if (!isEnd && data[at] !== delimiter) return { end: at, cells, problem: 'something follows a closing quote' };
    } else {
      while (at < data.length && data[at] !== delimiter && data[at] !== LF) {
        if (data[at] === quote) return { end: at, cells, problem: 'a quote begins within a cell' };
        if (data[at] === CR && at + 1 < data.length && data[at + 1] !== LF) {
          return { end: at, cells, problem: 'a carriage return stands within a cell' };
        }
        at += 1;
      }
    }
    if (data[at] === CR) at += 1;
    if (at >= data.length) return isLast ? { end: data.length, cells, problem: undefined } : undefined;
    if (data[at] === LF) return { end: at, cells, problem: undefined };
    cells += 1;
    at += 1;
  }
}

function closingQuote(data: Buffer, from: number, quote: number): number | undefined {
  for (let at = data.indexOf(quote, from); at !== -1; at = data.indexOf(quote, at + 2)) {
    if (data[at + 1] !== quote) return at;
  }
  return undefined;
}

function countNewlines(data: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = data.indexOf(LF, from); at !== -1 && at < to; at = data.indexOf(LF, at + 1)) count += 1;
  return count;
}

function payloadText(bytes: Buffer): string {
  const text = bytes.toString('utf8', 0, LONGEST_PAYLOAD_BYTES);
  return bytes.length > LONGEST_PAYLOAD_BYTES ? `${text}…` : text;
}

/** The names of the columns, and where the first record begins. */
export function readHeader(
  data: Buffer,
  options: CsvOptions,
  form: CsvForm,
): { readonly names: readonly string[]; readonly start: Position } | undefined {
  const bom = data[0] === 0xef && data[1] === 0xbb && data[2] === 0xbf ? 3 : 0;
  let from = bom;
  let line = 0;
  while (data[from] === LF || (data[from] === CR && data[from + 1] === LF)) {
    from += data[from] === LF ? 1 : 2;
    line += 1;
  }
  if (from >= data.length) return undefined;
  const record = readRecord(data, from, true, form);
  if (record === undefined || record.problem !== undefined) return undefined;
  const end = trimmed(data, from, record.end);
  const cells = cellTexts(data.subarray(from, end).toString('utf8'), form);
  if (!options.header) {
    return { names: cells.map((_, i) => `column${i}`), start: { row: 0, line, byte: from } };
  }
  const start = {
    row: 0,
    line: line + 1 + countNewlines(data, from, record.end),
    byte: Math.min(record.end + 1, data.length),
  };
  return { names: cells, start };
}

/** The cells of one well-formed record. */
function cellTexts(text: string, form: CsvForm): readonly string[] {
  const quote = String.fromCharCode(form.quote ?? 0);
  const delimiter = String.fromCharCode(form.delimiter);
  const cells: string[] = [];
  for (let at = 0; ;) {
    if (text[at] === quote) {
      let close = text.indexOf(quote, at + 1);
      while (text[close + 1] === quote) close = text.indexOf(quote, close + 2);
      cells.push(text.slice(at + 1, close).replaceAll(quote + quote, quote));
      at = close + 1;
    } else {
      const next = text.indexOf(delimiter, at);
      cells.push(next === -1 ? text.slice(at) : text.slice(at, next));
      at = next === -1 ? text.length : next;
    }
    if (at >= text.length) return cells;
    at += 1;
    if (at === text.length) {
      cells.push('');
      return cells;
    }
  }
}
