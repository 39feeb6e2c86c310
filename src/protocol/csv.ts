/**
 * CSV with a header: a column for each feature, lists as JSON text.
 *
 * A cell has no type of its own, so its column says how it is read: numbers in full or not at all, `true`
 * and `false` in any case, texts as they are. An empty cell of a number is a missing value.
 */
import { createRequire } from 'node:module';
import { ServeryError, quote } from '../core/errors.ts';
import type { Signature } from '../core/signature.ts';
import type { Datatype, Tensor } from '../core/tensor.ts';
import { parseJson } from './json.ts';
import type { NumberedRows } from './ndjson.ts';
import { columnsOf, type Column } from './rows/columns.ts';
import { jsonCell } from './rows/encode-rows.ts';
import { rowPlan } from './rows/input-plan.ts';
import { textOf } from './values-out.ts';
import { isFloat } from './values-in.ts';

/** @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT` */
export function parseCsv(text: string, signature: Signature): NumberedRows {
  const [header, ...records] = readCsvRecords(text);
  if (header === undefined) throw new ServeryError('INVALID_REQUEST', 'Cannot read the CSV: it has no header');
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new ServeryError('INVALID_REQUEST', `Cannot read the CSV: two columns are named ${quote(twice)}`);
  }
  const readers = header.map((name) => cellReader(name, signature));
  const nameRow = (index: number): string => `line ${lineOf(text, index)}`;
  const rows = records.map((record, index) => {
    const row: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (let i = 0; i < header.length; i += 1) {
      const cell = record[i]!;
      const value = readers[i]!(cell);
      if (value === MISFIT) {
        throw new ServeryError(
          'INVALID_INPUT',
          `Cannot use ${quote(header[i]!)} of ${nameRow(index)}: ${expectation(header[i]!, signature)}`,
        );
      }
      if (value !== undefined) row[header[i]!] = value;
    }
    return row;
  });
  return { rows, nameRow };
}

/**
 * CSV without a header: the values of each row in the order of the signature.
 *
 * A first line that has only names of the signature is a header all the same.
 *
 * @throws {ServeryError} `INVALID_REQUEST`, `INVALID_INPUT`
 */
export function parseBareCsv(text: string, signature: Signature): NumberedRows {
  const records = readCsvRecords(text);
  const { inputs, knownKeys, slots } = rowPlan(signature);
  if (records[0]?.every((name) => knownKeys.has(name)) === true) return parseCsv(text, signature);
  const nameRow = (index: number): string => `line ${lineOf(text, index - 1)}`;
  const types = inputs.flatMap(({ spec, keys }) => new Array<Datatype>(keys?.length ?? 1).fill(spec.datatype));
  const rows = records.map((record, index) =>
    record.map((cell, i) => {
      const datatype = types[slots === undefined ? 0 : i];
      const isList = slots !== undefined && cell.startsWith('[');
      const value = datatype === undefined ? cell : isList ? readList(cell) : scalarReader(datatype)(cell);
      if (value !== MISFIT) return value;
      throw new ServeryError('INVALID_INPUT', `Cannot use cell ${i + 1} of ${nameRow(index)}: expected ${datatype}`);
    }),
  );
  return { rows, nameRow };
}

type CsvParser = typeof import('csv-parse/sync');

/** Loaded with the first text: most front ends never see one. */
let parser: CsvParser | undefined;
function csvParser(): CsvParser {
  parser ??= createRequire(import.meta.url)('csv-parse/sync') as CsvParser;
  return parser;
}

const CSV_FORM = { bom: true, skip_empty_lines: true } as const;

/**
 * @param options.mayBeShort lines may have fewer cells than the first
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function readCsvRecords(text: string, { mayBeShort = false } = {}): string[][] {
  const { CsvError, parse } = csvParser();
  try {
    return parse(text, { ...CSV_FORM, relax_column_count_less: mayBeShort });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Its message may quote a cell; the code and the line do not.
    const problem = PROBLEMS[error.code] ?? 'it is not well-formed';
    const line = typeof error['lines'] === 'number' ? ` at line ${error['lines']}` : '';
    throw new ServeryError('INVALID_REQUEST', `Cannot read the CSV${line}: ${problem}`);
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: 'it has another number of cells than the header',
  CSV_QUOTE_NOT_CLOSED: 'a quote is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'something follows a closing quote',
  INVALID_OPENING_QUOTE: 'a quote begins within a cell',
};

/** Only for errors, as it reads the text again. A cell may hold line breaks, so counting records is not enough. */
function lineOf(text: string, index: number): number {
  const records = csvParser().parse(text, { ...CSV_FORM, info: true, to: index + 2 }) as unknown as {
    info: { lines: number };
  }[];
  return records[index + 1]!.info.lines;
}

