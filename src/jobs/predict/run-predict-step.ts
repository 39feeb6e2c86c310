/**
 * The batch use case: the rows of an input become rows of an output, predicted by one pinned version.
 *
 * Plan → for each chunk: read, predict, stage, commit → finalise. Whatever crashes when, the next attempt goes on
 * with the same plan: the same version, files and chunk borders, without the chunks that are committed.
 */
import type { DataInterval } from '../../core/data-interval.ts';
import { ERROR_CATALOG, ServeryError, type ErrorCode } from '../../core/errors.ts';
import { parseModelRef, type ModelVersion } from '../../core/model.ts';
import { join } from 'node:path';
import type { DuckDbLimits } from '../../dataset/duckdb.ts';
import { openInput } from '../../dataset/open-input.ts';
import { openOutput } from '../../dataset/open-output.ts';
import type { StagedBadRows, StagedChunk } from '../../dataset/output.ts';
import { emptyOutputColumns } from '../../protocol/rows.ts';
import { createModelAsker } from './ask-models.ts';
import { checkBudget } from './bad-row-budget.ts';
import type { BatchModels } from './batch-models.ts';
import type { ChunkLedger, ChunkRecord, ChunkRows } from './ledger.ts';
import type { PredictOptions } from './options.ts';
import { predictChunk, readChunk, type ChunkReader, type ChunkSettings, type PredictedChunk } from './predict-chunk.ts';
import { openTogether } from './open-together.ts';
import { createPredictPiece } from './predict-piece.ts';
import { openStagingFor } from './staging-place.ts';
import { chooseColumns, confirmOptions, makePlan, type StepPlan } from './step-plan.ts';

/** What a predict step needs to know of the run that it belongs to. A step's context has all of it. */
export interface PredictContext {
  readonly runId: string;
  /** `predict` by default. */
  readonly step?: string | undefined;
  /** Rows outside of it are not read; undefined for all. */
  readonly interval: DataInterval | undefined;
  readonly timezone: string;
  /** Absolute; relative paths of the options begin here. */
  readonly workspace: string;
  /** Looked at between batches and chunks. */
  readonly signal: AbortSignal;
  progress(progress: PredictProgress): void;
}

export interface PredictProgress {
  readonly rows: number;
  readonly badRows: number;
  /** Rows to look at; those of the interval may be fewer. */
  readonly totalRows: number;
}

export interface PredictOutcome {
  /** `skipped`: there were no rows, and `onEmpty` is `skip`. */
  readonly state: 'succeeded' | 'skipped';
  readonly rows: ChunkRows;
  readonly model: ModelVersion;
  /** Files (or tables) with the output. */
  readonly outputs: readonly string[];
  /** Files with the bad rows. */
  readonly badRows: readonly string[];
}

const DEFAULT_STEP = 'predict';

/**
 * @param models borrowed; several steps of a process may share it
 * @param limits of the data engine
 * @throws {ServeryError} `DATA_INVALID`, `DATA_NOT_FOUND`, `TOO_MANY_BAD_ROWS`, `OUTPUT_INVALID`, `MODEL_NOT_FOUND`,
 *   `MODEL_CHANGED`, `MODEL_INVALID`, `DEADLINE_EXCEEDED` (a batch hangs), `LEASE_LOST`, or the code of the signal's
 *   reason (`CANCELLED` when it has none)
 */
