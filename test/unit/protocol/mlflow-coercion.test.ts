/**
 * The table of conversions of MLflow's scoring server, row by row: in its profile as it has them, strictly refused where
 * they lose something. `test/foreign/mlflow-coercion.test.ts` asks MLflow itself.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ServeryError } from '../../../src/core/errors.ts';
import type { ValueHint } from '../../../src/core/model.ts';
import type { Datatype } from '../../../src/core/tensor.ts';
import { DEFAULT_DECODE_LIMITS } from '../../../src/protocol/json.ts';
import type { ScoringProfile } from '../../../src/protocol/mlflow/coercion.ts';
import { checkParams } from '../../../src/protocol/mlflow/params.ts';
import { parsePythonJson, pythonFloat, pythonRepr } from '../../../src/protocol/mlflow/python-json.ts';
import { decodeFrame, decodeScoring } from '../../../src/protocol/mlflow/scoring-request.ts';
import { parseParams, parseSchema } from '../../../src/repository/mlmodel-schema.ts';
import { columns } from '../../support/mlmodel.ts';
import { fuzz } from '../../support/fuzz.ts';

const DATATYPES: Readonly<Record<string, Datatype>> = {
  boolean: 'BOOL',
  integer: 'INT32',
  long: 'INT64',
  float: 'FP32',
  double: 'FP64',
  string: 'BYTES',
  binary: 'BYTES',
  datetime: 'BYTES',
};

const hintsOf = (values: readonly object[]) => parseSchema('inputs', JSON.stringify(values)) as readonly ValueHint[];

function targetOf(type: string, profile: ScoringProfile, datatype = DATATYPES[type]!) {
  const inputs = [{ name: 'x', datatype, shape: [null] }];
  const declared = { inputs: hintsOf(columns(type, 'x')) };
  return { signature: { inputs, outputs: [], batched: true }, declared, profile };
}

/** The value that reaches the model, of one row. */
function read(type: string, body: string, profile: ScoringProfile, datatype?: Datatype): unknown {
  const target = targetOf(type, profile, datatype);
  const { tensors } = decodeScoring(Buffer.from(body), 'json', target, DEFAULT_DECODE_LIMITS);
  const value = tensors[0]!.data[0];
  return value instanceof Uint8Array ? Buffer.from(value).toString() : value;
}

const frame = (value: string) => `{"dataframe_split": {"columns": ["x"], "data": [[${value}]]}}`;
const tensors = (value: string) => `{"inputs": {"x": [${value}]}}`;

/** Type, value, what becomes of it in a frame and in tensors; undefined: refused. */
const TABLE: readonly (readonly [string, string, unknown, unknown])[] = [
  ['boolean', 'true', 1, 1],
  ['boolean', '1', 1, 1],
  ['boolean', '0', 0, 0],
  ['boolean', '"false"', 1, 1],
  ['boolean', '""', 0, 0],
  ['boolean', 'null', 0, 0],
  ['boolean', '2.5', 1, 1],
  ['integer', '1', 1, 1],
  ['integer', '1.0', 1, 1],
  ['integer', '"3"', 3, 3],
  ['integer', 'true', 1, 1],
  ['integer', '1.7', 1, 1],
  ['integer', '3000000000', -1294967296, undefined],
  ['integer', 'null', undefined, undefined],
  ['integer', '"x"', undefined, undefined],
  ['long', '1.9', 1n, 1n],
  ['long', '"7"', 7n, 7n],
  ['long', 'true', 1n, 1n],
  ['long', '9007199254740993', 9007199254740993n, 9007199254740993n],
  ['long', 'null', undefined, undefined],
  ['float', '1', 1, 1],
  ['float', '"2.5"', 2.5, 2.5],
  ['float', 'null', NaN, NaN],
  ['float', '1e40', Infinity, Infinity],
  ['double', '1', 1, 1],
  ['double', '"2.5"', 2.5, 2.5],
  ['double', 'null', NaN, NaN],
  ['double', 'true', 1, 1],
  ['double', '"nan"', NaN, NaN],
  ['double', '"x"', undefined, undefined],
  ['string', '"a"', 'a', 'a'],
  ['string', '1', '1', '1'],
  ['string', 'true', 'True', 'True'],
  ['string', '{"k":1}', "{'k': 1}", "{'k': 1}"],
  ['string', 'null', 'None', 'None'],
  ['binary', '"aGVsbG8="', 'hello', 'aGVsbG8='],
  ['binary', '"aGVsbG8"', undefined, 'aGVsbG8'],
  ['binary', '1', undefined, '1'],
  ['binary', 'null', undefined, 'None'],
  ['datetime', '"2024-01-02"', '2024-01-02T00:00:00', '2024-01-02T00:00:00'],
  ['datetime', '"2024-01-02T03:04:05Z"', undefined, '2024-01-02T03:04:05'],
  ['datetime', '"2024-01-02T03:04:05+02:00"', undefined, '2024-01-02T01:04:05'],
  ['datetime', '1704164645000000000', '2024-01-02T03:04:05', '2024-01-02T03:04:05'],
  ['datetime', 'null', 'NaT', 'NaT'],
  ['datetime', '"x"', undefined, undefined],
];

