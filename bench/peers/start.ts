/** Starts a server, waits for its first correct prediction, and ends it with everything that it has started. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningServer } from '../processes.ts';
import type { Command } from './peer.ts';

export interface Started extends RunningServer {
  /** From the start of the process to the first correct prediction. */
  readonly startMs: number;
  /** Resident memory of all its processes; pages that they share count once. Undefined where the system does not tell. */
  memoryMb(): number | undefined;
}

const START_LIMIT_MS = 120_000;
const END_LIMIT_MS = 3_000;

/** Leaders of sessions that run now. A terminal's Ctrl-C does not reach them. */
const leaders = new Set<number>();
process.on('exit', () => {
  for (const pid of leaders) for (const each of processesOf(pid)) signal(each, 'SIGKILL');
});
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(1));

/**
 * @param prepare writes into the folder what the start needs
 * @param check resolves when the answer is right, and says what is wrong with it otherwise
 */
export async function start(
  prepare: (ports: readonly [http: number, grpc: number, metrics: number], scratch: string) => Promise<Command>,
  check: (port: number) => Promise<void>,
): Promise<Started> {
  const scratch = await mkdtemp(join(tmpdir(), 'servery-bench-'));
  const ports = await freePorts();
  const [port, grpcPort] = ports;
  const { program, args, env, cwd = scratch } = await prepare(ports, scratch);
  const log = await open(join(scratch, 'log'), 'w');
  const began = performance.now();
  // A session of its own, by which everything that it starts is found again.
  const stdio = ['ignore', log.fd, log.fd] as const;
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: [...stdio], detached: true });
  if (child.pid !== undefined) leaders.add(child.pid);
  let failure: unknown;
  child.once('error', (error) => (failure = error));
  const end = async () => {
    await endAll(child.pid);
    await log.close();
    await rm(scratch, { recursive: true, force: true });
  };
  for (;;) {
    try {
      await check(port);
      break;
    } catch (error) {
      const isOver = child.exitCode !== null || child.pid === undefined;
      if (isOver || performance.now() - began > START_LIMIT_MS) {
        const lines = (await readFile(join(scratch, 'log'), 'utf8')).trim().split('\n');
        await end();
        const why = isOver ? `ended: ${String(failure ?? lines.at(-1))}` : `no correct prediction: ${String(error)}`;
        throw new Error(why, { cause: error });
      }
    }
    await sleep(10);
  }
  return {
    host: '127.0.0.1',
    port,
    grpcPort,
    pid: child.pid!,
    startMs: performance.now() - began,
    memoryMb: () => memoryMb(child.pid!),
    [Symbol.asyncDispose]: end,
  };
}

export async function freePorts(): Promise<[number, number, number]> {
  const servers = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports as [number, number, number];
}

/** Asks it to end; what is left of it after a while is killed. */
async function endAll(leader: number | undefined): Promise<void> {
  if (leader === undefined) return;
  // What it leaves behind has no parent by which it could be found.
  const known = processesOf(leader);
  const left = () => processesOf(leader, known);
  signal(-leader, 'SIGTERM');
  const until = performance.now() + END_LIMIT_MS;
  while (left().length > 0 && performance.now() < until) await sleep(20);
  while (left().length > 0) {
    for (const pid of left()) signal(pid, 'SIGKILL');
    await sleep(20);
  }
  leaders.delete(leader);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

/**
 * The processes of a session and all that descend from them, less those that only wait to be collected.
 *
 * @param known processes that belong to it wherever they are now
 */
export function processesOf(leader: number, known: readonly number[] = []): number[] {
  if (process.platform !== 'linux') return [];
  const running = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(statOf)
    .filter((stat) => stat !== undefined);
  const found = new Set(running.filter(({ pid, session }) => session === leader || known.includes(pid)));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    const pids = new Set(Array.from(found, ({ pid }) => pid));
    for (const stat of running) if (pids.has(stat.parent)) found.add(stat);
  }
  return Array.from(found, ({ pid }) => pid);
}

function statOf(pid: string): { readonly pid: number; readonly parent: number; readonly session: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : { pid: Number(pid), parent: Number(parent), session: Number(session) };
  } catch {
    return undefined; // Ended meanwhile.
  }
}

/** @param leader of a session, or a process that has started the others */
export function memoryMb(leader: number): number | undefined {
  const pids = processesOf(leader, [leader]);
  if (pids.length === 0) return undefined;
  let kb = 0;
  for (const pid of pids) {
    const [, share] = /^Pss: +(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
    kb += Number(share);
  }
  return kb / 1024;
}