const MISFIT = Symbol('a cell that its column cannot take');

type CellReader = (cell: string) => unknown;

function cellReader(name: string, signature: Signature): CellReader {
  const target = targetOf(name, signature);
  // Unknown columns go on as they are, to be refused by name with the row.
  if (target === undefined) return (cell) => cell;
  const readScalar = scalarReader(target.datatype);
  return target.isList ? (cell) => (cell.startsWith('[') ? readList(cell) : readScalar(cell)) : readScalar;
}

function targetOf(name: string, signature: Signature): { datatype: Datatype; isList: boolean } | undefined {
  for (const { spec, keys } of rowPlan(signature).inputs) {
    if (keys?.includes(name)) return { datatype: spec.datatype, isList: false };
    if (spec.name === name) return { datatype: spec.datatype, isList: true };
  }
  return undefined;
}

/** Integers in lists keep all their digits only up to 2^53, as in any JSON. */
function readList(cell: string): unknown {
  try {
    return parseJson(cell);
  } catch {
    return MISFIT;
  }
}

const INTEGER = /^[+-]?[0-9]+$/;
const NUMBER = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
/** More digits than any 64-bit integer has. */
const LONGEST_CELL = 400;

function scalarReader(datatype: Datatype): CellReader {
  if (datatype === 'BYTES') return (cell) => cell;
  if (datatype === 'BOOL') return readBoolean;
  return isFloat(datatype) ? readNumber : readInteger;
}

function readBoolean(cell: string): unknown {
  const word = cell.trim().toLowerCase();
  if (word === '') return undefined;
  return word === 'true' ? true : word === 'false' ? false : MISFIT;
}

function readNumber(cell: string): unknown {
  const text = cell.trim();
  if (text === '') return undefined;
  return text.length <= LONGEST_CELL && NUMBER.test(text) ? Number(text) : MISFIT;
}

function readInteger(cell: string): unknown {
  const text = cell.trim();
  const number = readNumber(text);
  if (typeof number !== 'number' || Number.isSafeInteger(number)) return number;
  return INTEGER.test(text) ? BigInt(text.replace('+', '')) : number;
}

function expectation(name: string, signature: Signature): string {
  const { datatype, isList } = targetOf(name, signature)!;
  if (isList) return 'expected a list as JSON text';
  if (datatype === 'BOOL') return 'expected true or false';
  return isFloat(datatype) ? 'expected a number' : 'expected an integer';
}

/** Without a header nobody counts on a cell for each column: there the values of a list have cells of their own. */
export function encodeCsv(
  signature: Signature,
  outputs: readonly Tensor[],
  rows: number,
  { labels, header = true }: { readonly labels: boolean; readonly header?: boolean },
): string {
  const columns = columnsOf(signature, outputs, labels);
  const cellOf = (column: Column, tensor: Tensor, row: number): string => {
    const isSpread = !header && column.shape.length > 0 && column.spec.datatype !== 'BYTES';
    if (isSpread) return jsonCell(column, tensor, row).replace(/[[\]]/g, '').replaceAll('null', 'nan');
    return quoteCell(cellText(column, tensor, row));
  };
  const lines = header ? [columns.map(({ name }) => quoteCell(name)).join(',')] : [];
  for (let row = 0; row < rows; row += 1) {
    lines.push(columns.map((column) => cellOf(column, outputs[column.output]!, row)).join(','));
  }
  return `${lines.join('\n')}\n`;
}

function cellText(column: Column, tensor: Tensor, row: number): string {
  const { shape, spec, labels } = column;
  const json = jsonCell(column, tensor, row);
  if (shape.length > 0) return json;
  const at = row * column.step + column.offset;
  if (labels !== undefined) return labels[Number(tensor.data[at])] ?? json;
  if (spec.datatype === 'BYTES') return textOf(tensor.data[at] as string | Uint8Array, spec.name);
  // Unlike JSON, a cell can say NaN and Infinity.
  return json === 'null' && spec.datatype !== 'FP16' ? String(tensor.data[at]) : json;
}

function quoteCell(text: string): string {
  // An empty cell is quoted too: where it is the only one, its line would be empty, and skipped by readers.
  return text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
