/**
 * One chunk: read, predicted, staged, in the order of its rows.
 *
 * Reading, predicting and writing overlap: while the model has one piece, the next one is read and decoded and the
 * last one is written. What is under way at once is bounded, so memory does not grow with the chunk.
 */
import type { ColumnChunk } from '../../core/columns.ts';
import { ServeryError, quote } from '../../core/errors.ts';
import type { BadInput, BadRow, Input, InputPlan, InputRows, PlannedChunk } from '../../dataset/input.ts';
import type { Output } from '../../dataset/output.ts';
import type { ChunkRecord, ChunkRows } from './ledger.ts';
import { interleave, rowOfNulls, type NumberedRow } from './null-row.ts';
import type { PredictOptions } from './options.ts';
import type { FailedRow, PredictPiece, PredictedPiece } from './predict-piece.ts';
import { readAhead, type Ahead } from './read-ahead.ts';
import { metadataOf, type StepPlan } from './step-plan.ts';

export interface ChunkSettings {
  readonly options: PredictOptions;
  readonly plan: StepPlan;
  readonly runId: string;
  readonly input: Input;
  readonly output: Output;
  readonly predict: PredictPiece;
  /** Called after each piece; throws when the step must stop. */
  readonly onRows: (rows: ChunkRows) => void;
  /** Called when all rows of the chunk are read, and some are still to be predicted and written. */
  readonly onRead: () => void;
}

/** Pieces that are under way beside the one that is read. */
const PIECES = 2;

/** All rows of a chunk are read, predicted and written; it is not durable yet. */
export interface PredictedChunk extends AsyncDisposable {
  readonly rows: ChunkRows;
  /** Makes it durable. @returns what to commit */
  finish(): Promise<ChunkRecord>;
}

/** The rows of a chunk, of which the first are under way. */
export type ChunkReader = Ahead<InputRows | BadInput>;

export function readChunk(chunk: PlannedChunk, { input, plan }: Pick<ChunkSettings, 'input' | 'plan'>): ChunkReader {
  return readAhead(readWith(input, plan.input, chunk, 'fail'));
}

export async function predictChunk(
  chunk: PlannedChunk,
  reader: ChunkReader,
  settings: ChunkSettings,
): Promise<PredictedChunk> {
  const { onBadRow } = settings.options;
  try {
    return await attemptChunk(chunk, reader, settings);
  } catch (error) {
    await reader.return();
    // Damage shows when some rows were given out already: they are read again, around what is damaged.
    if (!(error instanceof DamageError)) throw error;
    if (onBadRow === 'fail') throw error.cause;
    const { input, plan } = settings;
    return attemptChunk(chunk, readAhead(readWith(input, plan.input, chunk, 'keep')), settings);
  }
}

/** The reader found damage: nothing of the chunk is of use. */
class DamageError extends Error {}

type Pending =
  { readonly kind: 'piece'; readonly rows: InputRows; readonly predicted: Promise<PredictedPiece> } | BadInput;

