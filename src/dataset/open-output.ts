/** Finds out what kind of target an output is, and opens it. */
import { openDatabaseOutput } from './database-output.ts';
import { DEFAULT_LIMITS, type DuckDbLimits } from './duckdb.ts';
import { openFileOutput } from './file-output.ts';
import type { OutputOptions } from './options.ts';
import type { Output, OutputColumns, OutputContext } from './output.ts';

/**
 * Waits while another living run holds the same interval of the output.
 *
 * @param columns those of every chunk, in their order
 * @throws {ServeryError} `OUTPUT_INVALID`, `STORAGE_FULL`, `DATASET_MISSING`, `DATABASE_FAILED`
 */
export async function openOutput(
  options: OutputOptions,
  columns: OutputColumns,
  context: OutputContext,
  limits: DuckDbLimits = DEFAULT_LIMITS,
): Promise<Output> {
  if (options.path === undefined) return openDatabaseOutput(options, columns, context, limits);
  return openFileOutput(options, columns, context, limits);
}
