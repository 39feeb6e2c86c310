/** What the load generator is asked to do, what it reports, and how it is started. */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

export interface LoadPlan {
  readonly target: { readonly host: string; readonly port: number };
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBase64: string;
  readonly connections: number;
  /** Open loop at this rate; closed loop when undefined. */
  readonly ratePerSecond?: number;
  /**
   * Puts the generator on the first core and this server on the others, where `taskset` is at hand: else the
   * scheduler may put both on one core in one run and not in the next, and that is what would be measured.
   */
  readonly serverPid?: number;
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

/** Runs the generator in its own process, as in life. */
export async function load(plan: LoadPlan): Promise<LoadReport> {
  const generator = fork(new URL('./generator.ts', import.meta.url), { execArgv: [] });
  const { serverPid } = plan;
  const last = availableParallelism() - 1;
  if (serverPid !== undefined && last > 0) {
    place(generator.pid!, '0');
    place(serverPid, `1-${last}`);
  }
  generator.send(plan);
  const [report] = (await once(generator, 'message')) as [LoadReport];
  if (serverPid !== undefined) place(serverPid, `0-${last}`);
  return report;
}

/** Without `taskset` the scheduler goes on placing it. */
function place(pid: number, cores: string): void {
  spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' });
}
