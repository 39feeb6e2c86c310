/**
 * What a predict step remembers, so that it can go on where it was when its process died.
 *
 * Two things keep it: the engine, for runs of jobs, and a file beside the output, for `servery predict` and runs
 * without a scheduler. Everything in it is JSON. What was saved once is on the disk when the promise resolves.
 */

/** One finished chunk. Chunks are committed in any order, each once. */
export interface ChunkRecord {
  readonly index: number;
  readonly rows: ChunkRows;
  /** What the dataset says about the staged output, for `finalise`; undefined when no row came out. */
  readonly staged?: unknown;
  /** The staged file of bad rows; undefined when there were none. */
  readonly stagedBadRows?: unknown;
}

/** `in` = `out` + `bad`. A row of nulls (`onBadRow: null`) counts in `out` and in `nulled`. */
export interface ChunkRows {
  readonly in: number;
  readonly out: number;
  readonly bad: number;
  readonly nulled: number;
}

export interface ChunkLedger {
  /** The plan of an earlier attempt; undefined when there was none. */
  readPlan(): Promise<unknown>;
  /** Called before any chunk is committed; the latest holds. */
  savePlan(plan: unknown): Promise<void>;
  committedChunks(): Promise<readonly ChunkRecord[]>;
  /** @throws {ServeryError} `LEASE_LOST` when another worker has taken the run over */
  commitChunk(record: ChunkRecord): Promise<void>;
  /**
   * The last look before the output becomes visible.
   *
   * @throws {ServeryError} `LEASE_LOST`
   */
  confirmLease(): Promise<void>;
}
