/**
 * The profile `mlflow-compat` beside MLflow itself: the same bodies, the same values, or the same failure. And strictly
 * the same values or none.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { before, describe, it } from 'node:test';
import { ServeryError } from '../../src/core/errors.ts';
import type { ValueHint } from '../../src/core/model.ts';
import type { Signature, TensorSpec } from '../../src/core/signature.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { elementCount } from '../../src/core/tensor.ts';
import { checkInputs } from '../../src/core/signature.ts';
import { readParquetBody } from '../../src/dataset/parquet-body.ts';
import { STATUS } from '../../src/http/errors.ts';
import { DEFAULT_DECODE_LIMITS } from '../../src/protocol/json.ts';
import { scoringType } from '../../src/protocol/mlflow/content-type.ts';
import { pythonFloat } from '../../src/protocol/mlflow/python-json.ts';
import { scoringFailure } from '../../src/protocol/mlflow/scoring-failure.ts';
import { decodeFrame, decodeScoring } from '../../src/protocol/mlflow/scoring-request.ts';
import { parseParams, parseSchema } from '../../src/repository/mlmodel-schema.ts';
import { Random } from '../support/fuzz.ts';

interface Case {
  readonly inputs: readonly object[];
  readonly params?: readonly object[];
  readonly type: string;
  readonly body?: string;
  readonly frame?: { readonly values: readonly unknown[]; readonly dtype: string };
  /** By which both sides print values. */
  readonly kind: string;
}

interface Answer {
  readonly status: number;
  readonly values?: unknown;
  readonly error?: Readonly<Record<string, string>>;
  readonly text?: string;
  /** The Parquet file that was sent, in base64. */
  readonly body?: string;
}

type Profile = 'strict' | 'mlflow-compat';

const VALUES = [
  ...['true', 'false', '1', '0', '-1', '2', '1.0', '1.7', '-1.7', '2.5', '3000000000', '-3000000000', '1e40', '1e400'],
  ...['9007199254740993', '9223372036854775807', '9223372036854775808', '18446744073709551616', '1e16', '1e-5'],
  ...[
    'null',
    'NaN',
    'Infinity',
    '""',
    '"a"',
    '"false"',
    '"3"',
    '" 4 "',
    '"2.5"',
    '"nan"',
    '"inf"',
    '"1_000"',
    '"0x10"',
  ],
  ...[
    '"aGVsbG8="',
    '"aGVsbG8"',
    '"aGV sbG8="',
    '"é"',
    '"2024-01-02"',
    '"2024-01-02T03:04:05"',
    '"2024-01-02T03:04:05Z"',
  ],
  ...['"2024-01-02 03:04:05.678"', '"2024-01-02T03:04:05+02:00"', '"2024-13-02"', '1704164645000000000'],
  ...['{"k":1}', '{"k":"it\'s"}'],
];
const TYPES = ['boolean', 'integer', 'long', 'float', 'double', 'string', 'binary', 'datetime'];

function columnCases(): Case[] {
  return TYPES.flatMap((kind) => {
    const inputs = [{ type: kind, name: 'x', required: true }];
    const json = (body: string): Case => ({ inputs, type: 'application/json', body, kind });
    const values = ['boolean', 'string', 'binary'].includes(kind) ? VALUES : [...VALUES, '[1]', '[1.5,"x"]'];
    // NumPy takes a lone number in a text for a year, of which few fit.
    const known = kind === 'datetime' ? values.filter((value) => value !== '"3"') : values;
    const alone = known.flatMap((value) => [
      json(`{"dataframe_split": {"columns": ["x"], "data": [[${value}]]}}`),
      json(`{"dataframe_records": [{"x": ${value}, "other": 1}]}`),
      json(`{"instances": [{"x": ${value}}]}`),
      json(`{"inputs": {"x": [${value}]}}`),
      json(`{"inputs": [${value}]}`),
    ]);
    // What is beside a value decides what pandas takes the column for.
    const beside = VALUES.flatMap((value) =>
      ['1', '2.5', 'true', 'null', '"7"'].map((other) =>
        json(`{"dataframe_split": {"columns": ["x"], "data": [[${value}],[${other}]]}}`),
      ),
    );
    const cells = [
      '1',
      '1.5',
      '',
      'true',
      'False',
      'TRUE',
      'yes',
      '007',
      'NA',
      'nan',
      'inf',
      ' 3',
      '3000000000',
      '1e3',
      'a',
    ];
    const floats = kind === 'double' ? manyDigits() : [];
    const csv = [...cells, ...floats, '9223372036854775808', '2024-01-02', 'aGVsbG8='].map((cell): Case => {
      return { inputs, type: 'text/csv', body: `y,x\n0,${cell}\n`, kind };
    });
    csv.push({ inputs, type: 'text/csv', body: 'x,y\n1,2\n1\n', kind });
    return [...alone, ...beside, ...csv];
  });
}

