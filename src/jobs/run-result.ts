/** What a run gave, over all of its steps: stored by the engine as the run's result, read by whoever shows runs. */
import type { Json } from '../core/json.ts';
import type { ModelVersion } from '../core/model.ts';
import type { ChunkRows } from './predict/ledger.ts';
import type { StepOutcome } from './step.ts';

export interface RunResult {
  /** Sums over the steps that have rows. */
  readonly rows?: ChunkRows;
  /** Of the last step that has one. */
  readonly model?: ModelVersion;
  readonly outputs: readonly string[];
  readonly badRows: readonly string[];
  /** What each step has left, by step. */
  readonly results: Readonly<Record<string, Json>>;
}

export function sumOutcomes(outcomes: Iterable<readonly [step: string, outcome: StepOutcome]>): RunResult {
  let rows: ChunkRows | undefined;
  let model: ModelVersion | undefined;
  const outputs: string[] = [];
  const badRows: string[] = [];
  const results: Record<string, Json> = {};
  for (const [step, outcome] of outcomes) {
    if (outcome.rows !== undefined) rows = add(rows, outcome.rows);
    model = outcome.model ?? model;
    outputs.push(...(outcome.outputs ?? []));
    badRows.push(...(outcome.badRows ?? []));
    if (outcome.result !== undefined) results[step] = outcome.result;
  }
  return { ...(rows && { rows }), ...(model && { model }), outputs, badRows, results };
}

function add(a: ChunkRows = { in: 0, out: 0, bad: 0, nulled: 0 }, b: ChunkRows): ChunkRows {
  return { in: a.in + b.in, out: a.out + b.out, bad: a.bad + b.bad, nulled: a.nulled + b.nulled };
}
