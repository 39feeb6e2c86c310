/**
 * A core for the server and one for its load.
 *
 * Where requests come one by one, the system puts both on one core in one moment and on two in the next, and a bare
 * server answers in 0.03 ms in the one case and in 0.1 ms in the other. In an overload, the load would take the server's
 * share of both.
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { processesOf } from '../peers/start.ts';

/** The core of the load, where there is one to spare. */
export const LOAD_CORE = process.platform === 'linux' && availableParallelism() > 1 ? 1 : undefined;
const SERVER_CORE = 0;

/** Keeps a server on a core of its own, until disposed. */
export function keepApart(leader: number): Disposable {
  if (LOAD_CORE === undefined) return { [Symbol.dispose]: () => undefined };
  place(leader, String(SERVER_CORE));
  return { [Symbol.dispose]: () => place(leader, `0-${availableParallelism() - 1}`) };
}

function place(leader: number, cores: string): void {
  for (const pid of processesOf(leader, [leader])) {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' });
  }
}
