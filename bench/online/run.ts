/**
 * `npm run bench -- online`: Servery beside its floors, in one run.
 *
 * Machines are shared and drift, so a number alone says nothing: each case is measured floor, Servery, floor,
 * Servery …, and what is reported is the ratio, with its spread.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { load, type LoadReport } from '../load/plan.ts';
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

export interface Line {
  readonly case: string;
  readonly floor: string;
  readonly servery: string;
  /** Median of the repetitions. */
  readonly ratio: number;
  readonly spread: readonly [number, number];
  readonly errors: number;
  readonly goal: string;
}

export async function runOnline({ only = '', seconds, repetitions }: BenchOptions): Promise<void> {
  const wanted = cases().filter(({ name }) => name.includes(only));
  const lines: Line[] = [];
  const print = (line: Line) => {
    lines.push(line);
    console.log(textOf(line));
  };
  console.log(textOf({ case: 'CASE', floor: 'FLOOR', servery: 'SERVERY', goal: 'GOAL' }));
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
  await save(lines, { seconds, repetitions });
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

export function lineOf<T>(
  name: string,
  pairs: readonly { readonly floor: T; readonly ours: T }[],
  figure: (value: T) => number,
  { errors, goal }: { readonly errors: number; readonly goal: string },
): Line {
  const ratios = pairs.map(({ floor, ours }) => figure(ours) / figure(floor)).sort((a, b) => a - b);
  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
  return {
    case: name,
    floor: format(median(pairs.map(({ floor }) => figure(floor)))),
    servery: format(median(pairs.map(({ ours }) => figure(ours)))),
    ratio: ratios[ratios.length >> 1]!,
    spread: [ratios[0]!, ratios.at(-1)!],
    errors,
    goal,
  };
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(3);
}

function textOf(line: Partial<Line> & Pick<Line, 'case' | 'floor' | 'servery' | 'goal'>): string {
  const ratio =
    line.ratio === undefined
      ? 'RATIO (SPREAD)'
      : `${line.ratio.toFixed(2)} (${line.spread!.map((r) => r.toFixed(2)).join(' to ')})`;
  const errors = line.errors === undefined ? 'ERRORS' : String(line.errors);
  return [
    line.case.padEnd(58),
    line.floor.padStart(10),
    line.servery.padStart(10),
    ratio.padEnd(22),
    errors.padStart(6),
    line.goal,
  ].join('  ');
}

async function save(lines: readonly Line[], options: { seconds: number; repetitions: number }): Promise<void> {
  const folder = new URL('../.results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  await writeFile(new URL('.gitignore', folder), '*\n');
  const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version };
  const file = new URL('online.json', folder);
  await writeFile(file, JSON.stringify({ at: new Date().toISOString(), machine, ...options, lines }, null, 2));
  console.log(`\nWritten to ${file.pathname}`);
}
