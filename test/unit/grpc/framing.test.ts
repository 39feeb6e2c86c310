import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MessageReader, frameCopy } from '../../../src/grpc/framing.ts';
import { assertRefused, refusalOf } from '../../support/client-error.ts';
import { fuzz } from '../../support/fuzz.ts';

const LIMIT = 100_000;
const texts = (messages: readonly { bytes: Buffer }[]) => messages.map(({ bytes }) => bytes.toString());

describe('messages in a stream', () => {
  it('are handed on without a copy when they come in one piece', () => {
    const framed = frameCopy(Buffer.from('hello'));
    const [message] = new MessageReader(LIMIT).push(framed);
    assert.equal(message!.bytes.buffer, framed.buffer);
    assert.equal(message!.bytes.toString(), 'hello');
    assert.equal(message!.isCompressed, false);
  });

  it('are found wherever the pieces are cut', () => {
    const messages = ['a', '', 'bc'.repeat(40), '', 'd'];
    const bytes = Buffer.concat(messages.map((text) => frameCopy(Buffer.from(text))));
    for (let size = 1; size <= bytes.length; size += 1) {
      const reader = new MessageReader(LIMIT);
      const found: string[] = [];
      for (let at = 0; at < bytes.length; at += size) found.push(...texts(reader.push(bytes.subarray(at, at + size))));
      assert.deepEqual(found, messages, `pieces of ${size}`);
      assert.equal(reader.pendingBytes, 0);
    }
  });

  it('say when a part is missing', () => {
    const reader = new MessageReader(LIMIT);
    reader.push(frameCopy(Buffer.from('hello')).subarray(0, 7));
    assert.equal(reader.pendingBytes, 7);
  });

  it('carry the flag for compression', () => {
    const [message] = new MessageReader(LIMIT).push(frameCopy(Buffer.from('x'), true));
    assert.equal(message!.isCompressed, true);
  });

  it('are refused by their length, before they have come', () => {
    const prefix = Buffer.from([0, 0, 1, 0x86, 0xa1]); // 100,001
    assertRefused(() => new MessageReader(LIMIT).push(prefix), 'PAYLOAD_TOO_LARGE', /100001 bytes.*100000/);
    const reader = new MessageReader(LIMIT);
    reader.push(prefix.subarray(0, 3));
    assertRefused(() => reader.push(prefix.subarray(3)), 'PAYLOAD_TOO_LARGE', /100001/);
  });

  it('are refused when the flag is neither 0 nor 1', () => {
    assertRefused(() => new MessageReader(LIMIT).push(Buffer.from([2, 0, 0, 0, 0])), 'INVALID_REQUEST', /first byte/);
  });

  it('take no memory for what was announced and has not come', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 200 }, () => {
      const reader = new MessageReader(2 ** 28);
      reader.push(Buffer.from([0, 0x0f, 0xff, 0xff, 0xff, 1]));
      return reader;
    });
    assert.ok(process.memoryUsage().arrayBuffers - before < 200 * 64 * 1024);
    assert.equal(readers.length, 200);
  });

  it('are the same for any bytes in any pieces', () => {
    fuzz((random) => {
      const messages = random.list(random.below(4), () => Buffer.from(random.bytes(random.below(300))));
      const rest = random.bytes(random.below(8));
      const bytes = Buffer.concat([...messages.map((message) => frameCopy(message)), rest]);
      const whole = new MessageReader(LIMIT);
      const pieces = new MessageReader(LIMIT);
      let atOnce: readonly string[] = [];
      const inPieces: string[] = [];
      const refusal = refusalOf(() => (atOnce = texts(whole.push(bytes))));
      const sameRefusal = refusalOf(() => {
        for (let at = 0; at < bytes.length;) {
          const size = 1 + random.below(50);
          inPieces.push(...texts(pieces.push(bytes.subarray(at, at + size))));
          at += size;
        }
      });
      assert.equal(sameRefusal?.code, refusal?.code);
      if (refusal !== undefined) return;
      assert.deepEqual(inPieces, atOnce);
      assert.deepEqual(inPieces.slice(0, messages.length), texts(messages.map((message) => ({ bytes: message }))));
      assert.equal(pieces.pendingBytes, whole.pendingBytes);
    });
  });
});
