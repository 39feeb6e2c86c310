/**
 * Who may make the output of an interval visible: one owner at a time. Who is about to, among those of all intervals.
 *
 * A later attempt of the same run takes the lock over; another run waits until the owner has ended. Whoever is taken
 * over finds its `ready/TOKEN` folder gone: the rename that would make stale results visible has nothing to rename,
 * even when it comes hours after the last look at the lock.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServeryError } from '../core/errors.ts';
import type { StagingFolder } from './staging.ts';

const POLL_MS = 100;

interface Owner {
  readonly runKey: string;
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  /** Tells a process from a later one with its number; undefined where the system does not say. */
  readonly startedAt: string | undefined;
}

export interface OutputLock {
  readonly token: string;
  /** @throws {ServeryError} `LEASE_LOST` */
  confirm(): Promise<void>;
  release(): Promise<void>;
}

export async function lockOutput(
  folder: StagingFolder,
  key: string,
  runKey: string,
  signal: AbortSignal | undefined,
): Promise<OutputLock> {
  const path = join(folder.locks, `${key}.lock`);
  const token = randomUUID();
  const me: Owner = { runKey, token, pid: process.pid, host: hostname(), startedAt: await startOf(process.pid) };
  const mine = join(folder.locks, `.${token}`);
  await writeFile(mine, JSON.stringify(me));
  try {
    for (;;) {
      signal?.throwIfAborted();
      if (await linked(mine, path)) break;
      const owner = await readOwner(path);
      if (owner === undefined) continue;
      if (owner.runKey === runKey || !(await isAlive(owner))) {
        await rename(mine, path);
        await revoke(folder, owner.token);
        break;
      }
      await sleep(POLL_MS, undefined, { signal });
    }
  } finally {
    await rm(mine, { force: true });
  }
  const isMine = async () => (await readOwner(path))?.token === token;
  return {
    token,
    async confirm() {
      if (await isMine()) return;
      throw new ServeryError('LEASE_LOST', 'Another attempt has taken over the output of this interval');
    },
    async release() {
      if (await isMine()) await rm(path, { force: true });
      await rm(join(folder.ready, token), { recursive: true, force: true });
    },
  };
}

/** Whatever its owner does from now on, it cannot make anything visible. */
async function revoke({ ready }: StagingFolder, token: string): Promise<void> {
  const gone = join(ready, `.revoked-${token}`);
  await rename(join(ready, token), gone).catch(() => undefined);
  await rm(gone, { recursive: true, force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

async function isAlive({ pid, host, startedAt }: Owner): Promise<boolean> {
  // Nobody here can tell for another machine: it has to release the lock itself.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return startedAt === (await startOf(pid));
}

/** Field 22 of /proc/PID/stat: ticks since the machine started. A zombie has ended, and nobody has asked how. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : fields[19];
  } catch {
    return undefined;
  }
}
