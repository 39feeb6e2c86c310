/** What TorchServe's clients send, from bytes to tensors and back, also when it is damaged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServeryError } from '../../../src/core/errors.ts';
import type { Signature } from '../../../src/core/signature.ts';
import { readForm } from '../../../src/protocol/form-data.ts';
import { DEFAULT_DECODE_LIMITS } from '../../../src/protocol/json.ts';
import { decodePredictionsRequest } from '../../../src/protocol/torchserve/messages.ts';
import { asItsWriter } from '../../../src/protocol/torchserve/metrics.ts';
import { decodeBody } from '../../../src/protocol/torchserve/request.ts';
import { encodeAnswer, prettyJson } from '../../../src/protocol/torchserve/response.ts';
import { fuzz } from '../../support/fuzz.ts';

const TYPE = 'multipart/form-data; boundary=xYz';
const PARTS =
  '--xYz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1.5\r\n' +
  '--xYz\r\ncontent-disposition: form-data; name="note"; filename="n.txt"\r\nContent-Type: text/plain\r\n\r\n' +
  'two\r\nlines\r\n--xYz\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--xYz--\r\n';
const bytes = (text: string) => new TextEncoder().encode(text);
const mixed: Signature = {
  inputs: [
    { name: 'a', datatype: 'FP32', shape: [null] },
    { name: 'id', datatype: 'INT64', shape: [null] },
    { name: 'note', datatype: 'BYTES', shape: [null], text: true },
  ],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [null] }],
  batched: true,
};
const image: Signature = { ...mixed, inputs: [{ name: 'image', datatype: 'BYTES', shape: [null] }] };
const pixels: Signature = { ...mixed, inputs: [{ name: 'p', datatype: 'UINT8', shape: [null, 2, 2] }] };
const decode = (body: string | Uint8Array, type: string, signature: Signature) =>
  decodeBody(typeof body === 'string' ? bytes(body) : body, type, signature, DEFAULT_DECODE_LIMITS);

test('a multipart form has its fields, with their types and their bytes', () => {
  const fields = readForm(bytes(PARTS), TYPE)!;
  assert.deepEqual(
    fields.map(({ name, mediaType, bytes: content }) => [name, mediaType, Buffer.from(content).toString()]),
    [
      ['a', '', '1.5'],
      ['note', 'text/plain', 'two\r\nlines'],
      ['empty', '', ''],
    ],
  );
  assert.equal(readForm(bytes(PARTS), 'text/plain'), undefined);
});

for (const [what, body, type] of [
  ['no boundary', PARTS, 'multipart/form-data'],
  ['another boundary', PARTS, 'multipart/form-data; boundary=other'],
  ['no end', PARTS.slice(0, -10), TYPE],
  ['a part without a name', PARTS.replace('; name="a"', ''), TYPE],
  ['a transfer encoding', PARTS.replace('Content-Type: text/plain', 'Content-Transfer-Encoding: base64'), TYPE],
  ['a broken escape', 'a=%zz', 'application/x-www-form-urlencoded'],
] as const) {
  test(`a form with ${what} is refused`, () => {
    assert.throws(() => readForm(bytes(body), type), { code: 'INVALID_REQUEST' });
  });
}

test('fields are one row, each read as its feature says, integers exactly', () => {
  const { form, tensors } = decode('a=1.5&id=9007199254740993&note=1+%26', 'application/x-www-form-urlencoded', mixed);
  assert.equal(form, 'one');
  assert.deepEqual(
    tensors.map(({ data }) => Array.from(data as Iterable<unknown>)),
    [[1.5], [9007199254740993n], ['1 &']],
  );
  for (const body of ['a=1&a=2', 'a=x&id=1&note=', 'a=1&id=1&note=&b=1', '']) {
    assert.throws(() => decode(body, 'application/x-www-form-urlencoded', mixed), ServeryError, body);
  }
});

test('a model of bytes takes any body as it is', () => {
  const raw = Uint8Array.of(0xff, 0xd8, 0, 1);
  assert.deepEqual(decode(raw, 'image/jpeg', image).tensors[0]!.data, [raw]);
  assert.deepEqual(decode('"text"', 'application/json', image).tensors[0]!.data, ['text']);
});

test('lists are told from lists of rows by their depth', () => {
  assert.deepEqual(decode('[[1, 2], [3, 4]]', '', pixels).form, 'one');
  assert.deepEqual(decode('[[[1, 2], [3, 4]]]', '', pixels).form, 'many');
  assert.throws(() => decode('[1, 2]', '', pixels), { code: 'INVALID_INPUT' });
  assert.throws(() => decode('{"a": 1, "a": 2, "id": 1, "note": ""}', '', mixed), /given twice/);
});

test('text and bytes are answered as they are, all else as JSON', () => {
  const outputs = (data: readonly (string | Uint8Array)[]) => [
    { datatype: 'BYTES' as const, shape: [data.length], data },
  ];
  const texts: Signature = { ...mixed, outputs: [{ name: 'y', datatype: 'BYTES', shape: [null] }] };
  assert.deepEqual(encodeAnswer(texts, outputs(['yes']), 1, 'one').body, 'yes');
  assert.deepEqual(encodeAnswer(texts, outputs([Uint8Array.of(255)]), 1, 'one'), {
    contentType: 'application/octet-stream',
    body: Uint8Array.of(255),
  });
  assert.deepEqual(encodeAnswer(texts, outputs(['yes', 'no']), 2, 'many').body, '["yes","no"]');
});

test('JSON is printed as its writer does', () => {
  assert.equal(
    prettyJson({ message: `it's <a> & "b"` }),
    '{\n  "message": "it\\u0027s \\u003ca\\u003e \\u0026 \\"b\\""\n}\n',
  );
});

test('damaged forms, bodies and messages are read or refused, and nothing else', () => {
  const urlEncoded = bytes('a=1.5&id=3&note=x');
  const json = bytes('[{"a": 1.5, "id": 3, "note": "x"}]');
  const message = Buffer.from('0a04697269731203312e301a0b0a0464617461120 35b315d2201'.replace(/ /g, ''), 'hex');
  const pieces = ['\r\n--xYz', '--', '"', ';', '%', '&', '=', '[', '{', '\xff', '\x80\x80'].map((text) =>
    Buffer.from(text, 'latin1'),
  );
  fuzz((random) => {
    const [body, type] = random.pick([
      [bytes(PARTS), TYPE],
      [urlEncoded, 'application/x-www-form-urlencoded'],
      [json, 'application/json'],
    ] as const);
    const damaged = random.mutate(body, pieces);
    for (const read of [
      () => decode(damaged, type, random.pick([mixed, image, pixels])),
      () => decodePredictionsRequest(Buffer.from(random.mutate(message, pieces))),
    ]) {
      try {
        read();
      } catch (error) {
        if (!(error instanceof ServeryError) || error.code === 'INTERNAL') throw error;
      }
    }
  });
});

test('metrics are printed as its own writer prints them', () => {
  const lines = ['# HELP a A count: 3', '# TYPE a counter'];
  const ours = [...lines, 'a{Level="Host",x="\\"} 1"} 41', 'b 7', 'c{le="+Inf"} -2', 'd{x="y"} 0.5', 'e 1e21', ''];
  const itsOwn = [
    ...lines,
    'a{Level="Host",x="\\"} 1",} 41.0',
    'b 7.0',
    'c{le="+Inf",} -2.0',
    'd{x="y",} 0.5',
    'e 1e21',
    '',
  ];
  assert.equal(asItsWriter(ours.join('\n')), itsOwn.join('\n'));
});
