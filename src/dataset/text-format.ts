/** What CSV and NDJSON differ in; everything else about text files they share. */
import type { ColumnType } from '../core/columns.ts';
import type { CsvForm, Position } from './csv-records.ts';
import type { Compression } from './find-files.ts';
import type { InputColumn, PlannedColumn } from './input.ts';
import type { Source } from './source.ts';

export interface TextFormat {
  readonly kind: 'csv' | 'ndjson';
  open(source: Source, path: string): Promise<OpenedText>;
  /** How the values of a column are read, by what they are for. */
  reader(as: ColumnType | undefined): CellReader;
  /** For a column without a purpose: types that keep every value as it is, the narrowest first. */
  readonly candidates: readonly { readonly type: ColumnType; fits(cell: string): string }[];
  /** What a row was, for the file of bad rows, from the text that `cells` gives. */
  payload(cells: string, opened: OpenedText): unknown;
}

export interface OpenedText {
  readonly path: string;
  readonly source: string;
  readonly compression: Compression;
  readonly form: CsvForm;
  readonly start: Position;
  readonly columns: readonly InputColumn[];
  /** A column that is not among them is an error, rather than null in every row. */
  readonly isComplete: boolean;
  /** A table expression over canonical records; `fields` are the columns that anybody will ask for. */
  table(spool: string, fields: readonly string[]): string;
  /** The expression for a column: of the records, or of the path. */
  cell(original: string, fields: readonly string[]): string;
  /** The expression for all of a record as text. */
  readonly cells: string;
  /** The expression that says whether a record can be read at all; undefined when all can. */
  readonly isRecord: string | undefined;
}

export interface CellReader {
  readonly type: ColumnType;
  readonly list?: PlannedColumn['list'];
  /** Gives the value, or null. */
  value(cell: string): string;
  /** Given cell and value: true for a cell that is not what it should be; undefined where any cell will do. */
  misfit?(cell: string, value: string): string;
  readonly expected: string;
}
