/**
 * `npm run bench -- online`: Servery beside its floors, in one run.
 *
 * Machines are shared and drift, so a number alone says nothing: each case is measured floor, Servery, floor,
 * Servery …, and what is reported is the ratio, with its spread.
 */
import { availableParallelism } from 'node:os';
import { load, type LoadReport } from '../load/plan.ts';
import { lineOf, printHeader, printLine, save, type Line } from '../report.ts';
import { measureEngine, startEcho, startServery, type RunningServer } from '../processes.ts';
import { cases, modelOf, type Case } from './cases.ts';
import { measureBatchingGain, measureOverload } from './behaviour.ts';
import { measureGrpc } from './grpc.ts';
import { makeWorkspace } from './workspace.ts';

export interface BenchOptions {
  /** Only cases whose name contains this. */
  readonly only: string | undefined;
  readonly seconds: number;
  readonly repetitions: number;
}

export async function runOnline({ only = '', seconds, repetitions }: BenchOptions): Promise<void> {
  const wanted = cases().filter(({ name }) => name.includes(only));
  const lines: Line[] = [];
  const print = (line: Line) => {
    lines.push(line);
    printLine(line);
  };
  printHeader();
  for (const model of new Set(wanted.map((one) => one.model))) {
    await using workspace = await makeWorkspace([model]);
    await using servery = await startServery(workspace.folder);
    for (const one of wanted.filter((candidate) => candidate.model === model)) {
      const measure = one.floor === 'echo' ? againstEcho : againstEngine;
      for (const line of await measure(one, servery, seconds, repetitions)) print(line);
    }
  }
  if ('grpc iris'.includes(only)) print(await measureGrpc(seconds, repetitions));
  if ('batching gain'.includes(only)) print(await measureBatchingGain(seconds, repetitions));
  if ('overload'.includes(only)) for (const line of await measureOverload(seconds)) print(line);
  await save('online', lines, { seconds, repetitions });
}

async function againstEcho(one: Case, servery: RunningServer, seconds: number, repetitions: number): Promise<Line[]> {
  const answer: unknown = await answerOf(one, servery);
  await using echo = await startEcho(answer);
  const pairs: { floor: LoadReport; ours: LoadReport }[] = [];
  for (let i = 0; i < repetitions; i += 1) {
    pairs.push({ floor: await run(one, echo, '/', seconds), ours: await run(one, servery, pathOf(one), seconds) });
  }
  const errors = pairs.reduce((sum, { ours }) => sum + ours.errors, 0);
  const common = { errors, goal: one.goal ?? '' };
  const rate = lineOf(`${one.name}: requests/s`, pairs, (report) => report.requestsPerSecond, common);
  const p50 = lineOf(`${one.name}: p50 ms`, pairs, (report) => report.latencyMs.p50, common);
  const p99 = lineOf(`${one.name}: p99 ms`, pairs, (report) => report.latencyMs.p99, { errors, goal: '' });
  return one.connections === 1 ? [p50, p99] : [rate, p99];
}

async function againstEngine(one: Case, servery: RunningServer, seconds: number, repetitions: number): Promise<Line[]> {
  const { folder, input, shape } = modelOf(one.model);
  const sizes = one.model === 'resnet18' ? [1, 8] : [1, 8, 32, 64, 256];
  const pairs: { floor: number; ours: number; report: LoadReport }[] = [];
  for (let i = 0; i < repetitions; i += 1) {
    const file = `${folder}/1/model.onnx`;
    const engine = await measureEngine(file, input, shape, sizes, availableParallelism(), Math.max(1, seconds / 3));
    const report = await run(one, servery, pathOf(one), seconds);
    const floor = Math.max(...engine.map(({ rowsPerSecond }) => rowsPerSecond));
    pairs.push({ floor, ours: report.requestsPerSecond * one.rowsPerRequest, report });
  }
  const errors = pairs.reduce((sum, { report }) => sum + report.errors, 0);
  return [
    lineOf(`${one.name}: rows/s`, pairs, (value) => (typeof value === 'number' ? value : NaN), {
      errors,
      goal: one.goal ?? '',
    }),
  ];
}

function run(one: Case, { host, port }: RunningServer, path: string, seconds: number): Promise<LoadReport> {
  const { headers, bytes } = one.body;
  return load({
    target: { host, port },
    path,
    headers,
    bodyBase64: Buffer.from(bytes).toString('base64'),
    connections: one.connections,
    warmUpSeconds: Math.min(2, seconds / 2),
    seconds,
  });
}

function pathOf({ model }: Case): string {
  return `/v2/models/${model}/infer`;
}

async function answerOf(one: Case, { host, port }: RunningServer): Promise<unknown> {
  const { headers, bytes } = one.body;
  const init = { method: 'POST', headers, body: Buffer.from(bytes) };
  const response = await fetch(`http://${host}:${port}${pathOf(one)}`, init);
  if (!response.ok) throw new Error(`${one.name}: status ${response.status}: ${await response.text()}`);
  return response.json();
}