async function attemptChunk(
  chunk: PlannedChunk,
  reader: ChunkReader,
  settings: ChunkSettings,
): Promise<PredictedChunk> {
  const { output, plan, predict, options } = settings;
  const { index } = chunk;
  const bare = plan.columns.slice(0, plan.columns.length - Object.keys(options.metadata).length);
  await using opened = new AsyncDisposableStack();
  const writer = opened.use(await output.stageChunk(index));
  const badWriter = opened.use(await output.stageBadRows(index));
  const count = { in: 0, out: 0, bad: 0, nulled: 0 };
  const pending: Pending[] = [];
  /** Rows of nulls whose neighbours have not come yet. */
  const held: NumberedRow[] = [];

  const finishOldest = async (): Promise<void> => {
    const oldest = pending.shift()!;
    if (oldest.kind === 'bad') takeBadInput(oldest.bad);
    else await takePiece(oldest.rows, await oldest.predicted);
    settings.onRows(count);
  };
  const takePiece = async (rows: InputRows, { output: predicted, badRows }: PredictedPiece): Promise<void> => {
    count.in += rows.rows;
    for (const failed of badRows) report(describeBadRow(rows, failed, plan), 1);
    if (options.onBadRow === 'null') count.nulled += badRows.length;
    else count.bad += badRows.length;
    const nulls = held.splice(0);
    if (nulls.length === 0) {
      await write(predicted);
      rows.release?.();
      return;
    }
    // Those of the file before come first.
    while (nulls.length > 0 && nulls[0]!.source !== rows.source) await write(nulls.shift()!.chunk);
    for (const part of interleave(predicted, (i) => rowNumber(rows, i), nulls)) await write(part);
  };
  const takeBadInput = (bad: BadRow): void => {
    count.in += bad.rows;
    report(bad, bad.rows);
    // What was read as a row keeps its place; what could not be told apart has none.
    const nulls = options.onBadRow === 'null' ? rowOfNulls(bad, bare, plan.passthrough) : undefined;
    if (nulls === undefined || bad.row === undefined) count.bad += bad.rows;
    else {
      count.nulled += 1;
      held.push({ source: bad.source, row: bad.row, chunk: nulls });
    }
  };
  const report = (bad: BadRow, rows: number): void => {
    if (options.onBadRow === 'fail') throw refusal(bad, rows);
    badWriter.write(bad);
  };
  const write = async ({ rows, columns }: ColumnChunk): Promise<void> => {
    if (rows === 0) return;
    count.out += rows;
    await writer.write({ rows, columns: [...columns, ...metadataOf(plan, settings.runId, options.metadata, rows)] });
  };

  try {
    for await (const item of reader) {
      if (item.kind === 'bad') pending.push(item);
      else {
        const predicted = predict(item, (position) => `row ${rowNumber(item, position)}`);
        predicted.catch(() => undefined); // looked at when it is its turn
        pending.push({ kind: 'piece', rows: item, predicted });
      }
      while (pending.length > PIECES) await finishOldest();
    }
    settings.onRead();
    while (pending.length > 0) await finishOldest();
    for (const { chunk: nulls } of held) await write(nulls);
  } catch (error) {
    // Runs that are under way use memory that is used again.
    await Promise.allSettled(pending.flatMap((item) => (item.kind === 'piece' ? [item.predicted] : [])));
    throw error;
  }
  const resources = opened.move();
  return {
    rows: count,
    async finish() {
      const staged = count.out > 0 ? await writer.finish() : undefined;
      const stagedBadRows = await badWriter.finish();
      checkCounts(chunk, count, staged?.rows ?? 0, stagedBadRows?.rows ?? 0);
      return { index, rows: count, ...(staged && { staged }), ...(stagedBadRows && { stagedBadRows }) };
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function* readWith(
  input: Input,
  plan: InputPlan,
  chunk: PlannedChunk,
  damage: 'fail' | 'keep',
): AsyncGenerator<InputRows | BadInput> {
  try {
    yield* input.read(plan, chunk, damage);
  } catch (cause) {
    if (damage === 'fail' && cause instanceof ServeryError && cause.code === 'DATA_INVALID') {
      throw new DamageError('The input is damaged', { cause });
    }
    throw cause;
  }
}

function rowNumber({ rowNumbers, firstRow }: InputRows, position: number): number {
  return rowNumbers?.[position] ?? firstRow + position;
}

function describeBadRow(rows: InputRows, { position, stage, error }: FailedRow, { input }: StepPlan): BadRow {
  const names = new Set(input.columns.map(({ name }) => name));
  const payload = Object.fromEntries(
    rows.columns
      .filter(({ name }) => names.has(name))
      .map(({ name, values, nulls, type }) => {
        const value: unknown = nulls?.[position] === 1 ? null : values[position];
        return [name, type === 'BOOL' ? (value === null ? null : value !== 0) : value];
      }),
  );
  const { code, message } = error;
  return { source: rows.source, row: rowNumber(rows, position), rows: 1, stage, code, message, payload };
}

function refusal({ source, row, code, message }: BadRow, rows: number): ServeryError {
  const where = row === undefined ? '' : rows === 1 ? `row ${row} of ` : `rows ${row} to ${row + rows - 1} of `;
  const hint = 'Set `onBadRow: quarantine` (--on-bad-row quarantine) to keep the good rows.';
  return new ServeryError('DATA_INVALID', `Cannot predict ${where}${quote(source)}: ${message} (${code})`, { hint });
}

/** What was read is what was written, by the counts of those who read and wrote. */
function checkCounts({ index }: PlannedChunk, count: ChunkRows, staged: number, stagedBad: number): void {
  if (count.in === count.out + count.bad && staged === count.out && stagedBad === count.bad + count.nulled) return;
  const { in: read, out, bad } = count;
  throw new ServeryError(
    'INTERNAL',
    `Chunk ${index} has lost rows: ${read} read, ${out} out (${staged} staged), ${bad} bad (${stagedBad} staged)`,
  );
}
