/** What TensorFlow Serving's REST calls take, and in which words they refuse: its own cases, by what they ask and say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServeryError } from '../../../../src/core/errors.ts';
import type { Signature } from '../../../../src/core/signature.ts';
import { DATATYPES, type Datatype } from '../../../../src/core/tensor.ts';
import { DEFAULT_DECODE_LIMITS } from '../../../../src/protocol/json.ts';
import { decodeExamples } from '../../../../src/protocol/tensorflow-serving/examples.ts';
import { decodePrediction, requestDialect } from '../../../../src/protocol/tensorflow-serving/request-json.ts';
import { fuzz, type Random } from '../../../support/fuzz.ts';

function signatureOf(inputs: Readonly<Record<string, Datatype>>): Signature {
  return {
    inputs: Object.entries(inputs).map(([name, datatype]) => ({ name, datatype, shape: [null, null] })),
    outputs: [{ name: 'y', datatype: 'FP32', shape: [null, 1] }],
    batched: true,
  };
}

const INTEGERS = signatureOf({ default: 'INT32' });
const FLOATS = signatureOf({ default: 'FP32' });
const TEXTS = signatureOf({ default: 'BYTES' });
const TWO = signatureOf({ int_tensor: 'INT32', str_tensor: 'BYTES' });

function decode(body: string, signature: Signature, isLax = false) {
  const find = (name: string) => (name === 'none' ? undefined : signature);
  return decodePrediction(Buffer.from(body), find, DEFAULT_DECODE_LIMITS, requestDialect(isLax));
}

function refusal(body: string, signature: Signature, isLax = false): string {
  try {
    decode(body, signature, isLax);
  } catch (error) {
    assert.ok(error instanceof ServeryError, String(error));
    return `${error.code} ${error.message}`;
  }
  return 'taken';
}

test('tensors have the shapes and values of the original', () => {
  const cases: readonly (readonly [string, Signature, readonly number[], readonly unknown[]])[] = [
    ['{"instances": [[1,2],[3,4],[5,6]]}', INTEGERS, [3, 2], [1, 2, 3, 4, 5, 6]],
    ['{"signature_name": "predict_images", "instances": [[1,2]]}', INTEGERS, [1, 2], [1, 2]],
    ['{"inputs": {"default": [[[1,2],[3,4]]]}}', INTEGERS, [1, 2, 2], [1, 2, 3, 4]],
    ['{"inputs": [[[1,2],[3,4]]]}', INTEGERS, [1, 2, 2], [1, 2, 3, 4]],
    ['{"instances": [1, 2.0, 5.5]}', FLOATS, [3], [1, 2, 5.5]],
    ['{"instances": [1435774380]}', FLOATS, [1], [Math.fround(1435774380)]],
    ['{"instances": [2.2e-308, -2.2e-308]}', FLOATS, [2], [0, -0]],
    ['{"instances": [{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}]}', TEXTS, [2], ['hello', 'world']],
    ['{"instances": [[{"b64": "aGVsbG8"}], ["text"]]}', TEXTS, [2, 1], ['hello', 'text']],
    ['{"instances": [{"default": [[{"b64": "aGVsbG8="}], ["a"]]}]}', TEXTS, [1, 2, 1], ['hello', 'a']],
    ['{"inputs": {"b64": "aGVsbG8="}}', TEXTS, [], ['hello']],
    [`{"instances": [1], "nested": ${'['.repeat(500_000)}${']'.repeat(500_000)}}`, INTEGERS, [1], [1]],
  ];
  for (const [body, signature, shape, values] of cases) {
    const [tensor] = decode(body, signature).tensors;
    const data = Array.from(tensor!.data as ArrayLike<unknown>, (value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString() : value,
    );
    assert.deepEqual([tensor!.shape, data], [shape, values], body.slice(0, 100));
  }
});

test('what does not fit is refused in the words of the original, without the value', () => {
  const of = (item: number, problem: string) =>
    `INVALID_REQUEST Failed to process element: ${item} of 'instances' list. Error: INVALID_ARGUMENT: ${problem}`;
  const cases: readonly (readonly [string, Signature, string])[] = [
    ['', INTEGERS, 'INVALID_REQUEST JSON Parse error: The document is empty'],
    [' ', INTEGERS, 'INVALID_REQUEST JSON Parse error: The document is empty'],
    ['instances = [1, 2]', INTEGERS, 'INVALID_REQUEST JSON Parse error: Invalid value. Cannot read the body: it is not valid JSON'],
    ['[1]', INTEGERS, 'INVALID_REQUEST JSON Value: Is not object'],
    ['{"signature_name": 5}', INTEGERS, "INVALID_REQUEST JSON Value: not formatted correctly. 'signature_name' key must be a string value."],
    ['{"signature_name": "none"}', INTEGERS, 'INVALID_REQUEST Serving signature name: "none" not found in signature def'],
    ['{}', INTEGERS, "INVALID_REQUEST Missing 'inputs' or 'instances' key"],
    ['{"instances": [1], "inputs": [1]}', INTEGERS, "INVALID_REQUEST JSON Value: Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"],
    ['{"instances": null, "inputs": [1]}', INTEGERS, "INVALID_REQUEST JSON Value: Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"],
    ['{"instances": {}}', INTEGERS, "INVALID_REQUEST JSON Value: Expecting 'instances' to be an list/array"],
    ['{"instances": null}', INTEGERS, "INVALID_REQUEST JSON Value: Expecting 'instances' to be an list/array"],
    ['{"instances": []}', INTEGERS, "INVALID_REQUEST JSON Value: No values in 'instances' array"],
    ['{"instances": [[1,2],[3,4],[5,6,7]]}', INTEGERS, of(2, 'Expecting tensor size: 2 but got: 3')],
    ['{"instances": [[1,2],[3,4],[[5,6]]]}', INTEGERS, of(2, 'Expecting shape [2] but got: [1,2]')],
    ['{"instances": [1, [1]]}', INTEGERS, of(1, 'Expecting shape [] but got: [1]')],
    ['{"instances": [[1,2],["a","b"]]}', INTEGERS, of(1, 'JSON Value: Type: String is not of expected type: int32')],
    ['{"instances": [[1.5]]}', INTEGERS, of(0, 'JSON Value: Type: Number is not of expected type: int32')],
    ['{"instances": [true]}', FLOATS, of(0, 'JSON Value: Type: True is not of expected type: float')],
    ['{"instances": [null]}', FLOATS, of(0, 'JSON Value: Type: Null is not of expected type: float')],
    ['{"inputs": [{}]}', FLOATS, 'INVALID_REQUEST JSON Value: Type: Object is not of expected type: float'],
    ['{"inputs": [[1,2],3]}', FLOATS, 'INVALID_REQUEST JSON Value: found at incorrect level: 2 in the JSON DOM. Expected at level: 2'],
    ['{"inputs": [1,[2]]}', FLOATS, 'INVALID_REQUEST Encountered list at unexpected level: 1 expected < 1'],
    ['{"inputs": [[1,2],[3]]}', FLOATS, 'INVALID_REQUEST Encountered list at unexpected size: 1 at level: 1 expected size: 2'],
    ['{"instances": [{"b64": 5}]}', TEXTS, "INVALID_REQUEST Failed to process element: 0 key: b64 of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: b64"],
    ['{"instances": [[{"b64": 5}]]}', TEXTS, of(0, 'JSON Value: not formatted correctly for base64 data')],
    ['{"instances": [{"b64": "A"}]}', TEXTS, of(0, 'Unable to base64 decode')],
    ['{"instances": [{"b64": "AA="}]}', TEXTS, of(0, 'Unable to base64 decode')],
    ['{"instances": [["a"], {"default": ["b"]}]}', TEXTS, 'INVALID_REQUEST Expecting value/list but got object at item 1 of input list'],
    ['{"instances": [1]}', TWO, 'INVALID_REQUEST instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map'],
    ['{"inputs": [1]}', TWO, 'INVALID_REQUEST inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map'],
    ['{"inputs": {"str_tensor": []}}', TWO, "INVALID_REQUEST Missing named input: int_tensor in 'inputs' object."],
    ['{"instances": [{"int_tensor": 1, "str_tensor": "a"}, [1]]}', TWO, 'INVALID_REQUEST Expecting object but got list at item 1 of input list'],
    ['{"instances": [{"int_tensor": 1}]}', TWO, "INVALID_REQUEST Failed to process element: 0 of 'instances' list. JSON object: keys must be equal to: int_tensor,str_tensor"],
    [
      '{"instances": [{"int_tensor": [[1,2],[3,4],[5,6]], "str_tensor": ["a"]}, {"int_tensor": [[[7,8],[9,0],[1,2]]], "str_tensor": ["b"]}]}',
      TWO,
      "INVALID_REQUEST Failed to process element: 1 key: int_tensor of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [3,2] but got: [1,3,2]",
    ],
    [
      '{"instances": [{"int_tensor": [[1,2],[3,4]], "str_tensor": ["a"]}, {"int_tensor": [[7,8]], "str_tensor": ["b"]}]}',
      TWO,
      "INVALID_REQUEST Failed to process element: 1 key: int_tensor of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 4 but got: 2",
    ],
    ['{"inputs": [[1,2]]}', signatureOf({ x: 'FP16' }), 'UNSUPPORTED Conversion of JSON Value: to type: half'],
    // These have words of their own: the original wraps the first, and has no limit like the second.
    ['{"inputs": [300]}', signatureOf({ x: 'UINT8' }), 'INVALID_INPUT Cannot use element 0 of input "x": it does not fit UINT8'],
    [`{"instances": ${'['.repeat(200)}${']'.repeat(200)}}`, FLOATS, 'INVALID_REQUEST Cannot read the body: JSON nesting depth exceeds maximum allowed limit (100)'],
  ]; // prettier-ignore
  for (const [body, signature, text] of cases) assert.equal(refusal(body, signature), text, body);
  // Too deep for the stack, were it followed.
  const deep = `{"inputs": [${'['.repeat(100_000)}"a"${']'.repeat(100_000)}]}`;
  assert.match(refusal(deep, FLOATS), /^INVALID_REQUEST .*nesting/);
});

test('the profile of the original takes its numbers, and inputs that the model does not have', () => {
  const floats = (body: string) => Array.from(decode(body, FLOATS, true).tensors[0]!.data as Float32Array);
  const largest = '1.7976931348623157e308';
  assert.deepEqual(floats(`{"instances": [${largest}, -${largest}, NaN, -Infinity]}`), [
    Infinity,
    -Infinity,
    NaN,
    -Infinity,
  ]);
  assert.deepEqual(floats('{"inputs": {"default": [1], "other": "x"}}'), [1]);
  const tooBig = 'INVALID_REQUEST JSON Parse error: Number too big to be stored in double.';
  for (const body of [
    '{"instances": [1e400]}',
    `{"instances": [1], "x": -${'9'.repeat(310)}}`,
    '{"inputs": [NaN, 1E+309]}',
  ]) {
    assert.equal(refusal(body, FLOATS, true), tooBig, body);
  }
  assert.equal(floats('{"instances": [1e-400], "text": "1e999"}')[0], 0);
  assert.match(refusal('{"inputs": {"default": [1], "other": "x"}}', FLOATS), /'inputs' has no input "other"/);
  assert.match(refusal('{"instances": [NaN]}', FLOATS), /^INVALID_REQUEST JSON Parse error: Invalid value\./);
});

test('features of examples are of one kind each', () => {
  const signature = signatureOf({ x: 'FP32' });
  const ask = (body: string) => {
    try {
      decodeExamples(Buffer.from(body), 'regress', signature, DEFAULT_DECODE_LIMITS, requestDialect(false));
      return 'taken';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const cases: readonly (readonly [string, string])[] = [
    ['{"examples": [{"names": ["a", {"b64": "aGVsbG8="}], "n": [1, true, false], "x": [1.5]}]}', 'taken'],
    ['{"context": {"query": "pizza"}, "examples": [{"x": [1.5]}, {"x": [2]}]}', 'taken'],
    ['{"examples": [{"x": [1e19]}]}', 'taken'],
    ['{"examples": [{"names": [10, null]}]}', 'Feature: names has element with unexpected JSON type: Null'],
    ['{"examples": [{"names": [10, {"test": 10}]}]}', 'Feature: names has element with unexpected JSON type: Object'],
    ['{"examples": [{"names": [[10], 20]}]}', 'Feature: names has element with unexpected JSON type: Array'],
    ['{"examples": [{"names": [20, 18446744073709551603]}]}', 'Feature: names has uint64_t element. Only int64_t is supported.'],
    ['{"examples": [{"names": [10, "a"]}]}', 'Unexpected element type in feature: names expecting type: int64'],
    ['{"examples": [{"names": [1.5, "a"]}]}', 'Unexpected element type in feature: names expecting type: float'],
    ['{"examples": [{"names": ["a", 1]}]}', 'Unexpected element type in feature: names expecting type: bytes'],
    ['{"context": [{"names": ["a"]}]}', 'Example must be JSON object but got JSON Array'],
    ['{"examples": [[{"names": ["a"]}]]}', 'Example must be JSON object but got JSON Array'],
    ['{"examples": {"names": ["a"]}}', "JSON Value: Expecting 'examples' value to be an list/array"],
    ['{"examples": []}', "JSON Value: 'examples' value is an empty array"],
    ['{}', "JSON Value: When method is classify, key 'examples' is expected and was not found"],
    ['{"signature_name": ["hello"], "examples": []}', "JSON Value: not formatted correctly. 'signature_name' key must be a string value."],
  ]; // prettier-ignore
  for (const [body, text] of cases) assert.equal(ask(body), text, body);
});

const PIECES = [
  '[',
  ']',
  '{',
  '}',
  ',',
  ':',
  '1',
  '"',
  '{"b64":"',
  'NaN',
  'null',
  '1e999',
  '"instances":',
  '[[1],[2,3]]',
];

function randomBody(random: Random): Uint8Array {
  const value = (depth: number): unknown => {
    const kinds = [1, -2.5, 'text', true, null, { b64: 'aGVsbG8=' }, { b64: 5 }, { a: 1, b: [2] }, 2 ** 60];
    return depth === 0 || random.chance(0.5)
      ? random.pick(kinds)
      : random.list(random.below(4), () => value(depth - 1));
  };
  const document = { [random.pick(['instances', 'inputs'])]: random.chance(0.8) ? [value(2), value(2)] : value(3) };
  const body = Buffer.from(JSON.stringify(document));
  return random.chance(0.5)
    ? body
    : random.mutate(
        body,
        PIECES.map((piece) => Buffer.from(piece)),
      );
}

test('no body makes it fail otherwise, and none is repeated in a text', () => {
  fuzz((random) => {
    const inputs: Record<string, Datatype> = { a: random.pick(DATATYPES) };
    if (random.chance(0.5)) inputs['b'] = random.pick(DATATYPES);
    const body = Buffer.from(randomBody(random)).toString('latin1');
    assert.doesNotMatch(refusal(body, signatureOf(inputs), random.chance(0.5)), /INTERNAL|2\.5|aGVs/);
  });
});

test('no examples make it fail otherwise either', () => {
  const signature = signatureOf({ a: 'FP32', b: 'INT64' });
  fuzz((random) => {
    const value = () =>
      random.pick([1, 1.5, 2 ** 63, true, null, 'text', [], [[1]], [1, 'x'], { b64: 'aGVs' }, { b64: 'A' }, {}]);
    const example = () =>
      Object.fromEntries(random.list(random.below(3), () => [random.pick(['a', 'b', 'c']), value()]));
    const examples = random.chance(0.9)
      ? random.list(random.below(3), () => (random.chance(0.9) ? example() : value()))
      : value();
    const document = { examples, ...(random.chance(0.3) && { context: random.chance(0.7) ? example() : value() }) };
    const body = Buffer.from(JSON.stringify(document));
    const sent = random.chance(0.6)
      ? body
      : random.mutate(
          body,
          PIECES.map((piece) => Buffer.from(piece)),
        );
    try {
      const method = random.pick(['classify', 'regress'] as const);
      decodeExamples(sent, method, signature, DEFAULT_DECODE_LIMITS, requestDialect(random.chance(0.5)));
    } catch (error) {
      assert.ok(error instanceof ServeryError, String(error));
      assert.notEqual(error.code, 'INTERNAL');
    }
  });
});
