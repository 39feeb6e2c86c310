/** Handlers that explain, in a whole server: both forms of a handler, and what a caller is told who asks in vain. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

const HANDLERS = {
  risk: `import { defineHandler } from 'servery';
    export default defineHandler({
      signature: { inputs: { a: 'FP32', b: 'FP32' }, outputs: { sum: 'FP32' } },
      setup: () => ({ weight: 2 }),
      predict: (rows, { state }) => rows.map(({ a, b }) => ({ sum: state.weight * a + b })),
      explain(rows, { state }) {
        if (rows.some(({ a }) => a < 0)) throw new Error('secret');
        if (rows.some(({ a }) => a === 77)) return [];
        if (rows.some(({ a }) => a === 78)) return rows.map(() => () => 1);
        return rows.map(({ a, b }) => ({ a: state.weight * a, b, together: rows.length }));
      },
    });`,
  scorer: `import { defineHandler } from 'servery';
    import * as z from 'zod';
    export default defineHandler({
      route: 'POST /score',
      body: z.object({ amount: z.number() }),
      predict: (bodies) => bodies.map(({ amount }) => ({ score: amount / 100 })),
      explain: (bodies) => bodies.map(({ amount }) => (amount > 100 ? 'above 100' : [amount])),
    });`,
  talk: `import { defineHandler } from 'servery';
    export default defineHandler({
      signature: { inputs: { word: 'BYTES' }, outputs: { letters: 'BYTES' } },
      *stream({ word }) { yield word; },
      explain: (rows) => rows.map(({ word }) => word.length),
    });`,
  plain: `import { defineHandler } from 'servery';
    export default defineHandler({
      signature: { inputs: { a: 'FP32' }, outputs: { b: 'FP32' } },
      predict: (rows) => rows.map(({ a }) => ({ b: a })),
    });`,
};

describe('a handler that explains', () => {
  let workspace: Awaited<ReturnType<typeof workspaceWith>>;
  let server: RunningServer;

  before(async () => {
    workspace = await workspaceWith({});
    for (const [name, source] of Object.entries(HANDLERS)) {
      await mkdir(`${workspace.path}/models/${name}/1`, { recursive: true });
      await writeFile(`${workspace.path}/models/${name}/1/handler.ts`, source);
    }
    server = await startServer(workspace.path, { args: ['--set', 'frontEnds=2'] });
  });
  after(async () => {
    await server.stop();
    await workspace[Symbol.asyncDispose]();
  });

  const ask = async (path: string, body: string) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${server.http}/${path}`, { method: 'POST', headers, body });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  const json = (text: string) => ({ status: 200, type: 'application/json', text });

  it('gives a JSON value for each row, in the form of the question', async () => {
    const one = { a: 2, b: 5, together: 1 };
    assert.deepEqual(await ask('explanations/risk', '{"a":1,"b":5}'), json(JSON.stringify(one)));
    const two = [one, { a: 4, b: 0, together: 2 }].map((row) => ({ ...row, together: 2 }));
    const rows = '[{"a":1,"b":5},{"a":2,"b":0}]';
    assert.deepEqual(await ask('explanations/risk/1', rows), json(JSON.stringify(two)));
    const instances = await ask('explanations/risk/1.0', `{"instances":${rows}}`);
    assert.deepEqual(instances, json(JSON.stringify({ explanations: two })));
    assert.deepEqual(await ask('predictions/risk', rows), json('[7,4]'));
  });

  it('reads the body of a handler with a route of its own by its schema', async () => {
    assert.deepEqual(await ask('explanations/scorer', '{"amount":1}'), json('[1]'));
    const text = { status: 200, type: 'text/plain; charset=utf-8', text: 'above 100' };
    assert.deepEqual(await ask('explanations/scorer', '{"amount":101}'), text);
    const refused = await ask('explanations/scorer', '{"amount":"x"}');
    assert.equal(refused.status, 400);
    assert.match(refused.text, /"type": "BadRequestException",\n {2}"message": "Cannot use the body: amount: /);
  });

  it('explains answers that come bit by bit too', async () => {
    assert.deepEqual(await ask('explanations/talk', '{"word":"four"}'), json('4'));
  });

  const failed = '{\n  "code": 503,\n  "type": "InternalServerException",\n  "message": "Prediction failed"\n}\n';
  for (const [what, path, body] of [
    ['a model that cannot', 'plain', '{"a":1}'],
    ['an explanation that fails', 'risk', '{"a":-1,"b":0}'],
    ['too few explanations', 'risk', '{"a":77,"b":0}'],
    ['explanations that are no JSON', 'risk', '{"a":78,"b":0}'],
  ] as const) {
    it(`says of ${what} only that it failed`, async () => {
      const { status, text } = await ask(`explanations/${path}`, body);
      assert.deepEqual([status, text], [503, failed]);
    });
  }

  it('never shares a call between explanations and predictions', async () => {
    const asked = Array.from({ length: 60 }, (_, i) =>
      i % 2 === 0 ? ask('explanations/risk', `{"a":${i},"b":1}`) : ask('predictions/risk', `{"a":${i},"b":1}`),
    );
    for (const [i, { status, text }] of (await Promise.all(asked)).entries()) {
      assert.equal(status, 200);
      const value = JSON.parse(text) as { a: number } | number;
      assert.equal(typeof value === 'number' ? value : value.a, i % 2 === 0 ? 2 * i : 2 * i + 1);
    }
  });
});
