/** A job a minute for a year, with retention: state.db stays small, and quick. */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { openSqliteEngine } from '../../src/engine/sqlite/open.ts';
import { definition, HOUR_MS, LIMITS } from '../support/engine-definitions.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MINUTE_MS = 60_000;
/** More runs of a job than the defaults keep: thirty days of minutes. */
const retention = { runsMs: 30 * 24 * HOUR_MS, keepRuns: 20, maxRuns: 50_000, eventsMs: 7 * 24 * HOUR_MS };
const DAYS = Number(process.env['SERVERY_RETENTION_DAYS'] ?? 365);

test(`a job a minute for ${DAYS} days stays under 1 GB`, async (t) => {
  await using folder = await temporaryFolder();
  const file = path.join(folder.path, 'state.db');
  const wall = new ManualClock();
  const steady = new ManualClock();
  await using engine = await openSqliteEngine({ file, wall, steady });
  const job = definition('minutely');
  const worker = { id: 'worker', capacity: 60, leaseMs: HOUR_MS };
  await engine.configure([job], LIMITS);
  const ticker = (await engine.acquireTicker('test', 1e12))!;
  const plan = { files: [{ path: 'data/orders/part-0.parquet', bytes: 1_000_000, etag: 'x'.repeat(40) }], chunks: [1] };
  let largest = 0;
  let cursor: number | undefined;

  for (let hour = 0; hour < DAYS * 24; hour += 1) {
    const runs = Array.from({ length: 60 }, (_, minute) => {
      const endMs = wall.now() + (minute + 1) * MINUTE_MS;
      const interval = { startMs: endMs - MINUTE_MS, endMs };
      return { job: job.job, interval, scheduledForMs: endMs, cause: 'schedule', definitionHash: job.hash } as const;
    });
    wall.advance(HOUR_MS);
    steady.advance(HOUR_MS);
    const move = { of: 'instant', from: cursor, to: wall.now() } as const;
    await engine.schedule(ticker, [{ job: job.job, cursor: move, runs, suppressed: [] }]);
    cursor = move.to;
    const claimed = await engine.claim(worker, 60);
    await Promise.all(
      claimed.flatMap(({ lease }) => [
        engine.recordStep(lease, { step: 'predict', state: 'running', startedMs: wall.now() }),
        engine.setPinned(lease, { model: { name: 'churn', version: 3 }, code: '0'.repeat(40) }),
        engine.savePlan(lease, 'predict', plan),
        engine.commitChunk(lease, 'predict', 0, { rows: { in: 500, out: 500, bad: 0 }, file: 'x'.repeat(200) }),
        engine.recordStep(lease, {
          step: 'predict',
          state: 'succeeded',
          result: { rows: { in: 500, out: 500, bad: 0 } },
        }),
        engine.finishAttempt(lease, { state: 'succeeded', result: { outputs: ['x'.repeat(100)] } }),
      ]),
    );
    while ((await engine.prune(retention)).hasMore);
    largest = Math.max(largest, await sizeOf(file));
  }

  const beganMs = performance.now();
  const { items } = await engine.listRuns({ job: job.job, limit: 100 });
  const listMs = performance.now() - beganMs;
  t.diagnostic(
    `state.db had ${(largest / 1e6).toFixed(0)} MB at the most; a list of runs takes ${listMs.toFixed(1)} ms`,
  );
  assert.equal(items.length, 100);
  assert.ok(largest < 1e9);
});

async function sizeOf(file: string): Promise<number> {
  const sizes = [file, `${file}-wal`].map(async (name) => (await stat(name)).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
