/** MLflow's scoring server over a real socket: every form of a body, and failures in its words. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { ownTable } from '../../src/http/routes.ts';
import { openDoor, type Door } from '../support/http-door.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const openWith = (settings: Parameters<typeof openDoor>[2]) => openDoor({}, { keys: [] }, settings);
const open = (model = 'doubler') => openWith({ protocols: { mlflow: { model } } });
const openAlone = () =>
  openWith({ protocols: { mlflow: { model: 'doubler' } }, openTable: ownTable({ protocol: 'mlflow' }) });

interface Answered {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
}

async function send(door: Door, body: string, type = 'application/json', path = '/invocations'): Promise<Answered> {
  const headers = { 'content-type': type };
  const response = await door.fetch(path, { method: 'POST', body, headers });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

describe('the scoring server of MLflow', () => {
  for (const [what, body, predictions] of [
    ['a frame by columns', { dataframe_split: { columns: ['b', 'a'], index: [7], data: [[2, 1]] } }, [{ y: [6, 3] }]],
    ['a frame without names', { dataframe_split: { data: [[1, 2]] } }, [{ y: [3, 6] }]],
    ['a frame by records', { dataframe_records: [{ a: 1, b: 2 }] }, [{ y: [3, 6] }]],
    ['a frame whose column is the tensor', { dataframe_records: [{ x: [1, 2] }] }, [{ y: [3, 6] }]],
    ['instances', { instances: [[1, 2]] }, { y: [[3, 6]] }],
    ['instances as objects', { instances: [{ x: [1, 2] }] }, { y: [[3, 6]] }],
    ['inputs', { inputs: [[1, 2]] }, { y: [[3, 6]] }],
    ['inputs by name', { inputs: { x: [[1, 2]] } }, { y: [[3, 6]] }],
    ['inputs by column', { inputs: { a: [1, 3], b: [2, 4] } }, { y: [[3, 6], [9, 12]] }], // prettier-ignore
    ['what it does not know', { inputs: [[1, 2]], signature_name: 'x', params: { t: 1 } }, { y: [[3, 6]] }],
  ] as const) {
    test(`takes ${what}`, async () => {
      await using door = await open();
      const { status, type, text } = await send(door, JSON.stringify(body));
      assert.deepEqual([status, type], [200, 'application/json'], text);
      assert.deepEqual(JSON.parse(text), { predictions });
    });
  }

  // JavaScript sorts such keys, and would give the values in another order.
  for (const body of [
    '{"dataframe_split": {"columns": [1, 0], "data": [[2, 1]]}}',
    '{"dataframe_records": [{"1": 2, "0": 1}]}',
    '{"instances": [{"1": 2, "0": 1}]}',
    '{"inputs": {"1": [2], "0": [1]}}',
  ]) {
    test(`leaves the columns of a frame without names in the order of ${body}`, async () => {
      for (const profile of ['strict', 'mlflow-compat'] as const) {
        await using door = await openWith({ protocols: { mlflow: { model: 'doubler', profile } } });
        const { status, text } = await send(door, body);
        assert.equal(status, 200, text);
        assert.match(text, /6(\.0)?[^3]+3/);
      }
    });
  }

  for (const [what, index] of [
    ['short', [1]],
    ['a number', 3],
  ] as const) {
    test(`refuses a frame whose index is ${what}`, async () => {
      await using door = await open();
      const { status, text } = await send(
        door,
        JSON.stringify({ dataframe_split: { columns: ['a', 'b'], index, data: [[1, 2], [3, 4]] } }), // prettier-ignore
      );
      assert.equal(status, 400);
      assert.match(text, /Provided dataframe_split field is not a valid dataframe representation in 'split' format\./);
    });
  }

  // Clients look for the key; what would be in it stays inside.
  for (const [what, model, body, type] of [
    ['CSV that is none', 'doubler', '', 'text/csv'],
    ['CSV with a cell too many', 'doubler', 'a,b\n1,2,3\n', 'text/csv'],
    [
      'a frame that is too narrow',
      'doubler',
      '{"dataframe_split": {"columns": [0], "data": [[1]]}}',
      'application/json',
    ],
    ['a model that fails', 'failing', '{"inputs": [[1,2]]}', 'application/json'],
  ] as const) {
    test(`has an empty stack trace for ${what}`, async () => {
      await using door = await open(model);
      const { status, text } = await send(door, body, type);
      const failure = JSON.parse(text) as Record<string, string>;
      assert.deepEqual([status, failure['error_code'], failure['stack_trace']], [400, 'BAD_REQUEST', '']);
    });
  }

  test('takes CSV, whose columns have an order of their own', async () => {
    await using door = await open();
    const { status, text } = await send(door, 'a,b\n1,2\n3,4\n', 'text/csv; charset=UTF-8');
    assert.deepEqual([status, text], [200, '{"predictions": [{"y":[3,6]}, {"y":[9,12]}]}']);
    await using named = await open('iris');
    const answer = await send(named, 'other,d,c,b,a\nx,1,2,3,4\n', 'text/csv');
    assert.deepEqual(
      [answer.status, answer.text],
      [200, '{"predictions": [{"label":1,"probabilities":[0.25,0.5,0.25]}]}'],
    );
    const short = await send(door, 'a,b\n1,2\n3\n', 'text/csv');
    assert.match(short.text, /Error: 'at line 3: it has another number of cells than the header'/);
    const wrong = await send(named, 'a,b,c,d\n1,2,3,x\n', 'text/csv');
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /"SCHEMA_ENFORCEMENT_FAILED"/);
  });

  for (const [what, body, message] of [
    ['what is no JSON', '{"inputs": [', /^Invalid input\. /],
    ['a list', '[[1,2]]', /^Invalid input\. The input must be a JSON dictionary with exactly one of the input fields/],
    [
      'two envelopes',
      '{"inputs": [[1,2]], "instances": [[1,2]]}',
      /^The input must be a JSON dictionary with exactly one/,
    ],
    [
      'other keys of a frame',
      '{"dataframe_split": {"data": [[1,2]], "dtype": 1}}',
      /^Invalid input\. Dataframe split format must have 'data' field and optionally 'columns' and 'index' fields\. Got \{'data', 'dtype'\}\.'$/,
    ],
    [
      'rows that are too short',
      '{"dataframe_split": {"columns": ["a","b"], "data": [[1]]}}',
      /split' format\. Error: '2 columns passed, passed data had 1 columns'$/,
    ],
    ['a scalar', '{"inputs": 3.5}', /^Invalid input\. /],
    ['parameters as a list', '{"inputs": [[1,2]], "params": [1]}', /^Invalid input\. Parameters must be a dictionary/],
    ['a key twice', '{"inputs": [[1,2]], "inputs": [[1,2]]}', /^Invalid input\. /],
  ] as const) {
    test(`refuses ${what} as a bad request`, async () => {
      await using door = await open();
      const { status, text } = await send(door, body);
      const failure = JSON.parse(text) as Record<string, string>;
      assert.equal(status, 400);
      assert.deepEqual(Object.keys(failure), ['error_code', 'message', 'sqlstate', 'error_class']);
      const { error_code: code, sqlstate, error_class: errorClass } = failure;
      assert.deepEqual([code, errorClass, sqlstate], ['BAD_REQUEST', 'INVALID_PARAMETER_VALUE', 'KAM00']);
      assert.match(failure['message']!, message);
    });
  }

  // MLflow makes 1, -1294967296, true, 1 and NaN of these.
  for (const value of ['"1"', '1e40', 'true', '[1]', 'null']) {
    test(`refuses ${value} for a float, where MLflow would make a number of it`, async () => {
      await using door = await open();
      const { status, text } = await send(door, `{"dataframe_split": {"columns": ["a","b"], "data": [[${value}, 2]]}}`);
      const failure = JSON.parse(text) as Record<string, string>;
      assert.equal(status, 400);
      assert.deepEqual(
        [failure['error_code'], failure['error_class'], failure['sqlstate']],
        ['BAD_REQUEST', 'INVALID_PARAMETER_VALUE', 'KAM00'],
      );
      assert.match(failure['message']!, /^Invalid input\. Data is not compatible with model signature\. /);
    });
  }

  for (const [type, expected] of [
    ['application/JSON', /^This predictor only supports the following content types: Types: \['text\/csv'/],
    ['text/plain', /^This predictor only supports/],
    ['application/json;', /^Unrecognized content type parameters: /],
    ['application/json; profile=x', /^Unrecognized content type parameters: /],
    ['application/json; charset=latin-1', /^The scoring server only supports UTF-8$/],
  ] as const) {
    test(`refuses the type ${type} in plain text`, async () => {
      await using door = await open();
      const { status, type: answered, text } = await send(door, '{"inputs": [[1,2]]}', type);
      assert.deepEqual([status, answered], [415, 'text/plain; charset=utf-8']);
      assert.match(text, expected);
    });
  }

  for (const [body, message] of [
    ['{"dataframe_records": []}', "Model is missing inputs ['a', 'b', 'c', 'd']."],
    [
      '{"dataframe_records": [{"a": 1, "b": 2, "e": 3}]}',
      "Model is missing inputs ['c', 'd']. Note that there were extra inputs: ['e'].",
    ],
    ['{"inputs": [[1, 2, 3]]}', 'Cannot use input "X": unexpected shape [1, 3], expected [*, 4]'],
  ] as const) {
    test(`says what of the schema ${body} does not fit`, async () => {
      await using door = await open('iris');
      const { status, text } = await send(door, body);
      assert.equal(status, 400);
      assert.equal(
        text,
        JSON.stringify({
          error_code: 'INVALID_PARAMETER_VALUE',
          message: `Failed to predict data. \nError: Failed to enforce schema of data. Error: ${message}`,
          sqlstate: 'KAM01',
          error_class: 'SCHEMA_ENFORCEMENT_FAILED',
        }),
      );
    });
  }

  test('answers a frame without rows with none', async () => {
    await using door = await open();
    const { status, text } = await send(door, '{"dataframe_split": {"columns": ["a", "b"], "data": []}}');
    assert.deepEqual([status, text], [200, '{"predictions": []}']);
  });

  test('gives a handler with JSON bodies what is for a language model, and many in an envelope', async () => {
    await using door = await open('scorer');
    assert.equal((await send(door, '{"prompt": "x", "amount": 50}')).text, '{"score":0.5}');
    const many = await send(door, '{"dataframe_split": {"columns": ["amount"], "data": [[50], [100]]}}');
    assert.equal(many.text, '{"predictions": [{"score":0.5}, {"score":1}]}');
    const wrong = await send(door, '{"input": 1, "amount": "x"}');
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /"BAD_REQUEST","message":"Invalid input. amount: expected a number"/);
    assert.equal((await send(door, 'a\n1\n', 'text/csv')).status, 415);
    assert.equal((await send(door, '{"amount": 50}')).status, 400);
  });

  test('converts and prints as Python in its profile', async () => {
    await using door = await openWith({ protocols: { mlflow: { model: 'doubler', profile: 'mlflow-compat' } } });
    const records = await send(door, '{"dataframe_split": {"columns": ["a","b"], "data": [["1", true], [NaN, 1e40]]}}');
    // Each output is flat in a frame.
    const flat = ['3.0', '3.0', 'NaN', 'Infinity'].map((value) => `{"y": ${value}}`);
    assert.deepEqual([records.status, records.text], [200, `{"predictions": [${flat.join(', ')}]}`]);
    const nested = await send(door, '{"inputs": [["1.5", null]], "inputs": [["0.5", null]]}');
    assert.equal(nested.text, '{"predictions": {"y": [[1.5, NaN]]}}');
    const cells = await send(door, 'a,b\n1,NA\n', 'text/csv');
    assert.equal(cells.text, '{"predictions": [{"y": 3.0}, {"y": NaN}]}');
    const wrong = await send(door, '{"inputs": [["x", 1]]}');
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /"BAD_REQUEST","message":"Invalid input. could not convert string to float"/);
  });

  test('keeps lists in the profile where the outputs are no columns of one length', async () => {
    await using door = await openWith({ protocols: { mlflow: { model: 'iris', profile: 'mlflow-compat' } } });
    const { text } = await send(door, '{"dataframe_records": [{"a": "1", "b": 2, "c": null, "d": true}]}');
    assert.equal(text, '{"predictions": [{"label": 1, "probabilities": [0.25, 0.5, 0.25]}]}');
  });

  test('reads Parquet, and says when it is none', async () => {
    await using door = await open();
    const type = 'application/vnd.apache.parquet';
    const file = await parquetOf('SELECT 1::FLOAT AS a, 2::BIGINT AS b');
    const read = await door.fetch('/invocations', { method: 'POST', body: file, headers: { 'content-type': type } });
    assert.deepEqual([read.status, await read.text()], [200, '{"predictions": [{"y":[3,6]}]}']);
    for (const broken of ['PAR1', file.subarray(0, file.length - 9), '']) {
      const refused = await door.fetch('/invocations', {
        method: 'POST',
        body: broken as string,
        headers: { 'content-type': type },
      });
      assert.equal(refused.status, 400);
      assert.match(await refused.text(), /"BAD_REQUEST","message":"Failed to parse input as a Pandas DataFrame\. /);
    }
  });

  test('says that the model failed', async () => {
    await using door = await open('failing');
    const { status, text } = await send(door, '{"inputs": [[1,2]]}');
    assert.equal(status, 400);
    assert.match(
      (JSON.parse(text) as { message: string }).message,
      /^Encountered an unexpected error while evaluating/,
    );
  });

  test('asks which model, where there are several', async () => {
    await using door = await openDoor();
    const { status, text } = await send(door, '{"inputs": [[1,2]]}');
    assert.equal(status, 404);
    assert.match(text, /"error_code":"RESOURCE_DOES_NOT_EXIST"/);
  });

  test('leaves the path to SageMaker in a container of its own', async () => {
    await using door = await openWith({ protocols: { sagemaker: { container: true, model: 'doubler' } } });
    assert.equal((await send(door, '[[1,2]]')).text, '[[3,6]]');
  });
});

describe("MLflow's own port", () => {
  test('says that it is there, and what it speaks', async () => {
    await using door = await openAlone();
    for (const [path, text] of [
      ['/ping', '\n'],
      ['/health', '\n'],
      ['/version', '3.17.2'],
    ] as const) {
      const response = await door.fetch(path);
      assert.deepEqual([response.status, await response.text()], [200, text]);
      assert.equal(response.headers.get('content-type'), 'application/json');
    }
    const lost = await door.fetch('/elsewhere');
    assert.deepEqual([lost.status, await lost.text()], [404, '{"detail":"Not Found"}']);
    const wrong = await door.fetch('/ping', { method: 'POST' });
    assert.deepEqual([wrong.status, await wrong.text()], [405, '{"detail":"Method Not Allowed"}']);
    assert.match(wrong.headers.get('allow')!, /GET/);
  });

  test('has every model as a deployment', async () => {
    await using door = await openAlone();
    const answered = await send(door, '{"inputs": [[1,2]]}', 'application/json', '/endpoints/doubler@old/invocations');
    assert.deepEqual([answered.status, answered.text], [200, '{"predictions": {"y": [[2,4]]}}']);
    const lost = await send(door, '{"inputs": [[1,2]]}', 'application/json', '/endpoints/nobody/invocations');
    assert.equal(lost.status, 404);
    const endpoint = await door.fetch('/api/2.0/endpoints/doubler');
    assert.equal(((await endpoint.json()) as { name: string }).name, 'doubler');
  });
});

async function parquetOf(sql: string): Promise<Buffer<ArrayBuffer>> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'rows.parquet');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (${sql}) TO '${path}' (FORMAT parquet)`);
  instance.closeSync();
  return await readFile(path);
}
