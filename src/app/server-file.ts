/**
 * `.servery/server.json`: who serves a workspace, and where.
 *
 * It is the lock that keeps a second server off a workspace, and how the command line finds the first.
 * It names a process by pid *and* start, as pids come back; after SIGKILL the next server takes it over.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServeryError } from '../core/errors.ts';
import { identify, isAlive, type ProcessIdentity } from '../core/process-identity.ts';

export interface ServerFile extends ProcessIdentity {
  readonly startedAt: string;
  /** `http://host:port`, once it listens. */
  readonly http?: string;
  readonly grpc?: string;
  /** In PEM, where it speaks HTTPS: whoever reads this file knows the server by it. */
  readonly certificate?: string;
  /** Has every scope. The file is readable by its owner only. */
  readonly key: string;
}

export interface HeldServerFile extends AsyncDisposable {
  readonly key: string;
  publish(addresses: Pick<ServerFile, 'http' | 'grpc' | 'certificate'>): Promise<void>;
}

/** @throws {ServeryError} `WORKSPACE_IN_USE`, naming the holder */
export async function holdServerFile(workspace: string): Promise<HeldServerFile> {
  const folder = join(workspace, '.servery');
  const path = join(folder, 'server.json');
  await mkdir(folder, { recursive: true });
  const own: ServerFile = {
    ...(await identify(process.pid)),
    startedAt: new Date().toISOString(),
    key: randomBytes(24).toString('base64url'),
  };
  await claim(path, own);
  return {
    key: own.key,
    publish: (addresses) => replace(path, { ...own, ...addresses }),
    [Symbol.asyncDispose]: () => rm(path, { force: true }),
  };
}

/** The living holder of a workspace, if there is one. */
export async function readServerFile(workspace: string): Promise<ServerFile | undefined> {
  return readHolder(join(workspace, '.servery', 'server.json'));
}

async function claim(path: string, own: ServerFile): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(own, null, 2), { mode: 0o600 });
  try {
    for (;;) {
      // A link appears whole or not at all, and fails when the name is taken: of two servers one wins.
      const isOurs = await link(draft, path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (isOurs) return;
      const holder = await readHolder(path);
      if (holder !== undefined) {
        const where = holder.http === undefined ? 'which is starting' : `at ${holder.http}`;
        throw new ServeryError('WORKSPACE_IN_USE', `Cannot serve the workspace: process ${holder.pid} does, ${where}`);
      }
      // Only one of several takers can move the dead server's file away.
      const grave = `${path}.${randomUUID()}`;
      await rename(path, grave).catch(() => undefined);
      await rm(grave, { force: true });
    }
  } finally {
    await rm(draft, { force: true });
  }
}

async function replace(path: string, content: ServerFile): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(content, null, 2), { mode: 0o600 });
  await rename(draft, path);
}

async function readHolder(path: string): Promise<ServerFile | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const holder = parse(text);
  return holder !== undefined && (await isAlive(holder)) ? holder : undefined;
}

function parse(text: string): ServerFile | undefined {
  try {
    return JSON.parse(text) as ServerFile;
  } catch {
    return undefined; // half a file cannot be ours: it is linked into place whole
  }
}
