import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { holdServerFile } from '../../../src/app/server-file.ts';
import { findServer, requireServer } from '../../../src/cli/local-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe('the server of a workspace', () => {
  it('is waited for while it starts', async () => {
    await using folder = await temporaryFolder();
    await using held = await holdServerFile(folder.path);
    let isFound = false;
    const finding = requireServer(folder.path).finally(() => (isFound = true));
    for (let i = 0; i < 20; i += 1) await turn();
    assert.equal(isFound, false);
    await held.publish({ http: 'http://127.0.0.1:1' });
    assert.equal((await finding).url, 'http://127.0.0.1:1');
  });

  it('is not there when nobody holds the workspace', async () => {
    await using folder = await temporaryFolder();
    assert.equal(await findServer(folder.path), undefined);
    await assert.rejects(requireServer(folder.path), { code: 'SERVER_NOT_RUNNING' });
  });
});
