/** Servery inside somebody's program: what it says to calls that cannot be answered. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createServery } from '../../../src/app/embedded.ts';
import { workspaceWith } from '../../support/workspace-server.ts';

describe('createServery()', () => {
  it('takes rows in a list only: the body of a request may be anything', async () => {
    await using folder = await workspaceWith({ doubler: 'test/fixtures/models/doubler' });
    await using servery = await createServery({ workspace: folder.path });
    for (const body of [{ x: 1 }, { length: 1 }, undefined, null, 'x', 7]) {
      await assert.rejects(servery.predict('doubler', body as never), {
        code: 'INVALID_INPUT',
        message: 'Cannot use the rows: expected a list of them',
      });
    }
    await assert.rejects(servery.predict('doubler', []), { code: 'INVALID_INPUT', message: /has no rows/ });
    for (const timeoutMs of [0, -1, NaN]) {
      await assert.rejects(servery.predict('doubler', [{ x: 1 }], { timeoutMs }), { code: 'INVALID_REQUEST' });
    }
    assert.equal((await servery.predict('doubler', [{ x: 1 }], { timeoutMs: Infinity })).length, 1);
  });

  it('answers what it was asked before it is closed, and says later that it is', async () => {
    await using folder = await workspaceWith({ doubler: 'test/fixtures/models/doubler' });
    const servery = await createServery({ workspace: folder.path });
    const asked = Array.from({ length: 20 }, (_, x) => servery.predict('doubler', [{ x }]));
    const closed = servery[Symbol.asyncDispose]();
    await assert.rejects(servery.predict('doubler', [{ x: 1 }]), { code: 'SHUTTING_DOWN' });
    assert.equal((await Promise.all(asked)).length, 20);
    await closed;
    await assert.rejects(servery.predict('doubler', [{ x: 1 }]), { code: 'SHUTTING_DOWN' });
    await assert.rejects(servery.stream('doubler', { x: 1 }).next(), { code: 'SHUTTING_DOWN' });
  });
});
