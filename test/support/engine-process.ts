/**
 * A process that schedules, works and tidies up on a store, from wherever an earlier one was ended, until nothing is
 * left to do; then it prints what is in the store. For crash tests.
 *
 *   node engine-process.ts FILE [LEASE_MS]
 */
import { openSqliteEngine } from '../../src/engine/sqlite/open.ts';
import type { ClaimedRun } from '../../src/engine/run.ts';
import { definition, hour, LIMITS, newRun } from './engine-definitions.ts';

/** What every store must hold in the end, whatever happened on the way. */
export interface FinalState {
  readonly cursorMs: number | undefined;
  readonly backfill: string;
  readonly runs: readonly { readonly id: string; readonly state: string; readonly chunks: readonly number[] }[];
  readonly suppressed: number;
}

const CHUNKS = 3;

if (process.argv[1] === import.meta.filename) {
  const [file = '', leaseMs = '15000'] = process.argv.slice(2);
  const state = await workToTheEnd(file, Number(leaseMs));
  console.log(JSON.stringify(state));
}

async function workToTheEnd(file: string, leaseMs: number): Promise<FinalState> {
  await using engine = await openSqliteEngine({ file });
  const hourly = definition('hourly');
  const worker = { id: `worker-${process.pid}-${Date.now()}`, capacity: 4, leaseMs };
  await engine.configure([hourly], LIMITS);

  // Scheduling: two instants, each in a transaction that moves the cursor.
  const lease = await engine.acquireTicker(worker.id, 15_000);
  const { cursorMs } = (await engine.scheduleStates(['hourly'])).get('hourly')!;
  for (const instant of [1, 2].filter((at) => lease !== undefined && at > (cursorMs ?? 0))) {
    const from = instant === 1 ? undefined : instant - 1;
    const suppressed = [{ scheduledForMs: instant, interval: hour(instant), reason: 'overlap' }];
    const cursor = { of: 'instant', from, to: instant } as const;
    await engine.schedule(lease!, [{ job: 'hourly', cursor, runs: [newRun(hourly, instant)], suppressed }]);
  }
  await engine.addRun({ ...newRun(hourly, 5), cause: 'manual/request' });
  const intervals = [hour(6), hour(7), hour(8)];
  const order = { order: 'oldest', parallel: 1, reprocess: 'all', priority: 0 } as const;
  await engine.createBackfill({ id: 'b', job: 'hourly', definitionHash: hourly.hash, intervals, ...order });

  const isOver = async () =>
    (await engine.listRuns({ limit: 1, states: ['queued', 'running', 'retrying'] })).items.length === 0;
  while (!(await isOver())) {
    await engine.reconcile();
    for (const claimed of await engine.claim(worker, 2)) await execute(claimed);
  }
  await engine.prune({ runsMs: 1e12, keepRuns: 100, maxRuns: 100, eventsMs: 0 });

  async function execute({ lease: own, run }: ClaimedRun): Promise<void> {
    await engine.recordStep(own, { step: 'score', state: 'running' });
    if ((await engine.readPlan(run.id, 'score')) === undefined) await engine.savePlan(own, 'score', { chunks: CHUNKS });
    const done = new Set((await engine.committedChunks(run.id, 'score')).map(({ index }) => index));
    for (let index = 0; index < CHUNKS; index += 1) {
      if (!done.has(index)) await engine.commitChunk(own, 'score', index, { rows: index });
    }
    await engine.recordStep(own, { step: 'score', state: 'succeeded' });
    await engine.finishAttempt(own, { state: 'succeeded', result: { rows: 3 } });
  }

  const { items } = await engine.listRuns({ limit: 100 });
  const runs = await Promise.all(
    items.map(async ({ id, state }) => ({
      id,
      state,
      chunks: (await engine.committedChunks(id, 'score')).map(({ index }) => index),
    })),
  );
  return {
    cursorMs: (await engine.getJob('hourly')).cursorMs,
    backfill: (await engine.getBackfill('b')).state,
    runs: runs.sort((a, b) => (a.id < b.id ? -1 : 1)),
    suppressed: (await engine.listSuppressed({ job: 'hourly', limit: 100 })).items.length,
  };
}