/** Of which pandas takes a third for a neighbour of the nearest double. */
function manyDigits(): string[] {
  const random = new Random(1);
  const digits = () => String(random.bits()) + String(random.bits()).slice(0, random.below(10));
  return random.list(400, (i) => {
    const [whole, fraction] = [random.chance(0.5) ? '0' : digits(), digits()];
    return i % 3 === 0 ? `-${whole}.${fraction}e${random.below(500) - 250}` : `${whole}.${fraction}`;
  });
}

function tensorCases(): Case[] {
  return ['int32', 'int64', 'uint8', 'float32', 'float64', 'object'].flatMap((kind) => {
    const inputs = [{ type: 'tensor', 'tensor-spec': { dtype: kind, shape: [-1, 2] } }];
    const json = (body: string): Case => ({ inputs, type: 'application/json', body, kind });
    const values = ['1', '5.5', '1.0', '-1', '"7"', '"x"', 'null', 'true', '3000000000', '1e40', '300'];
    // Lists that differ go on as they are where anything may be in them.
    const ragged =
      kind === 'object' ? [] : [json('{"inputs": [[[1], 2]]}'), json('{"dataframe_split": {"data": [[[1], 2]]}}')];
    return [
      ...ragged,
      ...values.flatMap((value) => [
        json(`{"inputs": [[${value}, 2]]}`),
        json(`{"instances": [[${value}, 2]]}`),
        json(`{"dataframe_split": {"data": [[${value}, 2]]}}`),
      ]),
      ...(kind === 'object' ? [] : [json('{"inputs": [[1, 2], [3]]}')]),
      json('{"inputs": [[1, 2, 3]]}'),
      json('{"inputs": [1, 2]}'),
      json('{"inputs": {"x": [[1, 2]]}}'),
    ];
  });
}

function parquetCases(): Case[] {
  const frames = [
    ...['int8', 'int16', 'int32', 'int64', 'uint8', 'uint32', 'uint64', 'float32', 'float64'].flatMap(
      (dtype) =>
      [[0, 1], [2, 3]].map((values) => ({ values, dtype })), // prettier-ignore
    ),
    { values: [true, false], dtype: 'bool' },
    { values: ['a', 'b'], dtype: 'object' },
    { values: [1.5, null], dtype: 'float64' },
  ];
  const kinds = ['boolean', 'integer', 'long', 'float', 'double', 'string'];
  return kinds.flatMap((kind) => {
    const inputs = [{ type: kind, name: 'x', required: true }];
    return frames.map((frame) => ({ inputs, type: 'application/vnd.apache.parquet', frame, kind }));
  });
}

function listCases(): Case[] {
  const lists = [
    '[1,2]',
    '[]',
    '[1.5]',
    '[1,"x"]',
    '5',
    'null',
    '[0,1]',
    '[2.5,1]',
    '["a","b"]',
    '[true,false]',
    '[1.0]',
  ];
  return ['long', 'integer', 'double', 'float', 'boolean', 'string'].flatMap((kind) => {
    const inputs = [{ type: 'array', items: { type: kind }, name: 'x', required: true }];
    return lists.flatMap((list) =>
      [`{"dataframe_records": [{"x": ${list}}]}`, `{"inputs": [{"x": ${list}}]}`].map((body): Case => {
        return { inputs, type: 'application/json', body, kind };
      }),
    );
  });
}

