import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { ERROR_CATALOG, ServeryError, type ErrorCode } from '../../../src/core/errors.ts';
import { notice } from '../../../src/core/events.ts';
import { compress, decompress, encodingOf } from '../../../src/grpc/encodings.ts';
import { STATUS_BY_CODE, encodeMessage, toKnownError, toTrailers } from '../../../src/grpc/errors.ts';
import { PREFIX_BYTES, frameCopy } from '../../../src/grpc/framing.ts';
import { readModelRef } from '../../../src/grpc/model-ref.ts';
import { RequestQueue } from '../../../src/grpc/request-queue.ts';
import { parseTimeout } from '../../../src/grpc/timeout.ts';
import { assertRefused } from '../../support/client-error.ts';

describe('the trailers of an error', () => {
  it('give every code a status that is not OK, and are valid headers', () => {
    for (const code of Object.keys(ERROR_CATALOG) as ErrorCode[]) {
      const trailers = toTrailers(new ServeryError(code, 'Cannot do it'));
      assert.equal(trailers['grpc-status'], String(STATUS_BY_CODE[code]));
      assert.notEqual(trailers['grpc-status'], '0');
      assert.equal(trailers['servery-code'], code);
      assert.match(String(trailers['servery-hint']), /^[\x20-\x7e]+$/);
    }
  });

  it('say when to come back, where that helps', () => {
    const full = new ServeryError('QUEUE_FULL', 'Full', { retryAfterMs: 12.3 });
    assert.equal(toTrailers(full)['grpc-retry-pushback-ms'], '13');
    assert.equal(toTrailers(new ServeryError('INVALID_INPUT', 'No'))['grpc-retry-pushback-ms'], undefined);
  });

  it('tell nothing of what was not foreseen, but to the log', () => {
    const logged: unknown[] = [];
    using _listening = notice.subscribe(({ error }) => void logged.push(error));
    const bug = new TypeError('/secret/path');
    const { code, message } = toKnownError(bug, 'r1');
    assert.deepEqual({ code, message }, { code: 'INTERNAL', message: 'Internal error' });
    assert.deepEqual(logged, [bug]);
  });

  it('percent-encode a message, and cut a long one', () => {
    assert.equal(encodeMessage('50% é\n'), '50%25 %C3%A9%0A');
    assert.equal(encodeMessage('a\ud800b'), 'a%EF%BF%BDb');
    assert.ok(encodeMessage('x'.repeat(5000)).length < 1100);
    assert.doesNotThrow(() => encodeMessage(`${'x'.repeat(1022)}😀😀`));
  });
});

describe('grpc-timeout', () => {
  for (const [header, ms] of [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['4m', 4],
    ['5u', 0.005],
    ['99999999n', 99.999999],
    ['0m', 0],
    [undefined, undefined],
  ] as const) {
    it(`${header} is ${ms} ms`, () => assert.equal(parseTimeout(header), ms));
  }
  for (const header of ['', '1', 'S', '-1S', '1.5S', '123456789S', '1s', ' 1S']) {
    it(`"${header}" is refused`, () => assertRefused(() => parseTimeout(header), 'INVALID_REQUEST', /grpc-timeout/));
  }
});

describe('the model of a request', () => {
  for (const { name, version, ref } of [
    { name: 'm', version: '', ref: { name: 'm' } },
    { name: 'm', version: '3', ref: { name: 'm', version: 3 } },
    { name: 'm@champion', version: '', ref: { name: 'm', alias: 'champion' } },
    { name: 'm/2', version: '', ref: { name: 'm', version: 2 } },
  ]) {
    it(`${name} with version "${version}"`, () => assert.deepEqual(readModelRef(name, version), ref));
  }
  for (const { name, version, code } of [
    { name: '', version: '', code: 'INVALID_REQUEST' },
    { name: 'm', version: 'x', code: 'INVALID_REQUEST' },
    { name: 'm', version: '0', code: 'INVALID_REQUEST' },
    { name: 'm', version: '-1', code: 'INVALID_REQUEST' },
    { name: 'm@a', version: '1', code: 'INVALID_REQUEST' },
    { name: 'm/1', version: '1', code: 'INVALID_REQUEST' },
    { name: '../m', version: '', code: 'MODEL_NOT_FOUND' },
    { name: 'm ', version: '', code: 'MODEL_NOT_FOUND' },
  ] as const) {
    it(`"${name}" with version "${version}" is refused`, () => {
      assert.throws(() => readModelRef(name, version), { code });
    });
  }
});

describe('encodings', () => {
  const text = Buffer.from('abc'.repeat(1000));

  for (const name of ['gzip', 'deflate']) {
    it(`${name} goes there and back`, async () => {
      const encoding = encodingOf(name)!;
      const packed = await compress(encoding, frameCopy(text));
      assert.equal(packed[0], 1);
      assert.ok(packed.length < 200);
      assert.deepEqual(await decompress(encoding, packed.subarray(PREFIX_BYTES), text.length), text);
    });

    it(`${name} stops at the limit`, async () => {
      const encoding = encodingOf(name)!;
      const packed = await compress(encoding, frameCopy(text));
      const unpacked = decompress(encoding, packed.subarray(PREFIX_BYTES), text.length - 1);
      await assert.rejects(unpacked, { code: 'PAYLOAD_TOO_LARGE' });
    });

    it(`${name} refuses what is cut or something else`, async () => {
      const encoding = encodingOf(name)!;
      const packed = (await compress(encoding, frameCopy(text))).subarray(PREFIX_BYTES);
      for (const bytes of [packed.subarray(0, -5), Buffer.from('something else'), Buffer.alloc(0)]) {
        await assert.rejects(decompress(encoding, bytes, 10_000), { code: 'INVALID_REQUEST' });
      }
    });
  }

  it('leave small messages as they are', async () => {
    const framed = frameCopy(Buffer.from('small'));
    assert.equal(await compress(encodingOf('gzip')!, framed), framed);
  });

  it('are none for identity, and refused when unknown', () => {
    assert.equal(encodingOf(undefined), undefined);
    assert.equal(encodingOf('identity'), undefined);
    for (const name of ['br', 'GZIP', 'constructor', '']) {
      assert.throws(() => encodingOf(name), { code: 'UNSUPPORTED_ENCODING' });
    }
  });
});

test('a request queue gives what was pushed, then ends; an error comes before what waits', async () => {
  let wanted = 0;
  const queue = new RequestQueue<number>(() => (wanted += 1));
  queue.push(1);
  queue.push(2);
  const items = queue[Symbol.asyncIterator]();
  assert.deepEqual([(await items.next()).value, (await items.next()).value, wanted], [1, 2, 0]);
  const third = items.next();
  assert.equal(wanted, 1);
  queue.push(3);
  assert.equal((await third).value, 3);
  queue.push(4);
  const stopped = new Error('stop');
  queue.end(stopped);
  queue.end();
  queue.push(5);
  await assert.rejects(items.next(), stopped);
});
