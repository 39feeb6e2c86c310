/** A step's outcome as the engine stores it, and back: a later attempt and whoever shows a run read it again. */
import type { Json } from '../core/json.ts';
import type { StepRecord } from '../engine/run.ts';
import type { StepOutcome } from './step.ts';

/** The `details` of a step record. */
export type StepDetails = Omit<StepOutcome, 'state' | 'result'>;

export function toDetails({ state: _, result: __, ...details }: StepOutcome): Json {
  return JSON.parse(JSON.stringify(details)) as Json;
}

export function fromRecord({ state, result, details }: StepRecord): StepOutcome {
  return {
    ...((details ?? {}) as StepDetails),
    state: state === 'skipped' ? 'skipped' : 'succeeded',
    ...(result !== undefined && { result }),
  };
}
