/**
 * Rows by column: the form in which data travels between a dataset and the tensors of a model.
 *
 * Datasets know files and tables, protocols know rows and tensors, and neither knows the other; a chunk of
 * columns is what they share. Values stay in typed arrays wherever the source has them so.
 */
import type { NumericData } from './tensor.ts';

/** What a column holds. `OTHER` is anything that is only carried through or read as its text. */
export type ColumnType =
  | 'BOOL'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'FP32'
  | 'FP64'
  /** Text, as strings. */
  | 'TEXT'
  /** Bytes, as Uint8Array. */
  | 'BYTES'
  /** Lists (of lists) of any of the above, as JavaScript arrays. */
  | 'LIST'
  | 'OTHER';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** One value a row: a typed array for numbers and BOOL (0 or 1), else a JavaScript array. */
  readonly values: NumericData | readonly unknown[];
  /** 1 where the row has no value; undefined when every row has one. The value there means nothing. */
  readonly nulls?: Uint8Array | undefined;
  /** LIST: what is in the lists, where that is known. */
  readonly list?: ListType | undefined;
  /** LIST: the same values one after the other, where each row has the same number of numbers. */
  readonly flat?: NumericData | undefined;
}

export interface ListType {
  /** Type of the innermost values. */
  readonly item: ColumnType;
  /** Levels of lists. */
  readonly depth: number;
}

/** Consecutive rows of a source. */
export interface ColumnChunk {
  readonly rows: number;
  readonly columns: readonly Column[];
}
