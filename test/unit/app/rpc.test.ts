import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { connectPeer, type Methods } from '../../../src/app/rpc.ts';
import { ServeryError } from '../../../src/core/errors.ts';

describe('connectPeer()', () => {
  it('calls the other side in both directions, several calls at once', async () => {
    using pair = connect({ add: async (a: number, b: number) => a + b }, { name: async () => 'left' });
    assert.deepEqual(await Promise.all([pair.right.call('add', [1, 2]), pair.right.call('add', [3, 4])]), [3, 7]);
    assert.equal(await pair.left.call('name', []), 'left');
  });

  it('brings errors across with code, hint and the time to come back', async () => {
    const fail = async () => {
      throw new ServeryError('QUEUE_FULL', 'full', { hint: 'later', retryAfterMs: 7 });
    };
    using pair = connect({ fail }, {});
    await assert.rejects(pair.right.call('fail', []), {
      code: 'QUEUE_FULL',
      message: 'full',
      hint: 'later',
      retryAfterMs: 7,
    });
  });

  it('refuses methods that nobody offered', async () => {
    using pair = connect({}, {});
    await assert.rejects(pair.right.call('constructor', []), { code: 'INTERNAL' });
  });

  it('rejects what waits when the other side is gone', async () => {
    using pair = connect({ never: () => new Promise(() => undefined) }, {});
    const waiting = pair.right.call('never', []);
    pair.right.disconnect();
    await assert.rejects(waiting, { code: 'SHUTTING_DOWN' });
    await assert.rejects(pair.right.call('never', []), { code: 'SHUTTING_DOWN' });
  });
});

/** `right` calls the methods of left, and the other way round. */
function connect(ofLeft: Methods, ofRight: Methods) {
  const { port1, port2 } = new MessageChannel();
  const left = connectPeer(port1, ofLeft);
  const right = connectPeer(port2, ofRight);
  return { left, right, [Symbol.dispose]: () => port1.close() };
}