describe('conversions of the profile mlflow-compat', () => {
  for (const [type, value, inFrame, inTensors] of TABLE) {
    test(`${value} for ${type}`, () => {
      for (const [body, expected] of [
        [frame(value), inFrame],
        [tensors(value), inTensors],
      ] as const) {
        if (expected === undefined) {
          assert.throws(
            () => read(type, body, 'mlflow-compat'),
            (error) => error instanceof ServeryError,
          );
        } else assert.deepEqual(read(type, body, 'mlflow-compat'), expected, body);
      }
    });
  }

  test('depend on what is beside a value in its column', () => {
    const column = (values: string) => `{"dataframe_split": {"columns": ["x"], "data": [${values}]}}`;
    assert.equal(read('integer', column('[3000000000],[1]'), 'mlflow-compat'), -1294967296);
    assert.throws(() => read('integer', column('[3000000000],["1"]'), 'mlflow-compat'), { code: 'INVALID_REQUEST' });
    assert.throws(() => read('integer', column('[1],[null]'), 'mlflow-compat'), { code: 'INVALID_REQUEST' });
    assert.equal(read('string', column('[1],[2.5]'), 'mlflow-compat'), '1.0');
  });
});

describe('strictly', () => {
  // The rows of the table that lose something, and what is of another type altogether.
  for (const [type, value] of [
    ['boolean', '"false"'],
    ['boolean', 'null'],
    ['boolean', '1'],
    ['boolean', '2.5'],
    ['boolean', '""'],
    ['integer', '1.7'],
    ['integer', '3000000000'],
    ['integer', '"3"'],
    ['integer', 'true'],
    ['long', '1.9'],
    ['long', '9223372036854775808'],
    ['long', '"7"'],
    ['float', '1e40'],
    ['float', '"2.5"'],
    ['float', 'null'],
    ['double', '"nan"'],
    ['double', 'true'],
    ['string', '1'],
    ['string', 'true'],
    ['string', '{"k":1}'],
    ['string', 'null'],
    ['binary', '"aGVsbG8"'],
    ['binary', '1'],
    ['datetime', '"2024-01-02T03:04:05Z"'],
    ['datetime', '"2024-01-02T03:04:05+02:00"'],
    ['datetime', '"x"'],
  ] as const) {
    test(`${value} is refused for ${type}`, () => {
      for (const body of [frame(value), tensors(value)]) {
        assert.throws(() => read(type, body, 'strict'), { code: 'INVALID_REQUEST' }, body);
      }
    });
  }

  test('a column is held to its own type, whatever tensor it becomes part of', () => {
    for (const [type, value] of [
      ['integer', '1.7'],
      ['integer', '3000000000'],
      ['long', '1.9'],
      ['float', '1e40'],
    ] as const) {
      assert.throws(() => read(type, frame(value), 'strict', 'FP64'), { code: 'INVALID_REQUEST' }, type);
      assert.throws(() => read(type, tensors(value), 'strict', 'FP64'), { code: 'INVALID_REQUEST' }, type);
    }
    assert.equal(read('integer', frame('2'), 'strict', 'FP64'), 2);
  });

  test('text in base64 is bytes in a frame, and refused where MLflow would not decode it', () => {
    assert.equal(read('binary', frame('"aGVsbG8="'), 'strict'), 'hello');
    assert.throws(() => read('binary', tensors('"aGVsbG8="'), 'strict'), { code: 'INVALID_REQUEST' });
    const cells = Buffer.from('x\naGVsbG8=\n');
    const target = targetOf('binary', 'strict');
    assert.throws(() => decodeScoring(cells, 'csv', target, DEFAULT_DECODE_LIMITS), { code: 'INVALID_REQUEST' });
  });
});