const PARAMS = [
  { name: 'n', type: 'long', default: 1, shape: null },
  { name: 'rate', type: 'double', default: 0.5, shape: null },
  { name: 'word', type: 'string', default: 'a', shape: null },
  { name: 'on', type: 'boolean', default: true, shape: null },
  { name: 'list', type: 'integer', default: [1], shape: [-1] },
  { name: 'at', type: 'datetime', default: '2024-01-02T00:00:00', shape: null },
];

/** Bodies that are wrong or odd as a whole. */
function bodyCases(): Case[] {
  const inputs = ['a', 'b'].map((name) => ({ type: 'double', name, required: true }));
  const kind = 'double';
  const json = (body: string, type = 'application/json'): Case => ({ inputs, type, body, kind });
  const params = (text: string): Case => ({
    ...json(`{"dataframe_records": [{"a": 1, "b": 2}], "params": ${text}}`),
    params: PARAMS,
  });
  return [
    ...['{"inputs": [', '', '[[1,2]]', '3', '"x"', '{}', '{"rows": []}', '{"inputs": [1], "instances": [1]}'].map(
      (text) => json(text),
    ),
    ...[
      '{"dataframe_split": []}',
      '{"dataframe_split": {"columns": ["a"]}}',
      '{"dataframe_split": {"data": [[1]], "x": 1}}',
    ].map((text) => json(text)),
    json('{"dataframe_split": {"columns": ["a","b"], "data": [[1]]}}'),
    json('{"dataframe_split": {"columns": ["a"], "data": [[1]]}}'),
    json('{"dataframe_split": {"columns": ["a","c"], "data": [[1,2]]}}'),
    json('{"dataframe_split": {"data": [[1,2]]}}'),
    json('{"dataframe_split": {"columns": ["c","b","a"], "data": [[1,2,3]]}}'),
    json('{"dataframe_split": {"index": [0], "columns": ["a","b"], "data": [[1,2],[3,4]]}}'),
    json('{"dataframe_split": {"index": 3, "columns": ["a","b"], "data": [[1,2]]}}'),
    json('{"dataframe_split": 3}'),
    json('{"dataframe_records": {"a": 1}}'),
    json('{"dataframe_records": "x"}'),
    json('{"inputs": []}'),
    json('{"inputs": {}}'),
    json('{"inputs": [[1, 2], [3]]}'),
    json('{"dataframe_records": []}'),
    json('{"dataframe_records": [{"a": 1, "b": 2}, {"a": 1}]}'),
    json('{"instances": [{"a": 1, "b": 2}, {"a": 1}]}'),
    json('{"instances": [[1, 2]]}'),
    json('{"inputs": [[1, 2]]}'),
    json('{"inputs": 3.5}'),
    json('{"inputs": {"a": 3.5, "b": 1}}'),
    json('{"inputs": {"a": [1, 2], "b": [1]}}'),
    json('{"inputs": {"a": [1]}}'),
    json('{"inputs": [{"a": 1, "b": 2}], "signature_name": "x", "other": 1, "params": {"n": 1}}'),
    json('{"inputs": {"a": [1], "b": [2]}, "inputs": {"a": [3], "b": [4]}}'),
    json('a,b\n1,2\n\n3,4\n', 'text/csv'),
    json('a,c\n1,2\n', 'text/csv'),
    json('', 'text/csv'),
    ...['application/JSON', 'text/plain', 'application/json; charset=latin-1', 'application/json; profile=x'].map(
      (type) => json('{}', type),
    ),
    ...['text/csv;charset=UTF-8'].map((type) => json('a,b\n1,2\n', type)),
    ...[
      '{}',
      '{"n": 2}',
      '{"n": 2.0}',
      '{"n": true}',
      '{"n": "2"}',
      '{"rate": 1}',
      '{"rate": true}',
      '{"rate": "1"}',
    ].map(params),
    ...[
      '{"word": 1}',
      '{"on": 1}',
      '{"list": [1, 2]}',
      '{"list": 1}',
      '{"list": [1.5]}',
      '{"unknown": 1}',
      '[1]',
      'null',
    ].map(params),
    ...['{"n": null}', '{"at": "2024-05-06"}', '{"at": "x"}', '{"at": 5}', '{"n": "x", "rate": "y"}'].map(params),
  ];
}

