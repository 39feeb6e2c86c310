import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { retryDelayMs, withRetries } from '../../../src/client/retry.ts';
import { ServeryError, type ErrorCode } from '../../../src/core/errors.ts';

describe('withRetries()', () => {
  for (const code of ['QUEUE_FULL', 'SHUTTING_DOWN', 'MODEL_NOT_READY', 'SERVER_NOT_RUNNING'] as const) {
    it(`tries again after ${code}, as the request did not run`, async () => {
      const { tried } = await attempt(code, 3);
      assert.equal(tried, 3);
    });
  }

  for (const code of ['HANDLER_RESTARTED', 'DEADLINE_EXCEEDED', 'INVALID_INPUT', 'INTERNAL'] as const) {
    it(`does not try again after ${code}`, async () => {
      const { tried } = await attempt(code, 3);
      assert.equal(tried, 1);
    });
  }

  it('gives the answer of the first try that succeeds', async () => {
    let tried = 0;
    const answer = await withRetries(
      async () => {
        tried += 1;
        if (tried < 3) throw refusal('QUEUE_FULL');
        return 'good';
      },
      { attempts: 5, deadline: Date.now() + 10_000, signal: undefined },
    );
    assert.deepEqual([answer, tried], ['good', 3]);
  });

  it('does not begin a try after the deadline', async () => {
    let tried = 0;
    const failing = async () => {
      tried += 1;
      throw new ServeryError('QUEUE_FULL', 'full', { retryAfterMs: 5000 });
    };
    await assert.rejects(withRetries(failing, { attempts: 5, deadline: Date.now() + 100, signal: undefined }));
    assert.equal(tried, 1);
  });

  it('stops waiting when the caller gives up', async () => {
    const caller = new AbortController();
    const failing = async () => {
      setImmediate(() => caller.abort(new Error('enough')));
      throw new ServeryError('QUEUE_FULL', 'full', { retryAfterMs: 5000 });
    };
    const options = { attempts: 5, deadline: Date.now() + 60_000, signal: caller.signal };
    await assert.rejects(withRetries(failing, options), /enough/);
  });
});

describe('retryDelayMs()', () => {
  it('follows the server where it says when to come back', () => {
    assert.deepEqual([retryDelayMs(1, 400, 0), retryDelayMs(1, 400, 1)], [200, 600]);
  });

  it('doubles with each try where it does not', () => {
    assert.deepEqual(
      [1, 2, 3].map((tried) => retryDelayMs(tried, undefined, 0.5)),
      [50, 100, 200],
    );
  });

  it('has an upper bound', () => {
    assert.ok(retryDelayMs(30, undefined, 1) <= 7500);
  });
});

function refusal(code: ErrorCode): ServeryError {
  return new ServeryError(code, 'refused', { retryAfterMs: 1 });
}

async function attempt(code: ErrorCode, attempts: number): Promise<{ tried: number }> {
  let tried = 0;
  const failing = async () => {
    tried += 1;
    throw refusal(code);
  };
  const options = { attempts, deadline: Date.now() + 10_000, signal: undefined };
  await assert.rejects(withRetries(failing, options), { code });
  return { tried };
}
