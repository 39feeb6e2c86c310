import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeEnvelope, encodeEnvelope } from '../../../../src/core/handler-envelope.ts';
import type { BytesElement } from '../../../../src/core/tensor.ts';
import { openHandler, texts, type OpenHandler } from './open-handler.ts';

const scoring = (predict: string, more = '') => `
  import { defineHandler } from 'servery';
  import * as z from 'zod';
  export default defineHandler({
    route: 'POST /score',
    body: z.object({ amount: z.number().positive(), tags: z.array(z.string()).default([]) }),
    ${more}
    predict: ${predict},
  });`;

async function answers({ runner }: OpenHandler, bodies: readonly BytesElement[]) {
  const { outputs } = await runner.run([[texts(bodies)]], { rows: bodies.length });
  return (outputs[0]!.data as readonly BytesElement[]).map(decodeEnvelope);
}

describe('a handler with a route', () => {
  it('gets bodies as its schema leaves them, and answers JSON', async () => {
    await using handler = await openHandler(
      scoring('(bodies) => bodies.map(({ amount, tags }) => ({ score: amount / 10, tags }))'),
    );
    const bodies = ['{"amount":5}', new TextEncoder().encode('{ "amount": 7, "tags": ["é"] }')];
    assert.deepEqual(await answers(handler, bodies), [
      { ok: '{"score":0.5,"tags":[]}' },
      { ok: '{"score":0.7,"tags":["é"]}' },
    ]);
  });

  it('says where and what is wrong with a body, and answers those beside it', async () => {
    await using handler = await openHandler(scoring('(bodies) => bodies.map(({ amount }) => amount)'));
    assert.deepEqual(
      await answers(handler, ['{"amount":1}', '{"amount":-1,"tags":["a",7]}', 'no json', '{"amount":2}']),
      [
        { ok: '1' },
        {
          invalid: [
            {
              path: ['amount'],
              code: 'greater_than',
              message: 'Input should be greater than 0',
              context: { gt: 0 },
            },
            { path: ['tags', 1], code: 'string_type', message: 'Input should be a valid string' },
          ],
        },
        { invalid: [{ path: [], message: 'JSON decode error', code: 'json_invalid' }] },
        { ok: '2' },
      ],
    );
  });

  it('is not called when no body is valid', async () => {
    await using handler = await openHandler(scoring('() => { throw new Error("called"); }'));
    assert.deepEqual(
      (await answers(handler, ['{}'])).map((answer) => Object.keys(answer)),
      [['invalid']],
    );
  });

  it('is held to its response schema; what did not fit is for the log', async () => {
    await using handler = await openHandler(
      scoring(
        '(bodies) => bodies.map(({ amount }) => ({ score: amount > 5 ? "high" : 0 }))',
        'response: z.object({ score: z.number() }),',
      ),
    );
    assert.deepEqual(await answers(handler, ['{"amount":1}']), [{ ok: '{"score":0}' }]);
    await assert.rejects(answers(handler, ['{"amount":1}', '{"amount":9}']), {
      code: 'HANDLER_FAILED',
      message: 'The handler gave a wrong result: answer 1: it does not fit the response schema',
    });
  });

  for (const { gives, problem } of [
    { gives: 'undefined', problem: 'expected a JSON value, got undefined' },
    { gives: '1n', problem: 'expected a JSON value, got a bigint that does not fit' },
  ]) {
    it(`has failed when it answers ${gives}`, async () => {
      await using handler = await openHandler(scoring(`() => [${gives}]`));
      await assert.rejects(answers(handler, ['{"amount":1}']), {
        code: 'HANDLER_FAILED',
        message: `The handler gave a wrong result: answer 0: ${problem}`,
      });
    });
  }

  it('gives a wrong number of rows when it gives a wrong number of answers, also beside bodies that are invalid', async () => {
    await using handler = await openHandler(scoring('() => [1, 2]'));
    const { outputs } = await handler.runner.run([[texts(['{"amount":1}', '{}'])]], { rows: 2 });
    assert.deepEqual(outputs[0]!.shape, [3]);
  });
});

describe('an envelope', () => {
  for (const envelope of [
    { ok: '{"a":1}' },
    { ok: 'null' },
    { ok: '"}"' },
    { invalid: [] },
    { invalid: [{ path: ['a', 0], message: 'ok', code: 'custom' }] },
  ]) {
    it(`survives the way: ${JSON.stringify(envelope)}`, () => {
      const text = encodeEnvelope(envelope);
      assert.deepEqual(decodeEnvelope(text), envelope);
      assert.deepEqual(decodeEnvelope(new TextEncoder().encode(text)), envelope);
      assert.doesNotThrow(() => void JSON.parse(text));
    });
  }
});
