import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ServeryError } from '../../../src/core/errors.ts';
import type { Signature } from '../../../src/core/signature.ts';
import { DEFAULT_DECODE_LIMITS } from '../../../src/protocol/json.ts';
import { encodeScoring } from '../../../src/protocol/mlflow/scoring-answer.ts';
import { decodeScoring } from '../../../src/protocol/mlflow/scoring-request.ts';
import { parseSchema } from '../../../src/repository/mlmodel-schema.ts';
import type { ValueHint } from '../../../src/core/model.ts';
import type { ScoringProfile } from '../../../src/protocol/mlflow/coercion.ts';
import { columns } from '../../support/mlmodel.ts';
import { fuzz } from '../../support/fuzz.ts';

const person: Signature = {
  inputs: [
    { name: 'age', datatype: 'INT64', shape: [null, 1] },
    { name: 'city', datatype: 'BYTES', shape: [null, 1], text: true },
  ],
  outputs: [{ name: 'score', datatype: 'FP64', shape: [null] }],
  batched: true,
};

const PERSON = { inputs: hintsOf([...columns('long', 'age'), ...columns('string', 'city')]) };

function hintsOf(values: readonly object[]): readonly ValueHint[] {
  return parseSchema('inputs', JSON.stringify(values)) as readonly ValueHint[];
}

const decodeAs = (profile: ScoringProfile, body: string | Uint8Array, type: 'csv' | 'json' = 'json') =>
  decodeScoring(
    typeof body === 'string' ? Buffer.from(body) : body,
    type,
    { signature: person, declared: PERSON, profile },
    DEFAULT_DECODE_LIMITS,
  );

const decode = (body: string | Uint8Array, type: 'csv' | 'json' = 'json') =>
  decodeScoring(
    typeof body === 'string' ? Buffer.from(body) : body,
    type,
    { signature: person, profile: 'strict' },
    DEFAULT_DECODE_LIMITS,
  );

describe('requests of the scoring server', () => {
  test('give the same tensors in every form, with every digit of an integer', () => {
    const wanted = [
      { name: 'age', datatype: 'INT64', shape: [2, 1], data: BigInt64Array.of(9007199254740993n, 7n) },
      { name: 'city', datatype: 'BYTES', shape: [2, 1], data: ['Bern', ''] },
    ];
    for (const [body, type] of [
      ['{"dataframe_split":{"columns":["city","age"],"data":[["Bern",9007199254740993],["",7]]}}', 'json'],
      ['{"dataframe_split":{"data":[[9007199254740993,"Bern"],[7,""]]}}', 'json'],
      ['{"dataframe_records":[{"age":9007199254740993,"city":"Bern","x":1},{"age":7,"city":""}]}', 'json'],
      ['{"instances":[{"age":9007199254740993,"city":"Bern"},{"age":7,"city":""}]}', 'json'],
      ['{"inputs":{"age":[9007199254740993,7],"city":["Bern",""]}}', 'json'],
      ['{"inputs":{"age":[[9007199254740993],[7]],"city":[["Bern"],[""]]}}', 'json'],
      ['city,age\nBern,9007199254740993\n"",7\n', 'csv'],
    ] as const) {
      assert.deepEqual(decode(body, type).tensors, wanted, body);
    }
  });

  // MLflow truncates, wraps, or takes each of these for something that it does not say.
  for (const value of ['1.7', '9223372036854775808', 'true', '"3"', 'null']) {
    test(`refuse ${value} for a whole number`, () => {
      assert.throws(() => decode(`{"dataframe_split":{"data":[[${value},"Bern"]]}}`), { code: 'INVALID_REQUEST' });
      assert.throws(() => decode(`{"inputs":{"age":[${value}],"city":["Bern"]}}`), { code: 'INVALID_REQUEST' });
    });
  }

  for (const value of ['1', 'true', 'null', '{"k":1}']) {
    test(`refuse ${value} for a text`, () => {
      assert.throws(() => decode(`{"dataframe_split":{"data":[[1,${value}]]}}`), { code: 'INVALID_REQUEST' });
    });
  }

  test('never fail with anything but an error of the client', () => {
    const seeds = [
      ['json', '{"dataframe_split":{"columns":["city","age"],"index":[0],"data":[["Bern",1]]},"params":{}}'],
      ['json', '{"dataframe_records":[{"age":1,"city":"Bern"}]}'],
      ['json', '{"inputs":{"age":[1,2],"city":["a","b"]}}'],
      ['json', '{"instances":[{"age":1,"city":"Bern"}]}'],
      ['csv', 'city,age\nBern,1\n'],
    ] as const;
    const pieces = ['[', ']', '{', '}', '"data"', '"__proto__"', 'null', '1e999', ',', '\n', '"', '"inputs":'];
    fuzz((random) => {
      const [type, body] = random.pick(seeds);
      const profile = random.pick(['strict', 'mlflow-compat'] as const);
      try {
        decodeAs(
          profile,
          random.mutate(
            Buffer.from(body),
            pieces.map((piece) => Buffer.from(piece)),
          ),
          type,
        );
      } catch (error) {
        if (!(error instanceof ServeryError) || error.code === 'INTERNAL') throw error;
      }
    });
  });
});

test('an answer has null where MLflow prints NaN', () => {
  const outputs = [{ datatype: 'FP64' as const, shape: [2], data: Float64Array.of(NaN, 1) }];
  const answer = { signature: person, outputs, rows: 2 };
  assert.equal(encodeScoring(answer, 'records', 'strict'), '{"predictions": [{"score":null}, {"score":1}]}');
  assert.equal(encodeScoring(answer, 'tensors', 'strict'), '{"predictions": {"score": [null,1]}}');
});
