/** A run's memory in the engine: every write names the lease, so that a worker that lost the run can change nothing. */
import type { Json } from '../core/json.ts';
import type { Engine } from '../engine/engine.ts';
import type { Lease } from '../engine/run.ts';
import type { Journal } from './journal.ts';
import type { ChunkRecord } from './predict/ledger.ts';

/** A run over thousands of files shows the first of them; its plan has them all. */
const MAX_FILES = 100;

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
      async savePlan(plan) {
        await engine.savePlan(lease, step, plan as Json);
        await engine.setPinned(lease, { [step]: factsOf(plan) });
      },
      async committedChunks() {
        const chunks = await engine.committedChunks(runId, step);
        return chunks.map(({ record }) => record as unknown as ChunkRecord);
      },
      commitChunk: (record) => engine.commitChunk(lease, step, record.index, record as unknown as Json),
      confirmLease: () => engine.confirmLease(lease),
    }),
  };
}

/** What people want to see of a plan: which version, which files. The rest is for the step that made it. */
function factsOf(plan: unknown): Json {
  const { model, input, version } = plan as {
    readonly model?: { readonly name: string; readonly version: number };
    readonly input?: { readonly files: readonly { readonly source: string; readonly checksum: string }[] };
    readonly version?: number;
  };
  return {
    ...(model && { model: `${model.name}/${model.version}` }),
    ...(input && {
      files: input.files.slice(0, MAX_FILES).map(({ source, checksum }) => ({ source, checksum })),
      fileCount: input.files.length,
    }),
    ...(version !== undefined && { version }),
  };
}
