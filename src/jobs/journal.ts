/**
 * What a run remembers while it is executed. Two things keep it: the engine, and a run without a scheduler.
 *
 * Every write may reject with `LEASE_LOST`: then the run is somebody else's, and nothing more may be done for it.
 */
import type { Json } from '../core/json.ts';
import type { StepRecord } from '../engine/run.ts';
import type { ChunkLedger } from './predict/ledger.ts';

export interface Journal {
  /** Steps that an earlier attempt of this run has done; they are not done again. */
  doneSteps(): Promise<readonly StepRecord[]>;
  recordStep(record: StepRecord): Promise<void>;
  /** Adds facts to what the run keeps to. */
  pin(facts: Readonly<Record<string, Json>>): Promise<void>;
  /** What one step remembers over attempts. */
  ledger(step: string): ChunkLedger;
}