describe('parameters', () => {
  const declared = parseParams(
    JSON.stringify([
      { name: 'n', type: 'long', default: 1, shape: null },
      { name: 'list', dtype: 'double', default: [1], shape: [-1] },
    ]),
  );
  assert.ok(typeof declared === 'object');
  const check = (text: string) => checkParams(parsePythonJson(text, 10), declared);

  test('may be left out, unknown, and of a type that loses nothing', () => {
    for (const text of ['null', '{}', '{"n": 2}', '{"n": null}', '{"list": [1, 2.5]}', '{"other": "x"}']) check(text);
  });

  for (const [text, message] of [
    ['[1]', "Failed to predict data. \nError: Parameters must be a dictionary. Got type 'list'."],
    [
      '{"n": 2.0}',
      "Failed to predict data. \nError: Invalid parameters found: {('n', \"Failed to validate type and shape for 'n': " +
        "long (default: 1), error: Can not safely convert `<class 'float'>` to `DataType.long`\")}",
    ],
  ] as const) {
    test(`refuse ${text} in the words of MLflow`, () => assert.throws(() => check(text), { message }));
  }

  for (const text of ['{"n": true}', '{"n": "2"}', '{"list": 1}', '{"list": ["x"]}', '{"list": [true]}']) {
    test(`refuse ${text}`, () => assert.throws(() => check(text), { code: 'INVALID_REQUEST' }));
  }

  test('are checked where the model declares them', () => {
    const target = { ...targetOf('double', 'strict'), declared: { inputs: [], params: declared } };
    const body = Buffer.from('{"inputs": {"x": [1]}, "params": {"n": 2.0}}');
    assert.throws(() => decodeScoring(body, 'json', target, DEFAULT_DECODE_LIMITS), /Invalid parameters found/);
  });
});

test('a frame of Parquet is let through only where no type loses anything', () => {
  const of = (sqlType: string, ...values: unknown[]) => ({
    columns: [{ name: 'x', sqlType }],
    rows: values.map((x) => ({ x })),
  });
  const compat = (type: string, given: ReturnType<typeof of>) =>
    Array.from(
      decodeFrame(given, targetOf(type, 'mlflow-compat'), DEFAULT_DECODE_LIMITS).tensors[0]!
        .data as unknown as number[],
    );
  assert.deepEqual(compat('double', of('INTEGER', 7)), [7]);
  assert.deepEqual(compat('double', of('BIGINT', 0n, 1n)), [0, 1]);
  assert.deepEqual(compat('double', of('DOUBLE', 1.5, null)), [1.5, NaN]);
  assert.deepEqual(compat('long', of('UINTEGER', 7)), [7n]);
  assert.throws(() => compat('double', of('BIGINT', 7n)), {
    code: 'INVALID_INPUT',
    message: 'Incompatible input types for column x. Can not safely convert int64 to float64.',
  });
  assert.throws(() => compat('float', of('DOUBLE', 1.5)), { code: 'INVALID_INPUT' });
  assert.throws(() => compat('long', of('UBIGINT', 7n)), { code: 'INVALID_INPUT' });
  const strict = decodeFrame(of('BIGINT', 7n), targetOf('double', 'strict'), DEFAULT_DECODE_LIMITS);
  assert.deepEqual(strict.tensors[0]!.data, Float64Array.of(7));
});

test('floats and texts are printed as Python prints them', () => {
  for (const [value, text] of [
    [1, '1.0'],
    [0.1, '0.1'],
    [1e16, '1e+16'],
    [123456789012345680, '1.2345678901234568e+17'],
    [1e-5, '1e-05'],
    [0.0001, '0.0001'],
    [-0, '-0.0'],
    [1e22, '1e+22'],
    [NaN, 'nan'],
    [-Infinity, '-inf'],
  ] as const) {
    assert.equal(pythonFloat(value), text);
  }
  assert.equal(pythonRepr({ a: [null, true, "it's", 'x"\'\n'] }), `{'a': [None, True, "it's", 'x"\\'\\n']}`);
});

test('no body brings the profile to anything but an error of the client', () => {
  const seeds = Object.keys(DATATYPES).flatMap((type) =>
    ['1', '"2024-01-02"', '"aGVsbG8="', 'NaN', '[1, 2.5]', '18446744073709551616'].flatMap((value) => [
      [type, frame(value)] as const,
      [type, tensors(value)] as const,
    ]),
  );
  const pieces = ['NaN', '-Infinity', '1e999', '"x"', '99999999999999999999', '[', ']', '{', '}', 'null', ',', '2.0'];
  fuzz((random) => {
    const [type, body] = random.pick(seeds);
    const bytes = random.mutate(
      Buffer.from(body),
      pieces.map((piece) => Buffer.from(piece)),
    );
    try {
      decodeScoring(bytes, 'json', targetOf(type, 'mlflow-compat'), DEFAULT_DECODE_LIMITS);
    } catch (error) {
      if (!(error instanceof ServeryError) || error.code === 'INTERNAL') throw error;
    }
  });
});
