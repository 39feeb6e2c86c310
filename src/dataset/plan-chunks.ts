/** Where chunks begin: a function of the files and `chunkRows` alone, so that every attempt cuts alike. */
import { createHash } from 'node:crypto';
import type { InputPlan, PlannedChunk, PlannedRange } from './input.ts';

/**
 * Ranges in their order → chunks of at most `chunkRows` rows. Ranges may be split by `split`, or not at all.
 *
 * Small files share a chunk: each chunk costs a file and a commit.
 */
export function chunkRanges(ranges: Iterable<PlannedRange>, chunkRows: number): readonly PlannedChunk[] {
  const chunks: PlannedChunk[] = [];
  let open: PlannedRange[] = [];
  let rows = 0;
  const close = () => {
    if (open.length > 0) chunks.push({ index: chunks.length, ranges: open, rows });
    open = [];
    rows = 0;
  };
  for (const range of ranges) {
    if (rows > 0 && rows + range.rows > chunkRows) close();
    open.push(range);
    rows += range.rows;
  }
  close();
  return chunks;
}

/** The rows of a file whose parts can be found by row number. */
export function* splitRows(file: number, rows: number, chunkRows: number): Generator<PlannedRange> {
  for (let firstRow = 0; firstRow < rows; firstRow += chunkRows) {
    yield { file, firstRow, rows: Math.min(chunkRows, rows - firstRow) };
  }
}

export function sealPlan(plan: Omit<InputPlan, 'checksum'>): InputPlan {
  return { ...plan, checksum: `sha256:${createHash('sha256').update(JSON.stringify(plan)).digest('hex')}` };
}
