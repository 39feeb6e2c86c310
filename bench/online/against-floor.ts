/** One case of the bench beside its floor: the echo, or ONNX Runtime in a bare loop. */
import { availableParallelism } from 'node:os';
import { load, type LoadReport } from '../load/plan.ts';
import { measureEngine, startEcho, type RunningServer } from '../processes.ts';
import { modelOf, type Case } from './cases.ts';
import { lineOf, takeTurns, type Line } from '../table.ts';

export interface Effort {
  /** Of each measurement. */
  readonly seconds: number;
  readonly repetitions: number;
}

export async function againstEcho(one: Case, servery: RunningServer, effort: Effort): Promise<readonly Line[]> {
  await using echo = await startEcho(await answerOf(one, servery));
  const repetitions = await takeTurns(
    effort.repetitions,
    () => run(one, echo, '/', effort.seconds),
    () => run(one, servery, pathOf(one), effort.seconds),
  );
  const errors = (report: LoadReport) => report.errors;
  const against = 'the echo';
  const held = { against, errors, goal: one.goal };
  const p99 = lineOf(`${one.name}: p99 ms`, repetitions, (report) => report.latencyMs.p99, { against, errors });
  if (one.connections === 1) {
    return [lineOf(`${one.name}: p50 ms`, repetitions, (report) => report.latencyMs.p50, held), p99];
  }
  return [lineOf(`${one.name}: requests/s`, repetitions, (report) => report.requestsPerSecond, held), p99];
}

interface EngineFigures {
  readonly rowsPerSecond: number;
  readonly p50Ms: number;
  readonly errors: number;
}

/** With one connection the median of one request counts, with more the rows per second at the best batch size. */
export async function againstEngine(one: Case, servery: RunningServer, effort: Effort): Promise<readonly Line[]> {
  const { folder, input, shape } = modelOf(one.model);
  const sizes =
    one.connections === 1 ? [one.rowsPerRequest] : one.model === 'resnet18' ? [1, 8] : [8, 32, 64, 128, 256];
  const measureFloor = async (): Promise<EngineFigures> => {
    const file = `${folder}/1/model.onnx`;
    const seconds = Math.max(1, effort.seconds / sizes.length);
    const measured = await measureEngine(file, input, shape, sizes, availableParallelism(), seconds);
    const rowsPerSecond = Math.max(...measured.map((figures) => figures.rowsPerSecond));
    return { rowsPerSecond, p50Ms: measured[0]!.p50Ms, errors: 0 };
  };
  const measureOurs = async (): Promise<EngineFigures> => {
    const { requestsPerSecond, latencyMs, errors } = await run(one, servery, pathOf(one), effort.seconds);
    return { rowsPerSecond: requestsPerSecond * one.rowsPerRequest, p50Ms: latencyMs.p50, errors };
  };
  const repetitions = await takeTurns(effort.repetitions, measureFloor, measureOurs);
  const held = { against: 'the engine', errors: (figures: EngineFigures) => figures.errors, goal: one.goal };
  if (one.connections === 1) return [lineOf(`${one.name}: p50 ms`, repetitions, ({ p50Ms }) => p50Ms, held)];
  return [lineOf(`${one.name}: rows/s`, repetitions, ({ rowsPerSecond }) => rowsPerSecond, held)];
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
