/** Answers that come bit by bit, as `servery/client` and `createServery` give them: over a real socket, and without one. */
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServery, type Chunk, type Servery } from '../../src/index.ts';
import { createClient } from '../../src/client/index.ts';
import { ADD, SPELL, TALK, writeHandlers } from '../support/streaming-handlers.ts';
import { startServer, workspaceWith, type RunningServer } from '../support/workspace-server.ts';

declare module '../../src/client/index.ts' {
  interface Models {
    spell: { row: { readonly word: string }; chunk: string };
  }
}

/** Yields what looks like the last words of a failure, in the middle and at the end. */
const WORDS = `import { defineHandler } from 'servery';
  import * as z from 'zod';
  export default defineHandler({
    route: 'POST /words',
    body: z.object({}),
    *stream() { yield { error: 'one', code: 'INTERNAL' }; yield 'then'; yield { error: 'two' }; },
  });`;

type Ways = Pick<Servery, 'stream'>;

async function all<T>(chunks: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const chunk of chunks) into.push(chunk);
  return into;
}

describe('the chunks of a handler', () => {
  let workspace: Awaited<ReturnType<typeof workspaceWith>>;
  let server: RunningServer;
  let servery: Servery;
  let ways: Readonly<Record<string, Ways>>;

  before(async () => {
    workspace = await workspaceWith({});
    await writeHandlers(workspace.path, { talk: TALK, spell: SPELL, add: ADD, words: WORDS });
    server = await startServer(workspace.path, { args: ['--set', 'frontEnds=2'] });
    servery = await createServery({ workspace: workspace.path });
    ways = { 'servery/client': createClient({ url: server.http }), createServery: servery };
  });
  after(async () => {
    await servery[Symbol.asyncDispose]();
    await server.stop();
    await workspace[Symbol.asyncDispose]();
  });

  for (const way of ['servery/client', 'createServery']) {
    const stream: Ways['stream'] = (...call) => ways[way]!.stream(...call);
    const talk = (say: string, options: Parameters<Ways['stream']>[2] = {}) => stream('talk', { say }, options);

    describe(`by ${way}`, () => {
      it('are text, values and bytes, as the handler gives them', async () => {
        assert.deepEqual(await all(talk('text')), ['one ', 'two\nlines ', 'drei ü']);
        assert.deepEqual(await all(talk('values')), [{ a: 1 }, [2], 3, null]);
        assert.deepEqual(await all(talk('bytes')), [Uint8Array.of(0, 255)]);
        assert.deepEqual(await all(talk('nothing')), []);
        assert.deepEqual(await all(stream('spell/1', { word: 'abc' })), ['a.', 'b.', 'c.']);
      });

      it('are all there when one looks like a failure', async () => {
        const failures = [{ error: 'one', code: 'INTERNAL' }, 'then', { error: 'two' }];
        assert.deepEqual(await all(stream('words', {})), failures);
      });

      it('do not begin when the call is refused', async () => {
        await assert.rejects(all(talk('unheard')), { code: 'INVALID_INPUT' });
        await assert.rejects(all(talk('fail')), { code: 'HANDLER_FAILED' });
        await assert.rejects(all(stream('nobody', {})), { code: 'MODEL_NOT_FOUND' });
        await assert.rejects(all(stream('add', { a: 1, b: 2 })), { code: 'INVALID_REQUEST' });
        await assert.rejects(all(stream('spell', { wrong: 1 })), { code: 'INVALID_INPUT', message: /^[^[]*\brow\b/ });
      });

      it('show a failure after those that came before it', async () => {
        const begun: Chunk[] = [];
        await assert.rejects(all(talk('fail-late'), begun), { name: 'ServeryError', code: 'HANDLER_FAILED' });
        assert.deepEqual(begun, ['begun']);
      });

      it('end with the deadline', async () => {
        const begun: Chunk[] = [];
        await assert.rejects(all(talk('slow', { timeoutMs: 300 }), begun), { code: 'DEADLINE_EXCEEDED' });
        assert.deepEqual(begun, ['first']);
      });

      it('stop when the signal aborts, and the handler hears of it', async () => {
        const controller = new AbortController();
        const chunks = talk('slow', { signal: controller.signal });
        assert.deepEqual(await chunks.next(), { done: false, value: 'first' });
        const reason = new Error('enough');
        const next = chunks.next();
        controller.abort(reason);
        if (way === 'createServery') await assert.rejects(next, { code: 'CANCELLED' });
        else await assert.rejects(next, reason);
        await assert.rejects(all(talk('text', { signal: controller.signal })));
      });

      it('make the handler wait for their reader, and stop it when the reader leaves', async () => {
        const chunks = talk('endless');
        assert.equal(((await chunks.next()).value as Uint8Array).length, 65536);
        let before = -1;
        // It makes no more between two questions, or goes on until there are too many.
        for (let made = 0; made !== before;) {
          before = made;
          made = Number((await all(talk('made')))[0]);
          assert.ok(made < 1000, `${made} chunks of 64 KiB were made for nobody`);
        }
        await chunks.return();
        // The next one is counted anew, so the last has been stopped and does not count on.
        const again = talk('endless');
        await again.next();
        await again.return();
        assert.deepEqual(await all(talk('text')), ['one ', 'two\nlines ', 'drei ü']);
      });
    });
  }

  it('have the types that a declaration says', async () => {
    const letters: string[] = await all(createClient({ url: server.http }).stream('spell', { word: 'xy' }));
    assert.deepEqual(letters, ['x.', 'y.']);
  });

  it('stop the handler in the server when the client leaves', async () => {
    const before = server.log().split('stopped').length;
    for await (const chunk of createClient({ url: server.http }).stream('talk', { say: 'endless' })) {
      assert.ok(chunk instanceof Uint8Array);
      break;
    }
    while (server.log().split('stopped').length === before) await sleep(10);
  });

  it('are tried again when the server refused the call before it ran', async () => {
    let tries = 0;
    const proxy = createServer((asked, answer) => {
      tries += 1;
      if (tries === 1) {
        answer.writeHead(503).end('{"error": "full", "code": "QUEUE_FULL"}');
        return;
      }
      const { method, headers, url } = asked;
      asked.pipe(
        request(server.http + url, { method: method!, headers }, (passed) => {
          answer.writeHead(passed.statusCode!, passed.headers);
          passed.pipe(answer);
        }),
      );
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = proxy.address() as { port: number };
      const client = createClient({ url: `http://127.0.0.1:${port}` });
      assert.deepEqual(await all(client.stream('spell', { word: 'a' })), ['a.']);
      assert.equal(tries, 2);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('come with the version that makes them, in the form that Accept names', async () => {
    const ask = (accept: string) =>
      fetch(`${server.http}/models/spell/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept },
        body: '{"row": {"word": "ab"}}',
      });
    const events = await ask('text/event-stream');
    assert.equal(events.headers.get('servery-model'), 'spell/1');
    assert.equal(await events.text(), 'data: a.\n\ndata: b.\n\n');
    assert.equal(await (await ask('*/*')).text(), 'a.b.');
    const wrong = await fetch(`${server.http}/models/spell/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"rows": [{"word": "ab"}]}',
    });
    assert.equal(wrong.status, 400);
    assert.match(((await wrong.json()) as { error: string }).error, /expected an object with "row" and nothing else/);
  });
});
