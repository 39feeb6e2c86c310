/** Figures whose floor is Servery itself: with fewer connections, with batching off, below its own capacity. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keepApart, LOAD_CORE } from '../load/placement.ts';
import { load, type LoadPlan, type LoadReport } from '../load/plan.ts';
import { startServery, type RunningServer } from '../processes.ts';
import type { Effort } from './against-floor.ts';
import { jsonBody, modelOf } from './cases.ts';
import { lineOf, takeTurns, type Line } from '../table.ts';
import { makeWorkspace } from './workspace.ts';

/**
 * An overload begins as a burst, which may fill the whole queue and is answered late rather than refused
 * (src/batching/queue-limit.ts). What is measured is the overload that lasts: after the burst has been answered.
 */
const BURST_SECONDS = 5;

const errors = (report: LoadReport): number => report.errors;
const rate = (report: LoadReport): number => report.requestsPerSecond;

export async function measureConnections({ seconds, repetitions }: Effort): Promise<readonly Line[]> {
  await using workspace = await makeWorkspace(['iris']);
  await using servery = await startServery(workspace.folder);
  const measured = await takeTurns(
    repetitions,
    () => load(planOf('iris', servery, 32, seconds)),
    () => load(planOf('iris', servery, 256, seconds)),
  );
  return [
    lineOf('iris, JSON, 256 connections against 32: requests/s', measured, rate, {
      against: '32 connections',
      errors,
      goal: { atLeast: 1 },
    }),
  ];
}

/** The MLP with batches, and with one row a batch. */
export async function measureBatchingGain({ seconds, repetitions }: Effort): Promise<readonly Line[]> {
  await using batched = await makeWorkspace(['mlp']);
  await using alone = await makeWorkspace(['mlp']);
  await writeFile(join(alone.folder, 'models', 'mlp', 'model.yaml'), 'batching: { maxRows: 1 }\n');
  const measure = (folder: string, connections: number) => async () => {
    await using servery = await startServery(folder);
    return await load(planOf('mlp', servery, connections, seconds));
  };
  const busy = await takeTurns(repetitions, measure(alone.folder, 32), measure(batched.folder, 32));
  const idle = await takeTurns(repetitions, measure(alone.folder, 1), measure(batched.folder, 1));
  const p50 = (report: LoadReport) => report.latencyMs.p50;
  return [
    lineOf('mlp, batching gain, JSON, 32 connections: requests/s', busy, rate, {
      against: 'one row a batch',
      errors,
      goal: { atLeast: 3 },
    }),
    lineOf('mlp, batching gain, JSON, 1 connection: p50 ms', idle, p50, {
      against: 'one row a batch',
      errors,
      goal: { atMost: 1.05 },
    }),
  ];
}

/**
 * Open loop at four times the capacity: what is accepted keeps its latency, the rest is refused quickly. With one row a
 * batch, four times its capacity is still less than sockets and load generator can carry.
 */
export async function measureOverload({ seconds, repetitions }: Effort): Promise<readonly Line[]> {
  await using workspace = await makeWorkspace(['mlp']);
  await writeFile(join(workspace.folder, 'models', 'mlp', 'model.yaml'), 'batching: { maxRows: 1 }\n');
  await using servery = await startServery(workspace.folder);
  using _ = keepApart(servery.pid);
  const asManyAsItTakes = () => load(planOf('mlp', servery, 128, seconds), LOAD_CORE);
  await asManyAsItTakes(); // Its code is compiled meanwhile.
  const capacity = rate(await asManyAsItTakes());
  const at = (share: number) => () => {
    const plan = planOf('mlp', servery, share > 1 ? 4096 : 512, seconds);
    return load({ ...plan, warmUpSeconds: BURST_SECONDS, ratePerSecond: capacity * share }, LOAD_CORE);
  };
  const measured = await takeTurns(repetitions, at(0.8), at(4));
  const below = { against: '0.8 of capacity', errors };
  const accepted = 'mlp, one row a batch, overload, 4 times capacity against 0.8, accepted';
  // Below capacity nothing is refused: the floor of a refusal is an answer.
  const refusalMs = (report: LoadReport) => (report.refusedPerSecond > 0 ? report.refusalMs.p50 : report.latencyMs.p50);
  return [
    lineOf(`${accepted}: requests/s`, measured, rate, below),
    lineOf(`${accepted}: p50 ms`, measured, (report) => report.latencyMs.p50, below),
    lineOf(`${accepted}: p99 ms`, measured, (report) => report.latencyMs.p99, { ...below, goal: { atMost: 2 } }),
    lineOf('mlp, overload, a refusal against an answer at 0.8: p50 ms', measured, refusalMs, below),
  ];
}

export function planOf(model: string, { host, port }: RunningServer, connections: number, seconds: number): LoadPlan {
  const { headers, bytes } = jsonBody(modelOf(model), 1);
  return {
    target: { host, port },
    path: `/v2/models/${model}/infer`,
    headers,
    bodyBase64: Buffer.from(bytes).toString('base64'),
    connections,
    warmUpSeconds: Math.min(2, seconds / 2),
    seconds,
  };
}
