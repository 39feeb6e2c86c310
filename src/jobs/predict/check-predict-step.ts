/**
 * A dry run of a predict step: does the model exist, are the columns there, do their types fit, do the first rows go
 * through? Nothing is planned, pinned or written.
 */
import type { ServeryError } from '../../core/errors.ts';
import { parseModelRef, type ModelVersion } from '../../core/model.ts';
import type { DuckDbLimits } from '../../dataset/duckdb.ts';
import type { InputContext, InputRows } from '../../dataset/input.ts';
import { openInput } from '../../dataset/open-input.ts';
import { emptyOutputColumns } from '../../protocol/rows.ts';
import { createModelAsker } from './ask-models.ts';
import type { BatchModels } from './batch-models.ts';
import type { PredictOptions } from './options.ts';
import { createPredictPiece } from './predict-piece.ts';
import { chooseColumns } from './step-plan.ts';

const ROWS = 100;

export interface PredictCheck {
  readonly model: ModelVersion;
  /** Rows that were read, of the first file. */
  readonly rows: number;
  /** What is wrong with some of them, a line each kind. */
  readonly problems: readonly string[];
}

/** @throws {ServeryError} what the step would fail with before its first row */
export async function checkPredictStep(
  options: PredictOptions,
  context: Omit<InputContext, 'interval'>,
  models: BatchModels,
  limits?: DuckDbLimits,
): Promise<PredictCheck> {
  await using input = await openInput(options.input, { ...context, interval: undefined }, limits);
  const pinned = await models.pin(parseModelRef(options.model));
  await using model = await models.load(pinned);
  const columns = await chooseColumns(input, model.signature, options);
  await using asker = createModelAsker(models, await models.references(), options.batchTimeout);
  const predict = createPredictPiece({
    model,
    bound: columns.bound,
    passthrough: columns.passthrough,
    labels: options.labels,
    nullBadRows: options.onBadRow === 'null',
    timeoutMs: options.batchTimeout,
    predictRows: asker.predictRows,
    outputColumns: emptyOutputColumns(model.signature, options.labels),
  });
  let rows = 0;
  const problems = new Map<string, number>();
  const count = (text: string, times: number): void => void problems.set(text, (problems.get(text) ?? 0) + times);
  for (const piece of await input.sample(columns.wanted, ROWS)) {
    if (piece.kind === 'bad') {
      rows += piece.bad.rows;
      count(`${piece.bad.code}: ${piece.bad.message}`, piece.bad.rows);
      continue;
    }
    rows += piece.rows;
    const { badRows } = await predict(piece, (position) => `row ${rowNumber(piece, position)}`);
    for (const { error } of badRows) count(describe(error), 1);
  }
  const lines = Array.from(problems, ([text, times]) => `${times} of the first ${rows} rows: ${text}`);
  return { model: { name: pinned.name, version: pinned.version }, rows, problems: lines };
}

/** Without the number of the row, so that those with the same trouble are one line. */
function describe({ code, message }: ServeryError): string {
  return `${code}: ${message.replace(/\brow \d+\b/, 'a row')}`;
}

function rowNumber({ rowNumbers, firstRow }: InputRows, position: number): number {
  return rowNumbers?.[position] ?? firstRow + position;
}