function targetOf({ inputs, params, kind }: Case, profile: Profile) {
  const hints = parseSchema('inputs', JSON.stringify(inputs)) as readonly ValueHint[];
  const declaredParams = params === undefined ? undefined : parseParams(JSON.stringify(params));
  assert.ok(typeof declaredParams !== 'string');
  const [hint] = hints;
  const [datatype, text] = DATATYPES[kind]!;
  const isFeatures = hints.length > 1;
  const shape = isFeatures
    ? [null, hints.length]
    : hint!.shape !== undefined
      ? [null, 2]
      : hint!.itemType !== undefined
        ? [null, null]
        : [null];
  const spec: TensorSpec = {
    name: 'x',
    datatype,
    shape,
    ...(text && { text }),
    ...(isFeatures && { features: hints.map(({ name }) => name!) }),
  };
  const signature: Signature = { inputs: [spec], outputs: [], batched: true };
  return { signature, declared: { inputs: hints, ...(declaredParams && { params: declaredParams }) }, profile };
}

const DATATYPES: Readonly<Record<string, readonly [TensorSpec['datatype'], boolean]>> = {
  boolean: ['BOOL', false],
  integer: ['INT32', false],
  long: ['INT64', false],
  float: ['FP32', false],
  double: ['FP64', false],
  string: ['BYTES', true],
  binary: ['BYTES', false],
  datetime: ['BYTES', true],
  int32: ['INT32', false],
  int64: ['INT64', false],
  uint8: ['UINT8', false],
  float32: ['FP32', false],
  float64: ['FP64', false],
  object: ['BYTES', true],
};

interface Outcome {
  readonly status: number;
  readonly values?: unknown;
  readonly error?: readonly (string | undefined)[];
  readonly message?: string;
}

/** As the door does it, without the socket. */
async function ours(given: Case, bytes: Uint8Array, profile: Profile): Promise<Outcome> {
  const target = targetOf(given, profile);
  try {
    const type = scoringType(given.type);
    const { tensors } =
      type === 'parquet'
        ? decodeFrame(await readParquetBody(bytes, 1e6), target, DEFAULT_DECODE_LIMITS)
        : decodeScoring(bytes, type, target, DEFAULT_DECODE_LIMITS);
    const [tensor] = checkInputs(target.signature, tensors).tensors;
    return { status: 200, values: printed(tensor!, given.kind) };
  } catch (error) {
    if (!(error instanceof ServeryError)) throw error;
    if (error.code === 'UNSUPPORTED_MEDIA_TYPE') return { status: 415, message: error.message };
    const { status, errorCode, errorClass, sqlState, message } = scoringFailure(
      error.code,
      error.message,
      STATUS[error.code],
    );
    return { status, error: [errorCode, errorClass, sqlState], message };
  }
}

function printed({ data, shape }: Tensor, kind: string, from = 0): unknown {
  const [size = 1, ...inner] = shape;
  const step = elementCount(inner);
  return Array.from({ length: size }, (_, i) =>
    inner.length === 0
      ? text(data[from + i], kind)
      : printed({ data, shape: inner } as unknown as Tensor, kind, from + i * step),
  );
}

function text(value: unknown, kind: string): string {
  if (kind === 'boolean') return value === 0 ? 'False' : 'True';
  if (kind === 'binary') return Buffer.from(value as Uint8Array).toString('hex');
  if (kind === 'double' || /^float/.test(kind)) return pythonFloat(value as number);
  return String(value);
}

