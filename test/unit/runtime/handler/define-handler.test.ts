/** The types that a handler's author sees: most of this test is done by the compiler. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as z from 'zod';
import { defineHandler, HANDLER, type HandlerContext } from '../../../../src/runtime/define-handler.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles when the value has exactly this type. */
const exactly =
  <Expected>() =>
  <Actual>(_value: Actual, _: Equal<Actual, Expected>) => {};

it('rows have the types of the signature, without annotations', () => {
  const handler = defineHandler({
    signature: {
      inputs: {
        tenure: 'FP32',
        plan: 'BYTES',
        isNew: 'BOOL',
        id: 'INT64',
        image: { datatype: 'BYTES', as: 'bytes' },
        x: { datatype: 'FP32', shape: [4] },
        grid: { datatype: 'INT64', shape: [null, 2] },
      },
      outputs: { risk: 'FP32', label: 'BYTES', id: 'INT64', weights: { datatype: 'FP64', shape: [2] } },
    },
    predict(rows, context) {
      const [row] = rows;
      exactly<
        | {
            readonly tenure: number;
            readonly plan: string;
            readonly isNew: boolean;
            readonly id: bigint;
            readonly image: Uint8Array;
            readonly x: number[];
            readonly grid: bigint[][];
          }
        | undefined
      >()(row, true);
      exactly<undefined>()(context.state, true);
      return rows.map(({ tenure, plan, id, x }) => ({ risk: tenure * x[0]!, label: plan, id, weights: [1, 2] }));
    },
  });
  assert.ok(handler[HANDLER]);
});

it('the state has the type that setup returns', () => {
  defineHandler({
    signature: { inputs: { a: 'FP32' }, outputs: { b: 'FP32' } },
    setup: async () => ({ weights: [0.5] }),
    predict: async (rows, context) => {
      exactly<HandlerContext<{ weights: number[] }>>()(context, true);
      return rows.map(({ a }) => ({ b: a * context.state.weights[0]! }));
    },
  });
  defineHandler({
    signature: { inputs: { a: 'FP32' }, outputs: { b: 'FP32' } },
    setup: ({ version }) => version,
    predict: (rows, { state }) => rows.map(() => ({ b: state })),
  });
});

it('a result of another type does not compile', () => {
  defineHandler({
    signature: { inputs: { a: 'FP32' }, outputs: { b: 'FP32' } },
    // @ts-expect-error b is missing
    predict: (rows) => rows.map(() => ({})),
  });
  defineHandler({
    signature: { inputs: { a: 'FP32' }, outputs: { b: 'FP32' } },
    // @ts-expect-error b is a number
    predict: (rows) => rows.map(() => ({ b: 'high' })),
  });
  defineHandler({
    signature: { inputs: { a: 'FP32' }, outputs: { b: 'FP32' } },
    // @ts-expect-error there is no input c
    predict: (rows) => rows.map(({ c }) => ({ b: 1, c: c as unknown })),
  });
  // @ts-expect-error FLOAT is no datatype
  defineHandler({ signature: { inputs: { a: 'FLOAT' }, outputs: { b: 'FP32' } }, predict: () => [] });
});

it('explains rows of the types of the signature, by any JSON value', async () => {
  const handler = defineHandler({
    signature: { inputs: { a: 'INT64', plan: 'BYTES' }, outputs: { b: 'FP32' } },
    setup: () => ({ name: 'plan' }),
    predict: (rows) => rows.map(() => ({ b: 0 })),
    explain: (rows, { state }) =>
      rows.map(({ a, plan }) => {
        const big: bigint = a;
        return { [state.name]: plan.length, a: Number(big) };
      }),
  });
  const context = {} as Parameters<typeof handler.predict>[1];
  assert.deepEqual(await handler.explain?.([], context), []);
  defineHandler({
    signature: { inputs: { a: 'FP32' }, outputs: { b: 'FP32' } },
    predict: (rows) => rows.map(() => ({ b: 0 })),
    // @ts-expect-error a bigint is no JSON value
    explain: (rows) => rows.map(() => 1n),
  });
});

it('bodies and answers of a route have the types of its schemas', () => {
  defineHandler({
    route: 'POST /score',
    body: z.object({ amount: z.number(), at: z.string().transform((text) => new Date(text)) }),
    response: z.object({ score: z.number() }),
    setup: () => 3,
    predict: (bodies, { state }) => {
      exactly<readonly { amount: number; at: Date }[]>()(bodies, true);
      exactly<number>()(state, true);
      return bodies.map(({ amount }) => ({ score: amount }));
    },
  });
  defineHandler({ route: 'POST /any', body: z.string(), predict: (bodies) => bodies.map((body) => body.length) });
  defineHandler({
    route: 'POST /score',
    body: z.string(),
    response: z.object({ score: z.number() }),
    // @ts-expect-error score is a number
    predict: (bodies) => bodies.map(() => ({ score: 'high' })),
  });
});

it('rows of another model have the type that the caller gives', () => {
  defineHandler({
    signature: { inputs: { a: 'FP32' }, outputs: { b: 'FP32' } },
    predict: async (rows, { model }) => {
      const plain = await model('iris').predict(rows);
      exactly<readonly Readonly<Record<string, unknown>>[]>()(plain, true);
      return model<{ b: number }>('other').predict(rows);
    },
  });
});

it('a definition stays callable, for tests of its author', async () => {
  const { predict } = defineHandler({
    signature: { inputs: { a: 'FP32' }, outputs: { b: 'FP32' } },
    predict: (rows) => rows.map(({ a }) => ({ b: a + 1 })),
  });
  assert.deepEqual(await predict([{ a: 1 }], {} as HandlerContext), [{ b: 2 }]);
});

it('a stream takes one row or body, and its chunks fit the response schema', () => {
  defineHandler({
    signature: { inputs: { prompt: 'BYTES' }, outputs: { text: 'BYTES' } },
    async *stream(row, context) {
      exactly<{ readonly prompt: string }>()(row, true);
      exactly<undefined>()(context.state, true);
      yield row.prompt;
    },
  });
  defineHandler({
    route: 'POST /talk',
    body: z.object({ prompt: z.string() }),
    response: z.string(),
    async *stream(body) {
      exactly<{ prompt: string }>()(body, true);
      yield body.prompt;
    },
  });
  defineHandler({
    route: 'POST /talk',
    body: z.object({ prompt: z.string() }),
    response: z.string(),
    // @ts-expect-error a chunk is text
    async *stream() {
      yield 1;
    },
  });
});
