/** Which revision of the code a workspace is at, read from git's own files; undefined where there is no git. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

export async function codeRevision(workspace: string): Promise<string | undefined> {
  const git = await findGit(workspace);
  if (git === undefined) return undefined;
  const head = (await read(join(git, 'HEAD')))?.trim();
  const [, reference] = /^ref: (.+)$/.exec(head ?? '') ?? [];
  if (reference === undefined) return asRevision(head);
  // The references of a linked work tree are with those of the main one.
  const common = (await read(join(git, 'commondir')))?.trim();
  const shared = common === undefined ? git : resolve(git, common);
  const loose = (await read(join(git, reference))) ?? (await read(join(shared, reference)));
  if (loose !== undefined) return asRevision(loose.trim());
  const packed = (await read(join(shared, 'packed-refs')))?.split('\n') ?? [];
  return asRevision(packed.find((line) => line.endsWith(` ${reference}`))?.split(' ')[0]);
}

async function findGit(from: string): Promise<string | undefined> {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const path = join(folder, '.git');
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) return path;
    if (found?.isFile()) {
      const [, target] = /^gitdir: (.+)$/m.exec((await read(path)) ?? '') ?? [];
      return target === undefined ? undefined : resolve(folder, target);
    }
    if (folder === dirname(folder)) return undefined;
  }
}

function asRevision(text: string | undefined): string | undefined {
  return text !== undefined && /^[0-9a-f]{40,64}$/.test(text) ? text : undefined;
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
