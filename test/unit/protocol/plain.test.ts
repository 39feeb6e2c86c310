import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Signature } from '../../../src/core/signature.ts';
import type { Tensor, TensorData } from '../../../src/core/tensor.ts';
import { decodePlainRequest, encodePlainResponse, plainForm, type PlainForm } from '../../../src/protocol/plain.ts';
import { assertRefused } from '../../support/client-error.ts';
import { secretMarker } from '../../support/fuzz.ts';

const labels = ['no', 'yes'];
const signature: Signature = {
  batched: true,
  inputs: [
    { name: 'id', datatype: 'INT64', shape: [null] },
    { name: 'X', datatype: 'FP32', shape: [null, 2], features: ['a', 'b'] },
  ],
  outputs: [
    { name: 'label', datatype: 'INT64', shape: [null], labels },
    { name: 'p', datatype: 'FP32', shape: [null, 2], labels },
  ],
};
const typed: Signature = {
  batched: true,
  inputs: [
    { name: 'flag', datatype: 'BOOL', shape: [null] },
    { name: 'word', datatype: 'BYTES', shape: [null] },
    { name: 'list', datatype: 'INT8', shape: [null, 2] },
    { name: 'maybe', datatype: 'FP64', shape: [null], missing: 'nan' },
  ],
  outputs: [],
};

const utf8 = new TextEncoder();

function dataOf(text: string, form: PlainForm, of = signature): TensorData[] {
  return decodePlainRequest(utf8.encode(text), form, of).map(({ data }) => data);
}

const twoRows = [BigInt64Array.of(1n, 2n), Float32Array.of(0.5, 1, 1.5, 2)];

