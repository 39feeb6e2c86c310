/**
 * Which process is meant: its pid *and* its start, as pids come back.
 *
 * Whoever leaves the name of a process in a file must be able to tell it from a later one with the same number.
 */
import { readFile } from 'node:fs/promises';

export interface ProcessIdentity {
  readonly pid: number;
  /** What the system says of the start of the process; empty where it does not say. */
  readonly processStart: string;
}

export async function identify(pid: number): Promise<ProcessIdentity> {
  return { pid, processStart: await processStart(pid) };
}

export async function isAlive({ pid, processStart: start }: ProcessIdentity): Promise<boolean> {
  return hasPid(pid) && (await processStart(pid)) === start;
}

function hasPid(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Linux: field 22 of `/proc/PID/stat`, the start in clock ticks since boot. */
async function processStart(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
