/** What a step remembers when nothing of it has to outlive the process. */
import type { ChunkLedger, ChunkRecord } from './predict/ledger.ts';

export function createMemoryLedger(): ChunkLedger {
  const chunks: ChunkRecord[] = [];
  let plan: unknown;
  return {
    readPlan: () => Promise.resolve(plan),
    savePlan(next) {
      plan = next;
      return Promise.resolve();
    },
    committedChunks: () => Promise.resolve(chunks),
    commitChunk(record) {
      chunks.push(record);
      return Promise.resolve();
    },
    confirmLease: () => Promise.resolve(),
  };
}
