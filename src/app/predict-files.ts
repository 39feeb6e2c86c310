/**
 * Predicts files without a server: a predict step in this process, with its ledger in a file beside the output.
 */
import { createBatchModels } from '../jobs/predict/batch-models.ts';
import { createFileLedger } from '../jobs/predict/file-ledger.ts';
import type { PredictOptions } from '../jobs/predict/options.ts';
import { runPredictStep, type PredictContext, type PredictOutcome } from '../jobs/predict/run-predict-step.ts';
import type { Workspace } from './workspace.ts';

export interface PredictFilesSettings extends Pick<PredictContext, 'signal' | 'progress'> {
  /** Goes on with what an earlier call has left; else that is forgotten. */
  readonly resume: boolean;
}
