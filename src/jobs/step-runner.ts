/** Who does the work of each kind of step. The same for a worker and for a run without a scheduler. */
import { runCommandStep } from './command/run-command.ts';
import type { StepRunner } from './execute-run.ts';
import type { ChunkLedger } from './predict/ledger.ts';
import type { PredictOptions } from './predict/options.ts';
import type { PredictContext, PredictOutcome } from './predict/run-predict-step.ts';
import type { StepContext, StepOutcome } from './step.ts';
import { runTrainStep, type TrainDeps } from './train/run-train.ts';

export interface RunnerDeps extends TrainDeps {
  /** Predicts where models are loaded: in a thread of its own, or here. */
  predict(options: PredictOptions, context: PredictContext, ledger: ChunkLedger): Promise<PredictOutcome>;
  /** Sends a stored request to the server of the workspace. */
  request(context: StepContext, ledger: ChunkLedger): Promise<StepOutcome>;
}

export function createStepRunner(deps: RunnerDeps): StepRunner {
  return {
    run({ work }, context, ledger) {
      switch (work.kind) {
        case 'command':
          return runCommandStep(work.program, context, deps);
        case 'train':
          return runTrainStep(work.program, work.options, context, ledger, deps);
        case 'predict':
          return predictStep(work.options, context, ledger, deps);
        case 'request':
          return deps.request(context, ledger);
      }
    },
  };
}

async function predictStep(
  options: PredictOptions,
  context: StepContext,
  ledger: ChunkLedger,
  { predict }: RunnerDeps,
): Promise<StepOutcome> {
  const { runId, step, interval, timezone, workspace, signal, progress } = context;
  const outcome = await predict(options, { runId, step, interval, timezone, workspace, signal, progress }, ledger);
  const { state, rows, model, outputs, badRows } = outcome;
  // What a step that needs this one may want to know.
  const result = { rows: { ...rows }, model: `${model.name}/${model.version}`, outputs: [...outputs] };
  return { state, result, rows, outputs, badRows, model };
}
