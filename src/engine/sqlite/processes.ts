/**
 * Whether a process that holds a lease is still there.
 *
 * A lease of a process that is known to be gone need not run out: after a restart its runs go on at once. Only a
 * process of this very machine, and of this process namespace, can be known to be gone; of any other only its
 * silence tells.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Where process numbers mean the same, and when this process began: the number alone is used again. */
export const thisProcess = identity(process.pid)!;

/** False also when it cannot be known. */
export function isKnownDead(pid: number, process: string): boolean {
  if (machineOf(process) !== machineOf(thisProcess)) return false;
  return identity(pid) !== process;
}

/** `machine|start`; undefined when there is no such process. */
function identity(pid: number): string | undefined {
  const started = startOf(pid);
  return started === undefined ? undefined : `${hostname()} ${namespace()}|${started}`;
}

function machineOf(process: string): string {
  return process.slice(0, process.lastIndexOf('|'));
}

function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return 'pid';
  }
}

/** Clock ticks from boot to its start, where the system tells. */
function startOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return exists(pid) ? 'alive' : undefined;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
