/** What a decoder may say to a client, and what it may not. */
import assert from 'node:assert/strict';
import { ServeryError, type ErrorCode } from '../../src/core/errors.ts';

const CLIENT_CODES: readonly ErrorCode[] = ['INVALID_REQUEST', 'INVALID_INPUT', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED'];

/** Runs a decoder on something odd: it may refuse, as the client's mistake, in few words. */
export function refusalOf(decode: () => unknown): ServeryError | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (!(error instanceof ServeryError) || !CLIENT_CODES.includes(error.code)) throw error;
    assert.ok(error.message.length < 2500, 'an error is for people to read');
    return error;
  }
}

export function assertRefused(decode: () => unknown, code: ErrorCode, message: RegExp): void {
  const error = refusalOf(decode);
  assert.ok(error, `expected a refusal that matches ${message}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
}
