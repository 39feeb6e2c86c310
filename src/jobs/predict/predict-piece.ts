/**
 * Predicts a piece of a chunk: columns in, columns out, and the rows that could not be predicted.
 *
 * Rows that do not fit the signature are taken out before the model sees them. When a run fails, its rows are halved
 * until the row that it fails for stands alone, so one bad row costs a few runs and no neighbour.
 */
import type { Column, ColumnChunk } from '../../core/columns.ts';
import { ServeryError } from '../../core/errors.ts';
import {
  sliceRows,
  viewOf,
  bytesPerElement,
  type NumericData,
  type NumericDatatype,
  type Tensor,
} from '../../core/tensor.ts';
import { decodeColumns, encodeColumns, type InputColumns, type RowGroup } from '../../protocol/rows.ts';
import type { PredictRows } from '../../runtime/runtime.ts';
import { layTogether, takeRows, type Segment } from './arrange-rows.ts';
import { RowCountError, type BatchModel } from './batch-model.ts';
import { createRunLimit, type RunLimit } from './run-limit.ts';

export interface PieceSettings {
  readonly model: BatchModel;
  readonly bound: readonly InputColumns[];
  /** Columns to carry through, in their order. */
  readonly passthrough: readonly string[];
  readonly labels: boolean;
  /** A bad row comes out with nulls, instead of not at all. */
  readonly nullBadRows: boolean;
  readonly timeoutMs: number;
  readonly predictRows: PredictRows;
  /** The outputs, as columns of no rows: what a piece without a good row has. */
  readonly outputColumns: readonly Column[];
}

export interface PredictedPiece {
  /** Those carried through, then the outputs. */
  readonly output: ColumnChunk;
  /** By position in the piece. */
  readonly badRows: readonly FailedRow[];
}

export interface FailedRow {
  readonly position: number;
  readonly stage: 'schema' | 'predict';
  readonly error: ServeryError;
}

export type PredictPiece = (piece: ColumnChunk, nameRow: (position: number) => string) => Promise<PredictedPiece>;

/** Codes of failures that may be due to one row. */
const BISECTABLE: ReadonlySet<string> = new Set([
  'MODEL_FAILED',
  'HANDLER_FAILED',
  'HANDLER_RESTARTED',
  'INVALID_INPUT',
]);

export function createPredictPiece(settings: PieceSettings): PredictPiece {
  const { model, bound } = settings;
  const limit = createRunLimit(model.concurrency);
  const memory = createMemoryPool();
  return async (piece, nameRow) => {
    const block = memory.take();
    const { groups, badRows } = decodeColumns(model.signature, bound, piece, { nameRow, take: block.take });
    const failed: FailedRow[] = badRows.map((row) => ({ ...row, stage: 'schema' }));
    const batches = groups.flatMap((group) => batchesOf(group, model.batchRows));
    const segments = (await Promise.all(batches.map((batch) => predictBatch(batch, settings, limit, failed)))).flat();
    block.giveBack();
    failed.sort((a, b) => a.position - b.position);
    return { output: assemble(piece, segments, failed, settings), badRows: failed };
  };
}

interface Batch {
  readonly positions: Uint32Array;
  readonly parts: readonly (readonly Tensor[])[];
}

function batchesOf({ positions, rows, parts }: RowGroup, batchRows: number): readonly Batch[] {
  const all = positions ?? countUp(rows);
  const whole: Batch = { positions: all, parts };
  if (rows <= batchRows) return [whole];
  const batches: Batch[] = [];
  for (let from = 0; from < rows; from += batchRows) {
    batches.push(sliceBatch(whole, from, Math.min(rows, from + batchRows)));
  }
  return batches;
}

let counted = new Uint32Array();

/** Of an array that all pieces share: nobody writes to it. */
function countUp(length: number): Uint32Array {
  if (counted.length < length) counted = Uint32Array.from({ length }, (_, i) => i);
  return counted.subarray(0, length);
}

