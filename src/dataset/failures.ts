/**
 * Failures of files, disks and databases → errors that say what a person can do.
 *
 * Messages of DuckDB may hold values and paths: they become the cause, for the log, and not the message.
 */
import { ServeryError, type ErrorCode } from '../core/errors.ts';

/** EFBIG: a limit on the size of files (`ulimit -f`), or of the file system. */
const FULL = /No space left|ENOSPC|disk is full|EDQUOT|File too large|EFBIG|max_temp_directory_size/i;
const OUT_OF_MEMORY = /^Out of Memory Error/i;
const MISSING = /No files found|ENOENT|does not exist/i;

/** @param fallback what it is when nothing more precise is seen */
export function translateFailure(error: unknown, fallback: ErrorCode = 'DATA_INVALID'): ServeryError {
  if (error instanceof ServeryError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT' || FULL.test(message)) {
    return new ServeryError('STORAGE_FULL', 'Cannot write: there is no space left', { cause: error });
  }
  if (OUT_OF_MEMORY.test(message)) {
    return new ServeryError('DATA_INVALID', 'Cannot read: the memory limit of the data engine is too small', {
      cause: error,
      hint: 'Raise `batch.memory`, or make `chunkRows` smaller.',
    });
  }
  if (fallback === 'DATA_INVALID' && MISSING.test(message)) {
    return new ServeryError('DATA_NOT_FOUND', 'Cannot read: a file or table is not there', { cause: error });
  }
  return new ServeryError(fallback, `${OPENINGS[fallback] ?? 'Failed'}: ${kindOf(message)}`, { cause: error });
}

const OPENINGS: Partial<Record<ErrorCode, string>> = {
  DATA_INVALID: 'Cannot read the data',
  OUTPUT_INVALID: 'Cannot write the output',
  DATABASE_FAILED: 'The database failed',
};

/** The kind of a DuckDB error, and its text as far as that quotes nothing. */
function kindOf(message: string): string {
  const [first = ''] = message.split('\n');
  const text = first
    .replace(/"[^"]*"|'[^']*'/g, '…')
    .replace(/(?:\/[^\s/:]+)+/g, '…')
    .trim();
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}
