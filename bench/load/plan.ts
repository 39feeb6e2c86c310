/** What the load generator is asked to do, what it reports, and how it is started. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface LoadPlan {
  readonly target: { readonly host: string; readonly port: number };
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBase64: string;
  readonly connections: number;
  /** Open loop at this rate; closed loop when undefined. */
  readonly ratePerSecond?: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface LoadReport {
  readonly requestsPerSecond: number;
  /** 503 answers. */
  readonly refusedPerSecond: number;
  /** Other statuses and broken connections. */
  readonly errors: number;
  readonly latencyMs: Percentiles;
  readonly refusalMs: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * Runs the generator in its own process, as in life.
 *
 * @param core the only one that it may use
 */
export async function load(plan: LoadPlan, core?: number): Promise<LoadReport> {
  const pinned =
    core === undefined ? { execArgv: [] } : { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath] };
  const generator = fork(new URL('./generator.ts', import.meta.url), pinned);
  generator.send(plan);
  const [report] = (await once(generator, 'message')) as [LoadReport];
  return report;
}