describe('the plain door', () => {
  it('knows the form of a body by its content type', () => {
    assert.equal(plainForm('application/json; charset=utf-8'), 'json');
    assert.equal(plainForm('Text/CSV'), 'csv');
    assert.equal(plainForm('application/x-ndjson'), 'ndjson');
    for (const other of ['', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'constructor']) {
      assert.equal(plainForm(other), undefined);
    }
  });

  it('takes rows in JSON', () => {
    assert.deepEqual(dataOf('{"rows":[{"id":1,"a":0.5,"b":1},[2,1.5,2]]}', 'json'), twoRows);
  });

  it('takes a row on each line of NDJSON', () => {
    assert.deepEqual(dataOf('{"id":1,"a":0.5,"b":1}\r\n\n[2,1.5,2]', 'ndjson'), twoRows);
  });

  it('takes CSV with a header, in any order of columns', () => {
    assert.deepEqual(dataOf('\ufeffb,id,a\r\n1,1,.5\r\n"2", 2 ,15e-1\r\n\r\n', 'csv'), twoRows);
  });

  it('keeps all digits of 64-bit integers in each', () => {
    const exact = [BigInt64Array.of(9_007_199_254_740_993n), Float32Array.of(1, 2)];
    assert.deepEqual(dataOf('{"rows":[[9007199254740993,1,2]]}', 'json'), exact);
    assert.deepEqual(dataOf('{"id":9007199254740993,"a":1,"b":2}', 'ndjson'), exact);
    assert.deepEqual(dataOf('id,a,b\n9007199254740993,1,2', 'csv'), exact);
  });

  it('reads cells as their columns say', () => {
    const text = 'flag,word,list,maybe\nTrue," a,""b""\n","[1,2]",\nfalse,,"[[3],[4]]",NaN1'.replace('NaN1', '5');
    assert.deepEqual(dataOf(text, 'csv', typed), [
      Uint8Array.of(1, 0),
      [' a,"b"\n', ''],
      Int8Array.of(1, 2, 3, 4),
      Float64Array.of(NaN, 5),
    ]);
  });

  const refused: [
    what: string,
    form: PlainForm,
    body: string,
    code: 'INVALID_REQUEST' | 'INVALID_INPUT',
    message: RegExp,
  ][] = [
    ['no body', 'json', '', 'INVALID_REQUEST', /it is empty/],
    ['no rows', 'json', '{}', 'INVALID_REQUEST', /expected an object with a list "rows"/],
    ['rows alone', 'json', '[[1,2,3]]', 'INVALID_REQUEST', /expected an object with a list "rows"/],
    ['more than rows', 'json', '{"rows":[],"row":1}', 'INVALID_REQUEST', /the key "row" is unknown/],
    ['equal keys', 'json', '{"rows":[{"id":1,"id":2,"a":1,"b":1}]}', 'INVALID_REQUEST', /"id" is given twice/],
    ['a number too large', 'json', '{"rows":[[1,1e400,2]]}', 'INVALID_INPUT', /"a" of rows\[0\]: it does not fit FP32/],
    [
      'an integer too large',
      'json',
      '{"rows":[[9223372036854775808,1,2]]}',
      'INVALID_INPUT',
      /"id" of rows\[0\]: it does not fit INT64/,
    ],
    ['a broken line', 'ndjson', '[1,1,1]\n\n{"id":1', 'INVALID_REQUEST', /line 3: it is not valid JSON/],
    ['a wrong line', 'ndjson', '[1,1,1]\n\n[1,1]', 'INVALID_INPUT', /line 3: it has 2 values/],
    ['equal keys in a line', 'ndjson', '{"id":1,"a":1,"b":1,"b":2}', 'INVALID_REQUEST', /"b" is given twice/],
    ['no header', 'csv', '', 'INVALID_REQUEST', /it has no header/],
    ['equal columns', 'csv', 'id,a,a\n1,2,3', 'INVALID_REQUEST', /two columns are named "a"/],
    ['an unknown column', 'csv', 'id,a,b,c\n1,2,3,4', 'INVALID_INPUT', /line 2: the key "c" is unknown/],
    ['a missing column', 'csv', 'id,a\n1,2', 'INVALID_INPUT', /line 2: "b" is missing/],
    ['an empty cell', 'csv', 'id,a,b\n1,,3', 'INVALID_INPUT', /line 2: "a" is missing/],
    ['a short line', 'csv', 'id,a,b\n1,2,3\n1,2', 'INVALID_REQUEST', /at line 3: it has another number of cells/],
    ['a quote that never ends', 'csv', 'id,a,b\n1,2,"3', 'INVALID_REQUEST', /a quote is never closed/],
    ['text for a number', 'csv', 'id,a,b\n1,2,3\n1,2,3x', 'INVALID_INPUT', /"b" of line 3: expected a number/],
    ['a hexadecimal number', 'csv', 'id,a,b\n0x10,2,3', 'INVALID_INPUT', /"id" of line 2: expected an integer/],
    ['a fraction', 'csv', 'id,a,b\n1.5,2,3', 'INVALID_INPUT', /"id" of line 2: it has a fraction/],
    ['a number in words', 'csv', 'id,a,b\n1,NaN,3', 'INVALID_INPUT', /"a" of line 2: expected a number/],
    ['a line after a cell of two lines', 'csv', '"id",a,b\n1,2,3\n"\n1",2,3\n1,2,x', 'INVALID_INPUT', /"b" of line 5/],
  ];
  for (const [what, form, body, code, message] of refused) {
    it(`refuses ${what} in ${form}`, () => assertRefused(() => dataOf(body, form), code, message));
  }

  it('refuses cells that their columns cannot take', () => {
    for (const [cells, message] of [
      ['1,w,"[1,2]",1', /"flag" of line 2: expected true or false/],
      ['true,w,"[1,",1', /"list" of line 2: expected a list as JSON text/],
      ['true,w,"[1]",1', /"list": it has 1 values/],
    ] as const) {
      assertRefused(() => dataOf(`flag,word,list,maybe\n${cells}`, 'csv', typed), 'INVALID_INPUT', message);
    }
  });

  it('survives a quarter of a million levels of nesting', () => {
    const nest = '['.repeat(250_000) + ']'.repeat(250_000);
    const deep: Signature = { ...signature, inputs: [{ name: 'x', datatype: 'INT64', shape: [null, 1] }] };
    assertRefused(() => dataOf(`{"rows":[{"x":${nest}}]}`, 'json', deep), 'INVALID_REQUEST', /nesting depth exceeds/);
    assertRefused(() => dataOf(`{"rows":[[9007199254740993],${nest}]}`, 'json', deep), 'INVALID_REQUEST', /nesting/);
    assertRefused(() => dataOf(nest, 'ndjson', deep), 'INVALID_REQUEST', /nesting depth exceeds/);
  });

  it('never repeats a value in an error', () => {
    const secret = secretMarker();
    for (const [form, body] of [
      ['json', `{"rows":[["${secret}",1,2]]}`],
      ['json', `{"rows":${secret}}`],
      ['ndjson', `["${secret}",1,2]`],
      ['ndjson', secret],
      ['csv', `id,a,b\n${secret},1,2`],
      ['csv', `id,a,b\n${secret},1`],
      ['csv', `id,a,b\n1,"${secret}"x,2`],
      ['csv', `id,a,b\n1,${secret}"",2`],
      ['csv', `id,a,b\n1,2,"${secret}`],
    ] as const) {
      assert.throws(
        () => dataOf(body, form),
        (error: Error & { hint?: string }) => !`${error.message} ${error.hint}`.includes(secret),
      );
    }
  });
});

