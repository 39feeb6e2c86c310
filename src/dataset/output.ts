/**
 * Where results go: the port of every kind of output.
 *
 * Chunks are staged beside the output, where no reader looks, and become visible together, or not at all. Doing any
 * step again, by this process or by a later one, changes nothing.
 */
import type { ColumnChunk } from '../core/columns.ts';
import type { DataInterval } from '../core/data-interval.ts';
import type { BadRow, PlannedColumn } from './input.ts';

export interface OutputContext {
  readonly interval: DataInterval | undefined;
  /** Absolute; relative paths begin here. */
  readonly workspace: string;
  /** The same for all attempts. */
  readonly runId: string;
  /** Step of the run; with `runId` it names what is staged. */
  readonly step: string;
  readonly signal?: AbortSignal | undefined;
}

/** What `stageChunk` leaves, as JSON for the ledger. */
export interface StagedChunk {
  readonly index: number;
  /** Name within the staging folder. */
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface StagedBadRows {
  readonly index: number;
  readonly file: string;
  /** Rows that its lines stand for. */
  readonly rows: number;
  readonly bytes: number;
}

export interface ChunkWriter extends AsyncDisposable {
  /** The values are copied before the promise resolves. Disposing without `finish` forgets them. */
  write(chunk: ColumnChunk): Promise<void>;
  /** Durable when it resolves. @throws {ServeryError} `STORAGE_FULL`, `OUTPUT_INVALID` */
  finish(): Promise<StagedChunk>;
}

export interface BadRowWriter extends AsyncDisposable {
  write(bad: BadRow): void;
  /** Undefined when there were none. */
  finish(): Promise<StagedBadRows | undefined>;
}

export interface Finished {
  readonly staged: readonly StagedChunk[];
  readonly badRows: readonly StagedBadRows[];
  /** Facts for the manifest: model, input files, rows in and bad …. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** The last look before anything is visible. @throws {ServeryError} `LEASE_LOST` */
  confirmLease(): Promise<void>;
}

export interface Manifest {
  readonly runId: string;
  readonly step: string;
  readonly interval: { readonly start: string; readonly end: string } | undefined;
  readonly mode: string;
  readonly rows: number;
  readonly files: readonly ManifestFile[];
  readonly committedAt: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface ManifestFile {
  /** From the output folder on; the name of the table for databases. */
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Committed {
  /** Files (absolute) or `sqlite:PATH#TABLE`, `postgres:TABLE`. */
  readonly outputs: readonly string[];
  readonly badRows: readonly string[];
  readonly manifest: Manifest;
}

export interface Output extends AsyncDisposable {
  /** For the input's `spoolFolder`: gone when the run is finalised. */
  readonly spoolFolder: string;
  stageChunk(index: number): Promise<ChunkWriter>;
  stageBadRows(index: number): Promise<BadRowWriter>;
  /**
   * Makes everything visible at once; `staged` holds all chunks of the plan that have rows, in their order.
   *
   * @throws {ServeryError} `LEASE_LOST`, `STORAGE_FULL`, `OUTPUT_INVALID`, `DATABASE_FAILED`
   */
  finalise(finished: Finished): Promise<Committed>;
  /** For a run that ends without output: keeps the bad rows, removes what is staged. */
  discard(badRows: readonly StagedBadRows[]): Promise<readonly string[]>;
}

/**
 * `openOutput(options, columns, context)`: `columns` are those of every chunk, in their order.
 *
 * @throws {ServeryError} `OUTPUT_INVALID`, `CONFLICT` (another living run writes the same interval), `DATASET_MISSING`
 */
export type OutputColumns = readonly PlannedColumn[];
