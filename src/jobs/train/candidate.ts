/**
 * Looks at a trained artifact as a server will: loads it, warms it up, and lets it answer the held-out rows.
 *
 * The artifact stands in a models folder of its own meanwhile, so that nobody can mistake it for a version.
 */
import type { Signature } from '../../core/signature.ts';
import type { ModelVersion } from '../../core/model.ts';
import { createBatchModels, type BatchModels } from '../predict/batch-models.ts';
import type { ModelSource } from '../predict/pin-model.ts';
import type { RunPredictStep } from '../predict/run-predict-step.ts';
import { compareHeldOut } from './held-out.ts';
import type { HeldOutFigures } from './gate.ts';
import type { GateOptions } from './options.ts';

/** What crosses to the thread that loads models. */
export interface CandidateOrder {
  readonly model: string;
  /** Holds `NAME/1/`, the artifact. */
  readonly candidateFolder: string;
  /** Undefined for the first version of a model. */
  readonly before: ModelVersion | undefined;
  readonly heldOut: GateOptions['heldOut'];
  readonly workspace: string;
  readonly timezone: string;
  /** For what is only needed while this runs. */
  readonly scratchFolder: string;
}

export interface CandidateReport {
  readonly signature: Signature;
  /** Undefined too when the version before cannot be loaded any more; `notes` then say why. */
  readonly before: { readonly signature: Signature } | undefined;
  readonly heldOut: HeldOutFigures | undefined;
  readonly notes: readonly string[];
}

/**
 * @param source of the versions that are live
 * @throws {ServeryError} `MODEL_INVALID` and whatever else the artifact cannot be loaded with; `DATA_INVALID`
 */
export async function inspectCandidate(
  order: CandidateOrder,
  source: ModelSource,
  models: BatchModels,
  runPredictStep: RunPredictStep,
): Promise<CandidateReport> {
  const { model, candidateFolder, before, heldOut } = order;
  await using candidates = createBatchModels({ ...source, modelsFolder: candidateFolder });
  const pinned = await candidates.pin({ name: model, version: 1 });
  await using candidate = await candidates.load(pinned);
  const notes: string[] = [];
  const pinnedBefore =
    before &&
    (await models.pin(before).catch((error: Error) => {
      notes.push(`the version before cannot be used: ${error.message}`);
      return undefined;
    }));
  await using loadedBefore = pinnedBefore && (await models.load(pinnedBefore));
  const sides = { candidates, models, hasBefore: loadedBefore !== undefined, runPredictStep };
  return {
    signature: candidate.signature,
    before: loadedBefore && { signature: loadedBefore.signature },
    heldOut: heldOut && (await compareHeldOut(order, heldOut, sides)),
    notes,
  };
}
