import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { HANDLER } from '../../../../src/runtime/define-handler.ts';
import { readHandler } from '../../../../src/runtime/handler/read-handler.ts';

const predict = () => [];
const signature = { inputs: { a: 'FP32' }, outputs: { b: 'FP32' } };
const read = (definition: object) => readHandler({ default: { ...definition, [HANDLER]: true } });
const withInput = (input: unknown) => ({ predict, signature: { ...signature, inputs: { a: input } } });
const withOutput = (output: unknown) => ({ predict, signature: { ...signature, outputs: { b: output } } });
const route = { route: 'POST /score', body: z.object({ amount: z.number() }), predict };

describe('a definition', () => {
  it('becomes a signature whose first axis counts rows', async () => {
    const { description } = await read({
      predict,
      batching: false,
      signature: {
        inputs: {
          plan: 'BYTES',
          image: { datatype: 'BYTES', as: 'bytes' },
          x: { datatype: 'FP32', shape: [2], features: ['length', 'width'], missing: 'nan' },
          free: { datatype: 'INT64', shape: [null, 3] },
        },
        outputs: { label: { datatype: 'INT64', labels: ['no', 'yes'] } },
      },
    });
    assert.deepEqual(description, {
      signature: {
        inputs: [
          { name: 'plan', datatype: 'BYTES', shape: [null], text: true },
          { name: 'image', datatype: 'BYTES', shape: [null] },
          { name: 'x', datatype: 'FP32', shape: [null, 2], features: ['length', 'width'], missing: 'nan' },
          { name: 'free', datatype: 'INT64', shape: [null, null, 3] },
        ],
        outputs: [{ name: 'label', datatype: 'INT64', shape: [null], labels: ['no', 'yes'] }],
        batched: true,
      },
      route: undefined,
      batching: false,
      streams: false,
      explains: false,
    });
  });

  for (const { definition, problem } of [
    { definition: { signature }, problem: 'predict is undefined, expected a function' },
    {
      definition: { signature, predict, setup: 1 },
      problem: 'setup is a number that does not fit, expected a function',
    },
    { definition: { signature, predict, batching: 'false' }, problem: 'batching is a string, expected true or false' },
    { definition: { signature, predict, explain: {} }, problem: 'explain is an object, expected a function' },
    {
      definition: { signature, predict, stream: predict },
      problem: 'it has both predict and stream: an answer comes at once, or bit by bit',
    },
    {
      definition: { signature, stream: predict },
      problem: "signature.outputs of a handler that streams has one entry: 'BYTES', for its chunks together",
    },
    { definition: { predict }, problem: 'it needs either a signature, or a route with a body schema' },
    { definition: { ...route, signature }, problem: 'it needs either a signature, or a route with a body schema' },
    {
      definition: { signature, predict, predct: 1 },
      problem:
        '"predct" is not a key of a handler; these are: signature, setup, predict, stream, explain, batching, route, body, response',
    },
    {
      definition: { predict, signature: { outputs: signature.outputs } },
      problem: 'signature.inputs has to be an object with at least one entry',
    },
    {
      definition: { predict, signature: { ...signature, outputs: {} } },
      problem: 'signature.outputs has to be an object with at least one entry',
    },
    {
      definition: withInput('FLOAT'),
      problem: `input "a": expected a datatype such as 'FP32' or 'BYTES', got "FLOAT"`,
    },
    {
      definition: withInput({ shape: [1] }),
      problem: `input "a": expected a datatype such as 'FP32' or 'BYTES', got undefined`,
    },
    {
      definition: withInput({ datatype: 'FP32', shape: [-1] }),
      problem: 'input "a": shape has to be a list of sizes (null for any), of one row',
    },
    { definition: withInput({ datatype: 'FP32', labels: ['a'] }), problem: 'input "a": "labels" is not a key of it' },
    {
      definition: withInput({ datatype: 'FP32', as: 'bytes' }),
      problem: `input "a": as can only be 'bytes', for BYTES`,
    },
    {
      definition: { predict, signature: { ...signature, outputs: { y: { datatype: 'FP32', as: 'bytes' } } } },
      problem: `output "y": as can only be 'bytes', for BYTES`,
    },
    {
      definition: withInput({ datatype: 'INT64', missing: 'nan' }),
      problem: `input "a": missing can only be 'nan', for floating point`,
    },
    {
      definition: withInput({ datatype: 'FP32', shape: [3], features: ['a', 'b'] }),
      problem: 'input "a": features: there are 2 names for 3 values',
    },
    {
      definition: withOutput({ datatype: 'FP32', labels: [1] }),
      problem: 'output "b": labels has to be a list of names',
    },
    {
      definition: {
        predict,
        signature: JSON.parse('{"inputs":{"__proto__":"FP32"},"outputs":{"b":"FP32"}}') as object,
      },
      problem: 'input "__proto__": the name cannot be used',
    },
    { definition: { ...route, body: { amount: 'number' } }, problem: 'body has to be a zod schema' },
    { definition: { ...route, body: undefined }, problem: 'body has to be a zod schema' },
    { definition: { ...route, response: {} }, problem: 'response has to be a zod schema' },
    {
      definition: { ...route, route: '/score' },
      problem: "route has to be POST, PUT or PATCH and a path, such as 'POST /score'",
    },
    {
      definition: { ...route, route: 'GET /score' },
      problem: "route has to be POST, PUT or PATCH and a path, such as 'POST /score'",
    },
    {
      definition: { ...route, route: 'POST /a/../b' },
      problem: 'the path of its route has a segment that is neither a plain name nor `:name`',
    },
    {
      definition: { ...route, route: 'POST /a//b' },
      problem: 'the path of its route has a segment that is neither a plain name nor `:name`',
    },
    {
      definition: { ...route, route: 'POST /a?b=1' },
      problem: 'the path of its route has a segment that is neither a plain name nor `:name`',
    },
    {
      definition: { ...route, route: 'POST /*' },
      problem: 'the path of its route has a segment that is neither a plain name nor `:name`',
    },
    { definition: { ...route, route: 'POST /:a/:a' }, problem: 'the path of its route has a parameter twice' },
    ...['/v2/models/:name/infer', '/models/iris/predict', '/invocations', '/:anything'].map((path) => ({
      definition: { ...route, route: `POST ${path}` },
      problem: `its route POST ${path} is or may become one of Servery's own`,
    })),
  ]) {
    it(`is refused: ${problem}`, async () => {
      await assert.rejects(read(definition), { code: 'MODEL_INVALID', message: problem });
    });
  }

  it('with a route has one text in, one text out, and its schemas printed', async () => {
    const { description } = await read({
      ...route,
      route: 'PUT /shops/:shop/score',
      response: z.object({ score: z.number() }),
    });
    assert.deepEqual(description.signature.inputs, [{ name: 'body', datatype: 'BYTES', shape: [null], text: true }]);
    assert.deepEqual(description.signature.outputs, [{ name: 'response', datatype: 'BYTES', shape: [null] }]);
    const { method, path, bodySchema, responseSchema } = description.route!;
    assert.deepEqual([method, path], ['PUT', '/shops/:shop/score']);
    assert.deepEqual((bodySchema as { properties: unknown }).properties, { amount: { type: 'number' } });
    assert.deepEqual((responseSchema as { required: unknown }).required, ['score']);
  });
});
