import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { codeRevision } from '../../../src/jobs/code-revision.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe('codeRevision()', () => {
  it('is that of git: on a branch, packed, detached, in a linked work tree, from a folder below', async () => {
    await using folder = await temporaryFolder();
    const main = join(folder.path, 'main');
    await mkdir(join(main, 'shop'), { recursive: true });
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
        cwd: main,
        encoding: 'utf8',
      }).trim();
    git('init', '-q');
    git('commit', '-q', '--allow-empty', '-m', 'one');
    const head = git('rev-parse', 'HEAD');
    assert.equal(await codeRevision(join(main, 'shop')), head);
    git('worktree', 'add', '-q', '-b', 'other', '../linked');
    assert.equal(await codeRevision(join(folder.path, 'linked')), head);
    git('pack-refs', '--all');
    assert.equal(await codeRevision(main), head);
    assert.equal(await codeRevision(join(folder.path, 'linked')), head);
    git('checkout', '-q', '--detach');
    assert.equal(await codeRevision(main), head);
  });

  it('is unknown where there is no git, and before the first commit', async () => {
    await using folder = await temporaryFolder();
    assert.equal(await codeRevision(folder.path), undefined);
    execFileSync('git', ['init', '-q'], { cwd: folder.path });
    assert.equal(await codeRevision(folder.path), undefined);
  });
});
