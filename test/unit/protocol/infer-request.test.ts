import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NamedTensor } from '../../../src/core/tensor.ts';
import { bindInferRequest } from '../../../src/protocol/open-inference/bind-request.ts';
import { decodeInferRequest, parseHeaderLength } from '../../../src/protocol/open-inference/infer-request.ts';
import { assertRefused } from '../../support/client-error.ts';
import { secretMarker } from '../../support/fuzz.ts';

const utf8 = new TextEncoder();
const decode = (text: string) => decodeInferRequest(utf8.encode(text));

/** A request with one input, `x`. Texts stand as they are, so that numbers of any form can be written. */
function withInput(datatype: string, shape: string, data: string): string {
  return `{"inputs":[{"name":"x","datatype":"${datatype}","shape":${shape},"data":${data}}]}`;
}

function decodeInput(datatype: string, shape: string, data: string): NamedTensor {
  return decode(withInput(datatype, shape, data)).inputs[0]!;
}

describe('an inference request in JSON', () => {
  it('names its inputs, in their order, with what else it asks for', () => {
    const request = decode(`{
      "id": "42",
      "parameters": { "timeout": 2000, "priority": 1, "binary_data_output": true, "mode": "fast", "k": 3, "sure": false },
      "inputs": [
        { "name": "a", "shape": [2, 2], "datatype": "FP32", "data": [1, 2.5, -3, 1e3] },
        { "name": "b", "shape": [1], "datatype": "BYTES", "data": ["é"], "parameters": { "note": "ignored" } }
      ],
      "outputs": [{ "name": "y", "parameters": { "binary_data": false, "classification": 2 } }, { "name": "z" }]
    }`);
    assert.deepEqual(request, {
      id: '42',
      parameters: { mode: 'fast', k: 3, sure: false },
      timeoutUs: 2000,
      inputs: [
        { name: 'a', shape: [2, 2], datatype: 'FP32', data: Float32Array.of(1, 2.5, -3, 1000) },
        { name: 'b', shape: [1], datatype: 'BYTES', data: ['é'] },
      ],
      outputs: [
        { name: 'y', binary: false, classification: 2 },
        { name: 'z', binary: undefined, classification: undefined },
      ],
      binaryDefault: true,
    });
  });

  it('leaves absent what is absent', () => {
    const { id, outputs, timeoutUs, parameters, binaryDefault } = decode('{"inputs":[]}');
    assert.deepEqual(
      { id, outputs, timeoutUs, binaryDefault },
      { id: undefined, outputs: undefined, timeoutUs: undefined, binaryDefault: false },
    );
    assert.deepEqual(parameters, {});
  });

  it('asks for all outputs with an empty list of them', () => {
    assert.equal(decode('{"inputs":[],"outputs":[]}').outputs, undefined);
  });

  it('ignores keys that the protocol does not have', () => {
    const request = decode(
      '{"model_name":"m","later":{"deep":[{"a":1}]},"inputs":[{"name":"x","shape":[1],"datatype":"BOOL","data":[true],"extra":{}}]}',
    );
    assert.deepEqual(request.inputs[0]?.data, Uint8Array.of(1));
  });

  const values: [datatype: string, data: string, expected: unknown][] = [
    ['BOOL', '[true,false]', Uint8Array.of(1, 0)],
    ['UINT8', '[0,255]', Uint8Array.of(0, 255)],
    ['UINT16', '[0,65535]', Uint16Array.of(0, 65_535)],
    ['UINT32', '[0,4294967295]', Uint32Array.of(0, 4_294_967_295)],
    ['UINT64', '[0,18446744073709551615]', BigUint64Array.of(0n, 18_446_744_073_709_551_615n)],
    ['INT8', '[-128,127]', Int8Array.of(-128, 127)],
    ['INT16', '[-32768,32767]', Int16Array.of(-32_768, 32_767)],
    ['INT32', '[-2147483648,2147483647]', Int32Array.of(-2_147_483_648, 2_147_483_647)],
    ['INT64', '[-9223372036854775808,9223372036854775807]', BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)],
    ['INT64', '[-9007199254740991,-1]', BigInt64Array.of(-9_007_199_254_740_991n, -1n)],
    ['INT64', '[9007199254740993,4294967296]', BigInt64Array.of(9_007_199_254_740_993n, 4_294_967_296n)],
    ['INT32', '[1.0,1e2]', Int32Array.of(1, 100)],
    ['FP32', '[0.1,3.4028234663852886e38]', Float32Array.of(0.1, 3.402_823_466_385_288_6e38)],
    ['FP64', '[0.1,1.7976931348623157e308]', Float64Array.of(0.1, Number.MAX_VALUE)],
    ['FP64', '[-0.0,12345678901234567890]', Float64Array.of(-0, Number('12345678901234567890'))],
    ['BYTES', '["","\\u0000\\ud834\\udd1e"]', ['', '\0𝄞']],
  ];
  for (const [datatype, data, expected] of values) {
    it(`reads ${datatype} ${data} exactly`, () => {
      assert.deepEqual(decodeInput(datatype, '[2]', data).data, expected);
    });
  }

  const refusedValues: [datatype: string, value: string, message: RegExp][] = [
    ['BOOL', '"false"', /a string, expected true or false/],
    ['BOOL', '1', /a number, expected true or false/],
    ['BOOL', 'null', /null, expected true or false/],
    ['UINT8', '256', /does not fit UINT8/],
    ['UINT8', '-1', /does not fit UINT8/],
    ['INT8', '128', /does not fit INT8/],
    ['INT16', '1e5', /does not fit INT16/],
    ['INT32', '2147483648', /does not fit INT32/],
    ['INT32', '1.5', /fraction, expected an integer/],
    ['INT32', '"1"', /a string, expected an integer/],
    ['INT32', 'true', /a boolean, expected an integer/],
    ['INT32', '{}', /an object, expected an integer/],
    ['INT32', '{"valueOf":1,"toString":2}', /an object, expected an integer/],
    ['INT64', '9223372036854775808', /does not fit INT64/],
    ['INT64', '0.5', /fraction/],
    ['INT64', '1e300', /does not fit INT64/],
    ['INT64', '9007199254740993.0', /beyond 2\^53/],
    ['UINT64', '-1', /does not fit UINT64/],
    ['UINT64', '18446744073709551616', /does not fit UINT64/],
    ['FP32', '1e39', /does not fit FP32/],
    ['FP32', '3.4028235677973366e38', /does not fit FP32/],
    ['FP32', '-1e39', /does not fit FP32/],
    ['FP32', 'null', /null, expected a number; NaN can be sent as binary/],
    ['FP32', '"1.5"', /a string, expected a number/],
    ['FP32', '"NaN"', /a string, expected a number/],
    ['FP64', '1e400', /does not fit FP64/],
    ['BYTES', '5', /a number, expected a string/],
    ['BYTES', '"\\ud800"', /lone surrogate/],
  ];
  for (const [datatype, value, message] of refusedValues) {
    it(`refuses ${value} as ${datatype}`, () => {
      assertRefused(() => decode(withInput(datatype, '[1]', `[${value}]`)), 'INVALID_INPUT', message);
    });
  }

  it('names the element that does not fit, and the input', () => {
    assertRefused(
      () => decode(withInput('UINT8', '[3]', '[1,2,300]')),
      'INVALID_INPUT',
      /^Cannot use element 2 of input "x"/,
    );
    assertRefused(
      () => decode(withInput('UINT8', '[2,2]', '[[1,2],[3,300]]')),
      'INVALID_INPUT',
      /element 3 of input "x"/,
    );
  });

  it('has no form for FP16, nor for BF16', () => {
    assertRefused(() => decode(withInput('FP16', '[1]', '[1]')), 'INVALID_INPUT', /FP16 has no JSON form/);
    assertRefused(() => decode(withInput('BF16', '[1]', '[1]')), 'UNSUPPORTED', /BF16/);
  });

  it('takes flat data and data nested like the shape', () => {
    const flat = decodeInput('INT32', '[2,3]', '[1,2,3,4,5,6]');
    assert.deepEqual(decodeInput('INT32', '[2,3]', '[[1,2,3],[4,5,6]]'), flat);
    assert.deepEqual(decodeInput('INT32', '[2,1,3]', '[[[1,2,3]],[[4,5,6]]]').data, flat.data);
  });

  it('takes nesting with axes of one element more or less', () => {
    assert.deepEqual(decodeInput('INT32', '[3]', '[[1,2,3]]').data, Int32Array.of(1, 2, 3));
    assert.deepEqual(decodeInput('INT32', '[3]', '[[1],[2],[3]]').data, Int32Array.of(1, 2, 3));
    assert.deepEqual(decodeInput('INT32', '[2,1,1,2]', '[[1,2],[3,4]]').data, Int32Array.of(1, 2, 3, 4));
    assert.deepEqual(decodeInput('INT32', '[1]', `${'['.repeat(50)}7${']'.repeat(50)}`).data, Int32Array.of(7));
  });

  it('takes a scalar, and tensors without elements', () => {
    assert.deepEqual(decodeInput('INT32', '[]', '[5]'), {
      name: 'x',
      datatype: 'INT32',
      shape: [],
      data: Int32Array.of(5),
    });
    assert.deepEqual(decodeInput('INT32', '[0]', '[]').data, new Int32Array());
    assert.deepEqual(decodeInput('INT32', '[2,0]', '[[],[]]').data, new Int32Array());
    assert.deepEqual(decodeInput('BYTES', '[0,3]', '[]').data, []);
  });

  const refusedForms: [what: string, shape: string, data: string, message: RegExp][] = [
    ['data shorter than its shape', '[4]', '[1,2,3]', /has 3 values, and shape \[4\] takes 4/],
    ['data longer than its shape', '[2]', '[1,2,3]', /has 3 values, and shape \[2\] takes 2/],
    ['ragged rows', '[2,2]', '[[1,2],[3]]', /not nested as shape/],
    ['ragged rows with the right number of values', '[2,2]', '[[1,2,3],[4]]', /not nested as shape/],
    ['a list among numbers', '[3]', '[1,[2],3]', /a list, expected an integer/],
    ['a number among lists', '[2,1]', '[[1],2]', /not nested as shape/],
    ['rows and columns exchanged', '[3,2]', '[[1,2,3],[4,5,6]]', /not nested as shape/],
    ['a nest that is deeper than the shape', '[2]', '[[1,2],[3,4]]', /not nested as shape/],
    ['a negative size', '[-1]', '[1]', /negative size/],
    ['a negative zero', '[-0]', '[]', /negative size/],
    ['a fractional size', '[1.5]', '[1]', /not an integer/],
    ['a size that is no number', '["1"]', '[1]', /not an integer/],
    ['a shape that is no list', '4', '[1]', /"shape" is missing, or no list/],
    [
      'a product beyond 2^64',
      '[4294967296,4294967296,4]',
      '[1]',
      /byte size overflow for input.*causes total element count to exceed maximum size/,
    ],
    ['a product that a zero hides', '[0,1125899906842624]', '[]', /exceed maximum size/],
    ['a shape much larger than the body', '[60000000]', '[[1]]', /fewer than the 60000000 values/],
    ['more axes than any tensor has', `[${'1,'.repeat(200)}1]`, '[1]', /more than 100 axes/],
    ['data that is no list', '[1]', '1', /"data" is no list/],
    ['data that is an object', '[1]', '{"0":1,"length":1}', /"data" is no list/],
  ];
  for (const [what, shape, data, message] of refusedForms) {
    it(`refuses ${what}`, () => {
      assertRefused(() => decode(withInput('INT32', shape, data)), 'INVALID_INPUT', message);
    });
  }

  const refusedBodies: [what: string, body: string, message: RegExp][] = [
    ['an empty body', '', /the body: it is empty/],
    ['white space alone', ' \n', /it is empty/],
    ['trailing bytes', `${withInput('INT32', '[1]', '[1]')}x`, /not valid JSON/],
    ['half a document', '{"inputs":[', /not valid JSON/],
    ['a bare NaN', withInput('FP32', '[1]', '[NaN]'), /not valid JSON/],
    ['a bare Infinity', withInput('FP32', '[1]', '[Infinity]'), /not valid JSON/],
    ['single quotes', "{'inputs':[]}", /not valid JSON/],
    ['null', 'null', /expected a JSON object/],
    ['a list', '[]', /expected a JSON object/],
    ['a number', '5', /expected a JSON object/],
    ['no inputs', '{}', /"inputs" is missing/],
    ['inputs that are no list', '{"inputs":{}}', /"inputs": expected a list/],
    ['an input that is no object', '{"inputs":[null]}', /inputs\[0\]: expected an object/],
    ['an input without a name', '{"inputs":[{}]}', /inputs\[0\]: "name" is missing/],
    ['an id that is no string', '{"id":5,"inputs":[]}', /"id": expected a string/],
    ['parameters that are no object', '{"parameters":[],"inputs":[]}', /parameters of the request: expected an object/],
    ['a parameter that is a list', '{"parameters":{"a":[1]},"inputs":[]}', /parameter "a" is neither/],
    ['a parameter that is null', '{"parameters":{"a":null},"inputs":[]}', /parameter "a" is neither/],
    ['a negative timeout', '{"parameters":{"timeout":-5},"inputs":[]}', /"timeout": expected an integer/],
    ['a timeout in words', '{"parameters":{"timeout":"5"},"inputs":[]}', /"timeout": expected an integer/],
    ['a flag that is a string', '{"parameters":{"binary_data_output":"true"},"inputs":[]}', /expected true or false/],
    ['an output requested twice', '{"inputs":[],"outputs":[{"name":"y"},{"name":"y"}]}', /already exists in request/],
    ['an output without a name', '{"inputs":[],"outputs":[{}]}', /outputs\[0\]: expected an object with a "name"/],
    ['classification 0', '{"inputs":[],"outputs":[{"name":"y","parameters":{"classification":0}}]}', /from 1 on/],
    ['classification -1', '{"inputs":[],"outputs":[{"name":"y","parameters":{"classification":-1}}]}', /integer/],
    ['equal keys', '{"inputs":[],"inputs":[]}', /the key "inputs" is given twice/],
    ['equal keys, one escaped', '{"inputs":[],"\\u0069nputs":[]}', /the key "inputs" is given twice/],
    [
      'equal keys in an input',
      '{"inputs":[{"name":"x","shape":[1],"shape":[1],"datatype":"INT32","data":[1]}]}',
      /"shape" is given twice/,
    ],
    ['equal keys in parameters', '{"inputs":[],"parameters":{"a":1,"a":2}}', /"a" is given twice/],
    ['equal keys in what is ignored', '{"inputs":[],"later":[{"a":1,"a":2}]}', /"a" is given twice/],
  ];
  for (const [what, body, message] of refusedBodies) {
    it(`refuses ${what}`, () => assertRefused(() => decode(body), 'INVALID_REQUEST', message));
  }

  it('takes colons in strings for what they are', () => {
    const request = decode(
      '{"id":"a:b\\":c","inputs":[{"name":"x","shape":[2],"datatype":"BYTES","data":["::","\\\\"]}]}',
    );
    assert.deepEqual(request.inputs[0]?.data, ['::', '\\']);
  });

  it('refuses nesting beyond the limit, wherever it is, and survives a quarter of a million levels', () => {
    const nest = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    const message = /JSON nesting depth exceeds maximum allowed limit \(100\)/;
    for (const levels of [120, 250_000]) {
      assertRefused(() => decode(withInput('INT32', '[1]', nest(levels))), 'INVALID_REQUEST', message);
      assertRefused(() => decode(`{"later":${nest(levels)},"inputs":[]}`), 'INVALID_REQUEST', message);
      assertRefused(() => decode(nest(levels)), 'INVALID_REQUEST', /expected a JSON object/);
      // An integer beyond 2^53 makes the body be read again.
      const exact = `{"inputs":[{"name":"x","shape":[1],"datatype":"INT64","data":[9007199254740993]}],"later":${nest(levels)}}`;
      assertRefused(() => decode(exact), 'INVALID_REQUEST', /nesting/);
    }
  });

  it('reads a text of 64 MB', () => {
    const text = 'a'.repeat(64 * 1024 * 1024);
    assert.equal((decodeInput('BYTES', '[1]', `["${text}"]`).data[0] as string).length, text.length);
  });

  it('refuses bytes that are not UTF-8, and takes a byte order mark', () => {
    assertRefused(() => decodeInferRequest(Uint8Array.of(0x7b, 0xff, 0x7d)), 'INVALID_REQUEST', /not UTF-8/);
    assert.deepEqual(decode('\ufeff{"inputs":[]}').inputs, []);
  });

  it('says no to sequences and shared memory, by name', () => {
    assertRefused(() => decode('{"inputs":[],"parameters":{"sequence_id":5}}'), 'UNSUPPORTED', /sequence/);
    assertRefused(() => decode('{"inputs":[],"parameters":{"sequence_start":true}}'), 'UNSUPPORTED', /sequence/);
    assert.deepEqual(decode('{"inputs":[],"parameters":{"sequence_id":0,"sequence_start":false}}').parameters, {});
    const region = '"parameters":{"shared_memory_region":"r","shared_memory_byte_size":4}';
    assertRefused(
      () => decode(`{"inputs":[{"name":"x","shape":[1],"datatype":"FP32",${region}}]}`),
      'UNSUPPORTED',
      /shared memory/,
    );
    assertRefused(() => decode(`{"inputs":[],"outputs":[{"name":"y",${region}}]}`), 'UNSUPPORTED', /shared memory/);
  });

  it('keeps names that are special in JavaScript', () => {
    const request = decode(
      '{"parameters":{"__proto__":1,"constructor":2},"inputs":[{"name":"__proto__","shape":[1],"datatype":"FP32","data":[1]}]}',
    );
    assert.equal(request.inputs[0]?.name, '__proto__');
    assert.deepEqual(Object.entries(request.parameters), [
      ['__proto__', 1],
      ['constructor', 2],
    ]);
  });

  it('never repeats a value in an error', () => {
    const secret = secretMarker();
    const bodies = [
      secret,
      `{"inputs": ${secret}}`,
      `{"id":["${secret}"],"inputs":[]}`,
      withInput('INT32', '[1]', `["${secret}"]`),
      withInput('INT32', `["${secret}"]`, '[1]'),
      withInput('INT32', '[1]', `[{"a":"${secret}"}]`),
      withInput(secret, '[1]', '[1]'),
      `{"inputs":[],"parameters":{"timeout":"${secret}"}}`,
      `{"inputs":[],"parameters":{"x":["${secret}"]}}`,
      `{"inputs":[],"parameters":{"sequence_id":"${secret}"}}`,
    ];
    for (const body of bodies) {
      assert.throws(
        () => decode(body),
        (error: Error) => !`${error.message} ${(error as { hint?: string }).hint}`.includes(secret),
      );
    }
  });
});

