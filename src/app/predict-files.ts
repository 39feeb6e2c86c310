/** Predicts files without a server: a predict step in this process, with its ledger in a file beside the output. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseModelRef } from '../core/model.ts';
import type { TensorSpec } from '../core/signature.ts';
import { createBatchModels, type BatchModels } from '../jobs/predict/batch-models.ts';
import { createFileLedger } from '../jobs/predict/file-ledger.ts';
import type { PredictOptions } from '../jobs/predict/options.ts';
import { runPredictStep, type PredictContext, type PredictOutcome } from '../jobs/predict/run-predict-step.ts';
import { openStagingFor } from '../jobs/predict/staging-place.ts';
import type { Workspace } from './workspace.ts';

export interface PredictFilesSettings extends Pick<PredictContext, 'signal' | 'progress'> {
  readonly models: BatchModels;
  /** Goes on with what the last call has left, if it has left anything. */
  readonly resume: boolean;
  /** Called when a run of the model does not end, which keeps the process from exiting by itself. */
  readonly onStuck: () => void;
}

const STEP = 'predict';
/** Names the run that was begun last, for the next one to go on with. */
const LAST_RUN = 'last-run';

export function openModels({ modelsFolder, stateFolder, config }: Workspace): BatchModels {
  return createBatchModels({ modelsFolder, stateFolder, models: config.models ?? {} });
}

/**
 * The input of a model that has one, whose values have no names.
 *
 * @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_INVALID`
 */
export async function onlyInput(models: BatchModels, model: string): Promise<TensorSpec | undefined> {
  await using loaded = await models.load(await models.pin(parseModelRef(model)));
  const [only, another] = loaded.signature.inputs;
  return another === undefined && only?.features === undefined ? only : undefined;
}

/** @throws {ServeryError} as `runPredictStep` */
export async function predictFiles(
  { folder }: Workspace,
  options: PredictOptions,
  { models, resume, signal, progress, onStuck }: PredictFilesSettings,
): Promise<{ readonly runId: string; readonly outcome: PredictOutcome }> {
  const fresh = `predict-${randomUUID()}`;
  const place = { workspace: folder, runId: fresh, step: STEP };
  const { root } = await openStagingFor(options.output, place);
  const lastRun = join(root, LAST_RUN);
  const before = resume ? await readFile(lastRun, 'utf8').catch(() => undefined) : undefined;
  const runId = before ?? fresh;
  const { staging } = await openStagingFor(options.output, { ...place, runId });
  await mkdir(root, { recursive: true });
  await writeFile(lastRun, runId);

  const context = { runId, step: STEP, interval: undefined, timezone: 'UTC', workspace: folder, signal, progress };
  // It goes with the staging folder when the run is over.
  const ledger = createFileLedger(join(staging, 'ledger.ndjson'));
  try {
    return { runId, outcome: await runPredictStep(options, context, ledger, models) };
  } finally {
    if (models.hasStuck) onStuck();
  }
}
