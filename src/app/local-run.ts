/** Runs a job of a workspace once, in this process: for `job run --local` and for checks. Nothing else needs to run. */
import { createBatchModels } from '../jobs/predict/batch-models.ts';
import { runPredictStep } from '../jobs/predict/run-predict-step.ts';
import { createStepRunner } from '../jobs/step-runner.ts';
import { inspectCandidate } from '../jobs/train/candidate.ts';
import { runLocally, type LocalRun, type LocalRunOrder } from '../jobs/local-run.ts';
import { requestRunner } from './request-runner.ts';
import type { Workspace } from './workspace.ts';

/**
 * @param onStuck called when a run of a model does not end, which keeps the process from exiting by itself
 * @throws {ServeryError} `INVALID_REQUEST` for parameters that do not fit
 */
export async function runJobLocally(
  { folder, stateFolder, modelsFolder, config }: Workspace,
  order: Omit<LocalRunOrder, 'workspace'>,
  onStuck: () => void,
): Promise<LocalRun> {
  const source = { modelsFolder, stateFolder, models: config.models ?? {} };
  const limits = { memory: config.batch.memory, threads: config.batch.threads };
  await using models = createBatchModels(source);
  const runner = createStepRunner({
    stateFolder,
    modelsFolder,
    env: process.env,
    secret: (name) => process.env[name],
    maxLogBytes: config.batch.maxLogBytes,
    maxResultBytes: config.batch.maxResultBytes,
    predict: (options, context, ledger) => runPredictStep(options, context, ledger, models, limits),
    inspect: (candidate) => inspectCandidate(candidate, source, models, runPredictStep),
    request: requestRunner(folder, stateFolder, config.batch.requests),
  });
  try {
    return await runLocally({ ...order, workspace: folder }, runner);
  } finally {
    if (models.hasStuck) onStuck();
  }
}