describe('a request against a signature', () => {
  const signature = {
    batched: true,
    inputs: [{ name: 'x', datatype: 'FP32', shape: [null, 2] }],
    outputs: [
      { name: 'y', datatype: 'FP32', shape: [null, 3] },
      { name: 'half', datatype: 'FP16', shape: [null] },
      { name: 'text', datatype: 'BYTES', shape: [null, 3] },
    ],
  } as const;
  const x: NamedTensor = { name: 'x', datatype: 'FP32', shape: [1, 2], data: new Float32Array(2) };
  const ask = (name: string, binary?: boolean, classification?: number) => ({ name, binary, classification });

  it('needs the number of inputs that the model takes', () => {
    const bind = () =>
      bindInferRequest({ inputs: [x, { ...x, name: 'w' }], outputs: undefined, binaryDefault: true }, signature, 'm');
    assertRefused(
      bind,
      'INVALID_INPUT',
      /expected 1 inputs but got 2 inputs for model "m". Got input names \["x", "w"\], expected \["x"\]/,
    );
  });

  it('asks only for outputs that the model has', () => {
    const bind = () => bindInferRequest({ inputs: [x], outputs: [ask('z')], binaryDefault: false }, signature, 'm');
    assertRefused(bind, 'INVALID_REQUEST', /unexpected inference output "z" for model "m"/);
  });

  it('gets FP16 in binary only', () => {
    const bind = (outputs: ReturnType<typeof ask>[] | undefined, binaryDefault: boolean) => () =>
      bindInferRequest({ inputs: [x], outputs, binaryDefault }, signature, 'm');
    assertRefused(bind(undefined, false), 'INVALID_REQUEST', /"half" in JSON: FP16 has no JSON form/);
    assertRefused(bind([ask('half', false)], true), 'INVALID_REQUEST', /"half" in JSON/);
    assert.deepEqual(bind([ask('half', true)], false)(), [x]);
    assert.deepEqual(bind([ask('y')], false)(), [x]);
    assert.deepEqual(bind(undefined, true)(), [x]);
  });

  it('gets classes of lists of numbers only', () => {
    const bind = (name: string) => () =>
      bindInferRequest({ inputs: [x], outputs: [ask(name, true, 1)], binaryDefault: false }, signature, 'm');
    assert.deepEqual(bind('y')(), [x]);
    assertRefused(bind('text'), 'INVALID_REQUEST', /"text" as classes/);
    assertRefused(bind('half'), 'INVALID_REQUEST', /"half" as classes/);
  });
});

describe('the length of the JSON part', () => {
  it('is digits', () => {
    assert.equal(parseHeaderLength(undefined), undefined);
    assert.equal(parseHeaderLength('0'), 0);
    assert.equal(parseHeaderLength('99999999999'), 99_999_999_999);
    for (const header of ['-1', '+1', '1.5', '0x10', '', ' 1', 'ten', '1e3', '99999999999999999999']) {
      assertRefused(() => parseHeaderLength(header), 'INVALID_REQUEST', /expected bytes in digits/);
    }
  });
});
