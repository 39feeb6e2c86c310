/** A run's memory in the engine: every write names the lease, so that a worker that lost the run can change nothing. */
import type { Json } from '../core/json.ts';
import type { Engine } from '../engine/engine.ts';
import type { Lease } from '../engine/run.ts';
import type { Journal } from './journal.ts';
import type { ChunkRecord } from './predict/ledger.ts';

export function createEngineJournal(engine: Engine, lease: Lease): Journal {
  const { runId } = lease;
  return {
    async doneSteps() {
      const steps = await engine.steps(runId);
      return steps.filter(({ state, attempt }) => state === 'succeeded' && attempt < lease.epoch);
    },
    recordStep: (record) => engine.recordStep(lease, record),
    pin: (facts) => engine.setPinned(lease, facts),
    ledger: (step) => ({
      readPlan: () => engine.readPlan(runId, step),
      savePlan: (plan) => engine.savePlan(lease, step, plan as Json),
      async committedChunks() {
        const chunks = await engine.committedChunks(runId, step);
        return chunks.map(({ record }) => record as unknown as ChunkRecord);
      },
      commitChunk: (record) => engine.commitChunk(lease, step, record.index, record as unknown as Json),
      confirmLease: () => engine.confirmLease(lease),
    }),
  };
}