describe('MLflow’s conversions', () => {
  let cases: Case[];
  let answers: readonly Answer[];

  before(async () => {
    cases = [...columnCases(), ...tensorCases(), ...parquetCases(), ...listCases(), ...bodyCases()];
    answers = await askMlflow(cases);
    assert.equal(answers.length, cases.length);
    assert.ok(answers.filter(({ status }) => status === 200).length > 800, 'most are let in');
  });

  it('are the same in the profile mlflow-compat', async () => {
    const wrong: string[] = [];
    for (const [i, given] of cases.entries()) {
      const theirs = answers[i]!;
      const mine = await ours(given, bytesOf(given, theirs), 'mlflow-compat');
      const problem = differenceOf(mine, theirs);
      if (problem !== undefined) wrong.push(`${given.kind} ${given.body ?? JSON.stringify(given.frame)}: ${problem}`);
    }
    assert.deepEqual(wrong, []);
  });

  it('fail in its words about bodies as a whole, without their data', async () => {
    const wrong: string[] = [];
    const from = cases.length - bodyCases().length;
    for (const [i, given] of cases.entries()) {
      const theirs = answers[i]!;
      const text = theirs.error?.['message'] ?? theirs.text;
      // Several wrong params are a set, in any order.
      if (i < from || text === undefined || text.includes('), (')) continue;
      const { message } = await ours(given, bytesOf(given, theirs), 'mlflow-compat');
      const begins = comparable(text)
        .split(/Error: '| for value|: the lists|\. The requested/)[0]!
        .trimEnd();
      if (!comparable(message!).startsWith(begins)) wrong.push(`${given.body}: ${message} where MLflow has ${text}`);
    }
    assert.deepEqual(wrong, []);
  });

  it('lose nothing where they are made strictly', async () => {
    const wrong: string[] = [];
    for (const [i, given] of cases.entries()) {
      const theirs = answers[i]!;
      const mine = await ours(given, bytesOf(given, theirs), 'strict');
      // An empty text is one, where pandas takes it for nothing; and a float is the nearest one.
      if (mine.status !== 200 || (given.type === 'text/csv' && ['string', 'double'].includes(given.kind))) continue;
      if (theirs.status === 200 && JSON.stringify(mine.values) !== JSON.stringify(theirs.values)) {
        wrong.push(`${given.kind} ${given.body ?? JSON.stringify(given.frame)}: ${JSON.stringify(mine.values)}`);
      }
    }
    assert.deepEqual(wrong, []);
  });
});

/** Without data, and with the members of sets in one order. */
function comparable(text: string): string {
  return text
    .replace(/value `[^`]*` from/g, 'value from')
    .replace(
      /Failed to enforce schema of data '[^]*' with schema '.*'\. Error/,
      'Failed to enforce schema of data. Error',
    )
    .replace(/Failed to predict data '[^]*'\. \n/, 'Failed to predict data. \n')
    .replace(/\{('[^{}]*)\}/g, (_, members: string) => `{${members.split(', ').sort().join(', ')}}`);
}

function bytesOf({ body }: Case, { body: sent }: Answer): Uint8Array {
  return body === undefined ? Buffer.from(sent!, 'base64') : Buffer.from(body);
}

function differenceOf(mine: Outcome, theirs: Answer): string | undefined {
  const { status, values, error } = theirs;
  const said = `${JSON.stringify(mine)} where MLflow has ${JSON.stringify({ status, values, error, text: theirs.text })}`;
  if (mine.status !== status) return said;
  if (status === 200) return JSON.stringify(mine.values) === JSON.stringify(values) ? undefined : said;
  if (error === undefined) return undefined;
  const codes = [error['error_code'], error['error_class'], error['sqlstate']];
  return JSON.stringify(codes) === JSON.stringify(mine.error) ? undefined : said;
}

function askMlflow(cases: readonly Case[]): Promise<readonly Answer[]> {
  const python = process.env['SERVERY_TEST_PYTHON'];
  assert.ok(python, 'SERVERY_TEST_PYTHON names the Python that has test/foreign/requirements.txt');
  const script = new URL('./mlflow_scoring.py', import.meta.url).pathname;
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    const child = execFile(python, [script], { env, maxBuffer: 2 ** 28 }, (error, stdout) => {
      if (error === null) resolve(JSON.parse(stdout) as readonly Answer[]);
      else reject(new Error('MLflow failed', { cause: error }));
    });
    child.stdin!.end(JSON.stringify(cases));
  });
}
