/**
 * Online goes first: the latency of requests at half of what the server can answer, without and with a batch run
 * beside it that would take every core it gets.
 */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type ServeryClient } from '../../src/client/index.ts';
import { load, type LoadReport } from '../load/plan.ts';
import { jsonBody, modelOf } from '../online/cases.ts';
import { makeWorkspace } from '../online/workspace.ts';
import { startServery, type RunningServer } from '../processes.ts';
import { lineOf, type Line, type Repetition } from '../table.ts';
import { CASES, rowsFor } from './data.ts';

const CONNECTIONS = 32;
const SECONDS = 6;
/** So many times the file, so that a run outlasts the measurement. */
const COPIES = 20;

export async function benchTogether(repetitions: number): Promise<readonly Line[]> {
  await using workspace = await makeWorkspace(['iris', 'breast-cancer']);
  const { folder } = workspace;
  const rows = await rowsFor(CASES.find(({ name }) => name === 'breast-cancer')!);
  await mkdir(join(folder, 'data'));
  for (let i = 0; i < COPIES; i += 1) await cp(rows, join(folder, 'data', `${i}.parquet`));
  const predict = { model: 'breast-cancer', input: { path: 'data/*.parquet' }, output: { path: 'scores.parquet' } };
  await writeFile(join(folder, 'servery.config.json'), JSON.stringify({ jobs: { score: { predict } } }));

  await using servery = await startServery(folder, [], 'up');
  const client = createClient({ url: `http://${servery.host}:${servery.port}` });
  const { requestsPerSecond } = await run(servery);
  const half = requestsPerSecond / 2;
  const pairs: Repetition<LoadReport>[] = [];
  for (let i = 0; i < repetitions; i += 1) {
    const theirs = await run(servery, half);
    const id = await startScoring(client);
    const ours = await run(servery, half);
    await stopScoring(client, id);
    pairs.push({ theirs, ours: [ours] });
  }
  const errors = (report: LoadReport) => report.errors + report.refusedPerSecond;
  const held = { against: 'no run', errors };
  const name = `iris at ${Math.round(half).toLocaleString('en')} requests/s, with and without a run`;
  return [
    lineOf(`${name}: p50 ms`, pairs, ({ latencyMs }) => latencyMs.p50, held),
    lineOf(`${name}: p99 ms`, pairs, ({ latencyMs }) => latencyMs.p99, { ...held, goal: { atMost: 1.2 } }),
  ];
}

function run({ host, port }: RunningServer, ratePerSecond?: number): Promise<LoadReport> {
  const { headers, bytes } = jsonBody(modelOf('iris'), 1);
  return load({
    target: { host, port },
    path: '/v2/models/iris/infer',
    headers,
    bodyBase64: Buffer.from(bytes).toString('base64'),
    connections: CONNECTIONS,
    warmUpSeconds: 2,
    seconds: SECONDS,
    ...(ratePerSecond !== undefined && { ratePerSecond }),
  });
}

/** Resolves when rows are being predicted. */
async function startScoring(client: ServeryClient): Promise<string> {
  const { run: started } = await client.startRun('score');
  for (;;) {
    const { state, progress } = await client.run(started.id);
    if (state === 'running' && progress !== null) return started.id;
    if (state !== 'queued' && state !== 'running') throw new Error(`the run is ${state}`);
    await sleep(50);
  }
}

/** A run that had ended before the measurement did would have measured nothing. */
async function stopScoring(client: ServeryClient, id: string): Promise<void> {
  await client.cancelRun(id);
  const { state } = await client.waitForRun(id);
  if (state !== 'cancelled') throw new Error(`the run is ${state}`);
}