describe('answers of the plain door', () => {
  const outputs: Tensor[] = [
    { datatype: 'INT64', shape: [2], data: BigInt64Array.of(1n, 0n) },
    { datatype: 'FP32', shape: [2, 2], data: Float32Array.of(0.25, 0.75, NaN, 1) },
  ];
  const encode = (form: PlainForm, withLabels: boolean) =>
    encodePlainResponse({ model: { name: 'm', version: 2 }, signature, outputs, rows: 2 }, form, {
      labels: withLabels,
    });

  it('name the model and the version in JSON', () => {
    assert.deepEqual(JSON.parse(encode('json', false)), {
      model: 'm',
      version: 2,
      rows: [
        { label: 1, p: [0.25, 0.75] },
        { label: 0, p: [null, 1] },
      ],
    });
    assert.deepEqual((JSON.parse(encode('json', true)) as { rows: unknown }).rows, [
      { label: 'yes', 'p.no': 0.25, 'p.yes': 0.75 },
      { label: 'no', 'p.no': null, 'p.yes': 1 },
    ]);
  });

  it('are a row on each line in NDJSON', () => {
    assert.equal(encode('ndjson', false), '{"label":1,"p":[0.25,0.75]}\n{"label":0,"p":[null,1]}\n');
  });

  it('have lists as JSON text in CSV, or a column for each class', () => {
    assert.equal(encode('csv', false), 'label,p\n1,"[0.25,0.75]"\n0,"[null,1]"\n');
    assert.equal(encode('csv', true), 'label,p.no,p.yes\nyes,0.25,0.75\nno,NaN,1\n');
  });

  it('quote what CSV would read otherwise, and can be read back', () => {
    const words: Tensor[] = [{ datatype: 'BYTES', shape: [4], data: ['a,"b"', ' c', 'd\ne', utf8.encode('é')] }];
    const of: Signature = { ...signature, outputs: [{ name: 'w,1', datatype: 'BYTES', shape: [null] }] };
    const text = encodePlainResponse(
      { model: { name: 'm', version: 1 }, signature: of, outputs: words, rows: 4 },
      'csv',
      { labels: false },
    );
    assert.equal(text, '"w,1"\n"a,""b"""\n" c"\n"d\ne"\né\n');
    const back = { batched: true, inputs: of.outputs, outputs: [] };
    assert.deepEqual(dataOf(text, 'csv', back), [['a,"b"', ' c', 'd\ne', 'é']]);
  });

  it('refuse bytes that are not text', () => {
    const bytes: Tensor[] = [{ datatype: 'BYTES', shape: [1], data: [Uint8Array.of(0xff)] }];
    const of: Signature = { ...signature, outputs: [{ name: 'w', datatype: 'BYTES', shape: [null] }] };
    for (const form of ['json', 'ndjson', 'csv'] as const) {
      const encodeBytes = () =>
        encodePlainResponse({ model: { name: 'm', version: 1 }, signature: of, outputs: bytes, rows: 1 }, form, {
          labels: false,
        });
      assertRefused(encodeBytes, 'UNSUPPORTED', /output "w" as text/);
    }
  });
});