export async function runPredictStep(
  options: PredictOptions,
  context: PredictContext,
  ledger: ChunkLedger,
  models: BatchModels,
  limits?: DuckDbLimits,
): Promise<PredictOutcome> {
  throwIfAborted(context.signal);
  const place = { ...context, step: context.step ?? DEFAULT_STEP };
  const { staging } = await openStagingFor(options.output, place);
  const kept = (await ledger.readPlan()) as StepPlan | undefined;
  await using opened = await openTogether({
    input: () => openInput(options.input, { ...place, spoolFolder: join(staging, 'input') }, limits),
    model: async () => {
      const pinned = kept?.model ?? (await models.pin(parseModelRef(options.model)));
      const model = await models.load(pinned);
      return { pinned, model, [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() };
    },
  });
  const { input } = opened;
  const { model, pinned } = opened.model;
  const columns = await chooseColumns(input, model.signature, options);
  const plan = kept ?? (await makePlan(options, { input, model, pinned, columns, models }));
  if (kept === undefined) await ledger.savePlan(plan);
  else confirmOptions(kept, options);

  const done = await ledger.committedChunks();
  // The first query is under way while the output is opened.
  const first = plan.input.chunks.find(({ index }) => !done.some((record) => record.index === index));
  const reader = first && readChunk(first, { input, plan });
  await using _closing = { [Symbol.asyncDispose]: async () => void (await reader?.return()) };
  await using output = await openOutput(options.output, plan.columns, place, limits);
  await using asker = createModelAsker(models, plan.references, options.batchTimeout);
  const predict = createPredictPiece({
    model,
    bound: columns.bound,
    passthrough: plan.passthrough,
    labels: options.labels,
    nullBadRows: options.onBadRow === 'null',
    timeoutMs: options.batchTimeout,
    predictRows: asker.predictRows,
    outputColumns: emptyOutputColumns(model.signature, options.labels),
  });
  const settings = { options, plan, runId: context.runId, input, output, predict };
  const records = await predictChunks(done, reader, settings, context, ledger);
  return await finish(records, settings, context, ledger);
}

export type RunPredictStep = typeof runPredictStep;

type StepSettings = Omit<ChunkSettings, 'onRows' | 'onRead'>;

async function predictChunks(
  done: readonly ChunkRecord[],
  first: ChunkReader | undefined,
  settings: StepSettings,
  { signal, progress }: PredictContext,
  ledger: ChunkLedger,
): Promise<readonly ChunkRecord[]> {
  const { options, plan } = settings;
  const records = new Map(done.map((record) => [record.index, record]));
  const totalRows = plan.input.chunks.reduce((sum, { rows }) => sum + rows, 0);
  let before = sumRows(done);
  const onRows = (now: ChunkRows): void => {
    throwIfAborted(signal);
    const rows = sumRows([{ rows: before }, { rows: now }]);
    const badRows = rows.bad + rows.nulled;
    checkBudget(options, rows.in, badRows, false);
    progress({ rows: rows.in, badRows, totalRows });
  };
  const commit = async (chunk: PredictedChunk): Promise<void> => {
    await using predicted = chunk;
    const record = await predicted.finish();
    await ledger.commitChunk(record);
    records.set(record.index, record);
  };
  // A chunk is made durable while the next one is read and predicted.
  let committing: Promise<void> = Promise.resolve();
  const missing = plan.input.chunks.filter(({ index }) => !records.has(index));
  let reader = first;
  try {
    for (const [i, chunk] of missing.entries()) {
      const own = reader ?? readChunk(chunk, settings);
      reader = undefined;
      const next = missing[i + 1];
      const onRead = (): void => {
        // The reader of texts has one place for what it reads.
        if (next !== undefined && plan.input.kind === 'parquet') reader = readChunk(next, settings);
      };
      const predicted = await predictChunk(chunk, own, { ...settings, onRows, onRead });
      before = sumRows([{ rows: before }, predicted]);
      try {
        await committing;
      } catch (error) {
        await predicted[Symbol.asyncDispose]();
        throw error;
      }
      committing = commit(predicted);
      committing.catch(() => undefined); // looked at when the next chunk is there
      throwIfAborted(signal);
    }
  } finally {
    await (reader as ChunkReader | undefined)?.return();
    await committing;
  }
  return [...records.values()].sort((a, b) => a.index - b.index);
}

async function finish(
  records: readonly ChunkRecord[],
  { options, plan, output }: StepSettings,
  { signal }: PredictContext,
  ledger: ChunkLedger,
): Promise<PredictOutcome> {
  const rows = sumRows(records);
  const { name, version } = plan.model;
  const model = { name, version };
  const stagedBadRows = records.flatMap(({ stagedBadRows: staged }) =>
    staged === undefined ? [] : [staged as StagedBadRows],
  );
  try {
    checkBudget(options, rows.in, rows.bad + rows.nulled, true);
    if (rows.in === 0 && options.onEmpty === 'fail') {
      throw new ServeryError('DATA_NOT_FOUND', 'There are no rows to predict');
    }
  } catch (error) {
    await output.discard(stagedBadRows);
    throw error;
  }
  if (rows.in === 0 && options.onEmpty === 'skip') {
    await output.discard(stagedBadRows);
    return { state: 'skipped', rows, model, outputs: [], badRows: [] };
  }
  throwIfAborted(signal);
  const { checksum, files } = plan.input;
  const committed = await output.finalise({
    staged: records.flatMap(({ staged }) => (staged === undefined ? [] : [staged as StagedChunk])),
    badRows: stagedBadRows,
    facts: {
      model,
      rows,
      input: { checksum, files: files.map(({ source, bytes, checksum: sum }) => ({ source, bytes, checksum: sum })) },
    },
    confirmLease: () => ledger.confirmLease(),
  });
  return { state: 'succeeded', rows, model, outputs: committed.outputs, badRows: committed.badRows };
}

function sumRows(records: Iterable<Pick<ChunkRecord, 'rows'>>): ChunkRows {
  const sum = { in: 0, out: 0, bad: 0, nulled: 0 };
  for (const { rows } of records) {
    sum.in += rows.in;
    sum.out += rows.out;
    sum.bad += rows.bad;
    sum.nulled += rows.nulled;
  }
  return sum;
}

/** The reason of a job's signal has a code; that of any other is a cancellation. */
function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  const { code, message } = (signal.reason ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  const known = typeof code === 'string' && Object.hasOwn(ERROR_CATALOG, code) ? (code as ErrorCode) : 'CANCELLED';
  throw new ServeryError(known, typeof message === 'string' ? message : 'The prediction was cancelled', {
    cause: signal.reason,
  });
}
