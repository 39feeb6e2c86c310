/** Figures that need no foreign floor: Servery against itself with batching off, and below its own capacity. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load, type LoadPlan, type LoadReport } from '../load/plan.ts';
import { startServery, type RunningServer } from '../processes.ts';
import { jsonBody, modelOf } from './cases.ts';
import { lineOf, type Line } from '../report.ts';
import { makeWorkspace } from './workspace.ts';

/** The MLP at 32 connections, with batches and with one row a batch. */
export async function measureBatchingGain(seconds: number, repetitions: number): Promise<Line> {
  await using batched = await makeWorkspace(['mlp']);
  await using alone = await makeWorkspace(['mlp']);
  await writeFile(join(alone.folder, 'models', 'mlp', 'model.yaml'), 'batching: { maxRows: 1 }\n');
  const pairs: { floor: LoadReport; ours: LoadReport }[] = [];
  for (let i = 0; i < repetitions; i += 1) {
    const reports: LoadReport[] = [];
    for (const { folder } of [alone, batched]) {
      await using servery = await startServery(folder);
      reports.push(await load(planOf(servery, 32, seconds)));
    }
    pairs.push({ floor: reports[0]!, ours: reports[1]! });
  }
  const errors = pairs.reduce((sum, { ours }) => sum + ours.errors, 0);
  return lineOf('batching gain (mlp, JSON, 32): requests/s', pairs, (r) => r.requestsPerSecond, { errors, goal: '' });
}

/** Open loop at four times the capacity: what is accepted keeps its latency, the rest is refused quickly. */
export async function measureOverload(seconds: number): Promise<Line[]> {
  await using workspace = await makeWorkspace(['mlp']);
  await using servery = await startServery(workspace.folder);
  const capacity = (await load(planOf(servery, 128, seconds))).requestsPerSecond;
  const below = await load({ ...planOf(servery, 512, seconds), ratePerSecond: capacity * 0.8 });
  const above = await load({ ...planOf(servery, 4096, seconds), ratePerSecond: capacity * 4 });
  const pairs = [{ floor: below, ours: above }];
  const common = { errors: above.errors, goal: '' };
  return [
    lineOf('overload x4, accepted: p99 ms against 0.8 of capacity', pairs, (r) => r.latencyMs.p99, common),
    lineOf('overload x4, accepted: requests/s against 0.8 of capacity', pairs, (r) => r.requestsPerSecond, common),
    lineOf(
      'overload x4, refused: p50 ms against answers below',
      [{ floor: below.latencyMs.p50, ours: above.refusalMs.p50 }],
      (ms) => ms,
      common,
    ),
  ];
}

function planOf({ host, port }: RunningServer, connections: number, seconds: number): LoadPlan {
  const { headers, bytes } = jsonBody(modelOf('mlp'), 1);
  return {
    target: { host, port },
    path: '/v2/models/mlp/infer',
    headers,
    bodyBase64: Buffer.from(bytes).toString('base64'),
    connections,
    warmUpSeconds: Math.min(2, seconds / 2),
    seconds,
  };
}
