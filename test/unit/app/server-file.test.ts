import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { holdServerFile, readServerFile } from '../../../src/app/server-file.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe('holdServerFile()', () => {
  it('lets one server hold a workspace and names it to the second', async () => {
    await using folder = await temporaryFolder();
    await using held = await holdServerFile(folder.path);
    await held.publish({ http: 'http://127.0.0.1:1' });
    await assert.rejects(holdServerFile(folder.path), {
      code: 'WORKSPACE_IN_USE',
      message: `Cannot serve the workspace: process ${process.pid} does, at http://127.0.0.1:1`,
    });
  });

  it('lets exactly one of many at once in', async () => {
    await using folder = await temporaryFolder();
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => holdServerFile(folder.path)));
    const held = tries.filter((attempt) => attempt.status === 'fulfilled');
    assert.equal(held.length, 1);
    await held[0]!.value[Symbol.asyncDispose]();
  });

  it('is free again when the holder lets go', async () => {
    await using folder = await temporaryFolder();
    await (await holdServerFile(folder.path))[Symbol.asyncDispose]();
    assert.equal(await readServerFile(folder.path), undefined);
    await using _ = await holdServerFile(folder.path);
  });

  it('takes over from a process that was killed, and leaves no litter', async () => {
    await using folder = await temporaryFolder();
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    await leaveFile(folder.path, { pid: dead.pid, processStart: '' });
    await using _ = await holdServerFile(folder.path);
    assert.deepEqual(await readdir(join(folder.path, '.servery')), ['server.json']);
  });

  it(
    'does not take a process that has the pid of the dead one for it',
    { skip: process.platform !== 'linux' },
    async () => {
      await using folder = await temporaryFolder();
      await leaveFile(folder.path, { pid: process.pid, processStart: 'another start' });
      await using _ = await holdServerFile(folder.path);
    },
  );

  it('keeps its key from other users', async () => {
    await using folder = await temporaryFolder();
    await using held = await holdServerFile(folder.path);
    await held.publish({ http: 'http://127.0.0.1:1' });
    const { mode } = await stat(join(folder.path, '.servery/server.json'));
    assert.equal(mode & 0o777, 0o600);
  });
});

async function leaveFile(workspace: string, content: object): Promise<void> {
  await mkdir(join(workspace, '.servery'));
  await writeFile(join(workspace, '.servery/server.json'), JSON.stringify(content));
}
