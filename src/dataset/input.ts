/**
 * The rows that a run reads: the port of every kind of source.
 *
 * A plan freezes what is read (files by size, time and checksum; rows of databases by a copy) and where chunks
 * begin; it is JSON, and depends on the input and the options alone. Whoever reads a chunk of a plan, whenever, gets
 * the same rows, or an error that says what has changed.
 */
import type { ColumnChunk, ColumnType, ListType } from '../core/columns.ts';
import type { DataInterval } from '../core/data-interval.ts';
import type { ErrorCode } from '../core/errors.ts';

export interface InputContext {
  /** Undefined: all rows. */
  readonly interval: DataInterval | undefined;
  /** Of the job: for times without a zone, unless the input names one. */
  readonly timezone: string;
  /** Absolute; relative paths begin here. */
  readonly workspace: string;
  /** Absolute; for copies of database rows and for temporary files. It lives as long as the plan. */
  readonly spoolFolder: string;
  readonly signal?: AbortSignal | undefined;
}

/** A column that the source has, after `columns` has given it its name. */
export interface InputColumn {
  readonly name: string;
  /** TEXT for cells of CSV and OTHER for values of NDJSON that were not looked at yet. */
  readonly type: ColumnType;
  readonly list?: ListType | undefined;
}

/**
 * A column to read.
 *
 * `as`: what the values are for. Cells of CSV are read as that type (floats as FP64, integers as INT64 or UINT64), and
 * one that is none makes its row bad; decimals become FP64. What a source has typed stays what it is. Without `as`, a
 * column of a text format gets the narrowest type that keeps every cell as it is written.
 */
export interface WantedColumn {
  readonly name: string;
  readonly as?: ColumnType | undefined;
  /** LIST: what is in the lists, where their form is the only one that the model takes. */
  readonly list?: ListType | undefined;
}

/** A column as every chunk of the plan will have it. */
export interface PlannedColumn extends InputColumn {
  /** OTHER, and values of other makers: what it is in SQL, so that an output can keep it. */
  readonly sqlType?: string | undefined;
}

export interface PlannedFile {
  /** As people write it: relative to the workspace where it is inside. */
  readonly source: string;
  readonly path: string;
  readonly bytes: number;
  readonly mtimeMs: number;
  /** `crc32:9ae0daaf`, of the bytes as they are on the disk; `tail-crc32:` of the last of them. */
  readonly checksum: string;
  /** All rows of it, whichever are in the interval. Undefined: its damage hides them. */
  readonly rows: number | undefined;
}

/** Consecutive rows of a file. */
export interface PlannedRange {
  /** Position in `files`. */
  readonly file: number;
  /** 0 for the first. */
  readonly firstRow: number;
  readonly rows: number;
  /** Where the rows begin and end in the text; absent for Parquet. */
  readonly fromByte?: number | undefined;
  readonly toByte?: number | undefined;
  /** Lines before the first one; absent for Parquet. */
  readonly linesBefore?: number | undefined;
}

export interface PlannedChunk {
  readonly index: number;
  readonly ranges: readonly PlannedRange[];
  /** Sum over the ranges: rows to look at, of which the interval and `where` may leave some. */
  readonly rows: number;
}

export interface InputPlan {
  readonly kind: 'parquet' | 'csv' | 'ndjson';
  readonly files: readonly PlannedFile[];
  readonly columns: readonly PlannedColumn[];
  /** CSV: the columns that `where` may name, by their names in the files. */
  readonly whereColumns?: readonly PlannedColumn[] | undefined;
  readonly chunks: readonly PlannedChunk[];
  /** Over everything above: equal plans have equal checksums. */
  readonly checksum: string;
}

/** Rows of one file in their order. */
export interface InputRows extends ColumnChunk {
  readonly kind: 'rows';
  readonly source: string;
  /** Number of each row in its source, 1 for the first; undefined when they follow `firstRow` without a gap. */
  readonly rowNumbers: Float64Array | undefined;
  /** Number of the first row. */
  readonly firstRow: number;
  /** Gives the memory of the columns back, for the next rows. Nobody may look at them after that. */
  readonly release?: (() => void) | undefined;
}

export interface BadInput {
  readonly kind: 'bad';
  readonly bad: BadRow;
}

/** A row that costs itself, or rows that cannot be told apart any more. */
export interface BadRow {
  readonly source: string;
  /** 1 for the first; undefined when it cannot be told. */
  readonly row: number | undefined;
  /** How many rows this stands for, from `row` on. */
  readonly rows: number;
  /** CSV and NDJSON: 1 for the first line of the file. */
  readonly line?: number | undefined;
  readonly stage: 'parse' | 'schema' | 'predict';
  readonly code: ErrorCode;
  readonly message: string;
  /** What the row was, as far as it can be said: values by column, or the text of its line. */
  readonly payload?: unknown;
}

export interface Input extends AsyncDisposable {
  /**
   * The columns there are. Cheap: looks at the first file only.
   *
   * @throws {ServeryError} `DATA_NOT_FOUND`, `DATA_INVALID`, `DATASET_MISSING`, `DATABASE_FAILED`
   */
  describe(): Promise<readonly InputColumn[]>;
  /**
   * Freezes what is read.
   *
   * @param onDamage `fail` refuses a file that cannot be opened; `keep` plans it as a chunk of one bad row
   * @throws {ServeryError} `DATA_NOT_FOUND`, `DATA_INVALID` (a column is missing, a file is damaged, a time column of
   *   integers without a unit), `DATASET_MISSING`, `DATABASE_FAILED`
   */
  plan(wanted: readonly WantedColumn[], onDamage: 'fail' | 'keep'): Promise<InputPlan>;
  /** The first rows, for a look: no plan, nothing pinned. */
  sample(wanted: readonly WantedColumn[], rows: number): Promise<readonly (InputRows | BadInput)[]>;
  /**
   * The rows of a chunk that are in the interval and fulfil `where`, in their order, with the bad ones among them.
   *
   * Damage inside a Parquet file shows when some of its rows were given out already. So a first reading throws, and a
   * second one with `damage: 'keep'`, for which the caller forgets what the first one gave, reports each row group that
   * cannot be read as one bad row that stands for all of its rows.
   *
   * @throws {ServeryError} `DATA_INVALID`: damage, or a file that is no longer the one that was planned
   */
  read(plan: InputPlan, chunk: PlannedChunk, damage: 'fail' | 'keep'): AsyncIterable<InputRows | BadInput>;
}
