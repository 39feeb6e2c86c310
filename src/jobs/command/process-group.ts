/**
 * The processes that a step has started: a group of their own, so that they can be ended as one.
 *
 * A group is over when none of its processes lives, which is looked up and not assumed: a program may ignore
 * SIGTERM, and its children may outlive it. Zombies do not count; in a container nobody may ever reap them.
 */
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessIdentity } from '../../core/process-identity.ts';

const POLL_MS = 20;
/** A process that SIGKILL does not end hangs in the kernel; waiting longer would not help. */
const KILL_PATIENCE_MS = 10_000;

/**
 * Ends a group: SIGTERM, then SIGKILL after the grace.
 *
 * @returns false when something of it still lives
 */
export async function endGroup(leader: number, graceMs: number): Promise<boolean> {
  if (graceMs > 0 && signal(leader, 'SIGTERM') && (await isGoneWithin(leader, graceMs))) return true;
  signal(leader, 'SIGKILL');
  return isGoneWithin(leader, KILL_PATIENCE_MS);
}

/** Whether any process of the group lives. */
export async function groupLives(leader: number): Promise<boolean> {
  if (!signal(leader, 0)) return false;
  if (process.platform !== 'linux') return true;
  return (await members(leader)).length > 0;
}

/**
 * Whether a group that another process has left behind is still that group: numbers come back.
 *
 * @param mark `NAME=value` in the environment of each of its processes
 */
export async function isSameGroup({ pid, processStart }: ProcessIdentity, mark: string): Promise<boolean> {
  if (!signal(pid, 0)) return false;
  if (process.platform !== 'linux') return true;
  const living = await members(pid);
  if (living.some((member) => member.pid === pid)) {
    return living.some((member) => member.pid === pid && member.processStart === processStart);
  }
  for (const member of living) if (await hasMark(member.pid, mark)) return true;
  return false;
}

/** The leaders of groups whose processes carry a mark in their environment. Only Linux tells. */
export async function findGroups(mark: string): Promise<readonly number[]> {
  if (process.platform !== 'linux') return [];
  const groups = new Set<number>();
  for (const member of await listProcesses()) {
    if (!groups.has(member.group) && (await hasMark(member.pid, mark))) groups.add(member.group);
  }
  return [...groups];
}

async function isGoneWithin(leader: number, withinMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + withinMs;
  while (await groupLives(leader)) {
    if (performance.now() >= giveUpAt) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** False when there is no such group. */
function signal(leader: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, name);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

interface Member extends ProcessIdentity {
  readonly group: number;
}

async function members(leader: number): Promise<readonly Member[]> {
  return (await listProcesses()).filter(({ group }) => group === leader);
}

/** All that live, from `/proc/PID/stat`: state, parent, group, …, start. */
async function listProcesses(): Promise<readonly Member[]> {
  const found: Member[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = 'X', , group] = fields;
    if (state === 'Z' || state === 'X' || group === undefined) continue;
    found.push({ pid: Number(name), group: Number(group), processStart: fields[19] ?? '' });
  }
  return found;
}

async function hasMark(pid: number, mark: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  return environment.split('\0').includes(mark);
}