function sliceBatch({ positions, parts }: Batch, from: number, to: number): Batch {
  const own = positions.subarray(from, to);
  if (parts.length > 1) return { positions: own, parts: parts.slice(from, to) };
  return { positions: own, parts: [parts[0]!.map((tensor) => sliceRows(tensor, from, to))] };
}

async function predictBatch(
  batch: Batch,
  settings: PieceSettings,
  limit: RunLimit,
  failed: FailedRow[],
): Promise<readonly Segment[]> {
  const { model, labels, timeoutMs, predictRows } = settings;
  const { positions, parts } = batch;
  const rows = positions.length;
  try {
    const outputs = await limit(() => model.run(parts, { rows, timeoutMs, predictRows }));
    return [{ positions, columns: encodeColumns(model.signature, outputs, rows, labels) }];
  } catch (error) {
    const mayBeOneRow =
      error instanceof ServeryError && BISECTABLE.has(error.code) && !(error instanceof RowCountError);
    if (!mayBeOneRow) throw error;
    if (rows === 1) {
      failed.push({ position: positions[0]!, stage: 'predict', error });
      return [];
    }
  }
  const middle = rows >> 1;
  const first = await predictBatch(sliceBatch(batch, 0, middle), settings, limit, failed);
  return [...first, ...(await predictBatch(sliceBatch(batch, middle, rows), settings, limit, failed))];
}

function assemble(
  piece: ColumnChunk,
  segments: readonly Segment[],
  failed: readonly FailedRow[],
  { passthrough, nullBadRows, outputColumns }: PieceSettings,
): ColumnChunk {
  const carried = passthrough.map((name) => piece.columns.find((column) => column.name === name)!);
  if (failed.length === 0 && segments.length === 1 && isWhole(segments[0]!, piece.rows)) {
    return { rows: piece.rows, columns: [...carried, ...segments[0]!.columns] };
  }
  const kept = nullBadRows || failed.length === 0 ? countUp(piece.rows) : positionsWithout(failed, piece.rows);
  const placeOf = new Int32Array(piece.rows);
  for (let place = 0; place < kept.length; place += 1) placeOf[kept[place]!] = place;
  const all = segments.length > 0 ? segments : [{ positions: new Uint32Array(), columns: outputColumns }];
  const outputs = outputColumns.map((_, i) => layTogether(all, i, kept.length, placeOf));
  const isSame = kept.length === piece.rows;
  const own = isSame ? carried : carried.map((column) => takeRows(column, piece.rows, kept));
  return { rows: kept.length, columns: [...own, ...outputs] };
}

function positionsWithout(failed: readonly FailedRow[], rows: number): Uint32Array {
  const isBad = new Set(failed.map(({ position }) => position));
  return countUp(rows).filter((position) => !isBad.has(position));
}

/** In one group positions ascend, so as many as there are rows are all of them; others may be out of order. */
function isWhole({ positions }: Segment, rows: number): boolean {
  return positions.length === rows;
}

interface MemoryBlock {
  take(datatype: NumericDatatype, length: number): NumericData;
  giveBack(): void;
}

/** Memory that executors read without a copy, used again for the next piece: fresh memory must be cleared first. */
function createMemoryPool(): { take(): MemoryBlock } {
  const free: SharedArrayBuffer[] = [];
  const ALIGNMENT = 64;
  return {
    take() {
      let buffer = free.pop() ?? new SharedArrayBuffer(0);
      let used = 0;
      return {
        take(datatype, length) {
          const bytes = length * bytesPerElement(datatype);
          const at = used;
          used += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
          if (used <= buffer.byteLength) return viewOf(datatype, buffer, at, length);
          return viewOf(datatype, new SharedArrayBuffer(bytes), 0, length);
        },
        giveBack() {
          // What did not fit this time fits next time.
          if (used > buffer.byteLength) buffer = new SharedArrayBuffer(used);
          free.push(buffer);
        },
      };
    },
  };
}
