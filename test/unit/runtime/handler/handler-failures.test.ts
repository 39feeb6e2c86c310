import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../../../src/core/clock.ts';
import { afterEnd } from '../../../../src/runtime/handler/restart-delay.ts';
import { eventually, onX, openHandler, runX, type OpenHandlerSettings } from './open-handler.ts';

const inMs = (ms: number) => ({ deadline: systemClock.now() + ms });

describe('an endless loop', () => {
  const LOOPS = onX(`predict(rows) { if (rows[0].x < 0) for (;;); return rows.map(({ x }) => ({ y: x })); }`);

  it('is ended at the deadline of its call, and its thread replaced', async () => {
    await using handler = await openHandler(LOOPS);
    const start = performance.now();
    await assert.rejects(handler.run([-1], inMs(100)), { code: 'DEADLINE_EXCEEDED' });
    assert.ok(performance.now() - start < 5000);
    assert.deepEqual(await handler.run([7]), [7]);
    assert.deepEqual(handler.restarts, [{ model: { name: 'subject', version: 1 }, cause: 'deadline' }]);
    assert.match(handler.notices[0]!.message, /did not end a call at its deadline/);
  });

  it('is not noticed on another thread, by another model, nor by the event loop of the caller', async () => {
    await using handler = await openHandler(LOOPS, { options: { threads: 2 } });
    await using other = await openHandler(onX('predict: (rows) => rows.map(() => ({ y: 1 }))'), { name: 'other' });
    let isLooping = true;
    const looping = assert.rejects(handler.run([-1], inMs(1000)), { code: 'DEADLINE_EXCEEDED' });
    const ended = looping.finally(() => (isLooping = false));
    let answered = 0;
    while (isLooping) {
      assert.deepEqual(await handler.run([7]), [7]);
      assert.deepEqual(await other.run([7]), [1]);
      if (isLooping) answered += 1;
    }
    assert.ok(answered > 3, 'they did not wait for the loop');
    await ended;
    await eventually(() => handler.runner.concurrency === 2 && handler.restarts.length === 1);
    assert.deepEqual(
      other.restarts.filter(({ model }) => model.name === 'other'),
      [],
    );
  });

  it('costs the calls that shared its thread: they are told, and not run again', async () => {
    const source = onX(`async predict(rows) {
        if (rows[0].x === 0) return rows.map(() => ({ y: globalThis.calls ?? 0 }));
        globalThis.calls = (globalThis.calls ?? 0) + 1;
        if (rows[0].x > 0) return new Promise(() => {});
        for (;;);
      }`);
    await using handler = await openHandler(source, { options: { concurrency: 2 } });
    const shared = assert.rejects(handler.run([1]), { code: 'HANDLER_RESTARTED', retryable: true });
    await assert.rejects(handler.run([-1], inMs(50)), { code: 'DEADLINE_EXCEEDED' });
    await shared;
    assert.deepEqual(await handler.run([0]), [0], 'the new thread has run neither');
  });

  it('of one front end does not leave the others without a thread', async () => {
    await using handler = await openHandler(LOOPS);
    const other = await handler.connect();
    const looping = assert.rejects(handler.run([-1], inMs(50)), { code: 'DEADLINE_EXCEEDED' });
    assert.deepEqual(await runX(other, [3]), [3], 'it waited for a place');
    await looping;
  });
});

describe('a call that ignores its signal', () => {
  it('gets some more time while its thread reacts, then costs the thread', async () => {
    await using handler = await openHandler(
      onX('predict: (rows) => rows[0].x < 0 ? new Promise(() => {}) : rows.map(() => ({ y: 1 }))'),
      {
        timing: { endMs: 200 },
      },
    );
    await assert.rejects(handler.run([-1], inMs(20)), { code: 'DEADLINE_EXCEEDED' });
    assert.deepEqual(handler.restarts, []);
    assert.deepEqual(await handler.run([1]), [1]);
    assert.equal(handler.restarts.length, 1);
  });
});

describe('a caller that leaves', () => {
  const leaving = () => {
    const controller = new AbortController();
    return { signal: controller.signal, leave: () => controller.abort() };
  };

  it('aborts the signal of the call, with the reason; the thread lives on when the handler listens', async () => {
    const source = onX(
      `async predict(rows, { signal, log }) {
        if (rows[0].x === 0) return rows.map(() => ({ y: 1 }));
        log.info('begun');
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }`,
    );
    await using handler = await openHandler(source);
    const { signal, leave } = leaving();
    const call = assert.rejects(handler.run([1], { signal }), { code: 'CANCELLED' });
    await eventually(() => handler.notices.length > 0);
    leave();
    await call;
    assert.deepEqual(await handler.run([0]), [1]);
    assert.deepEqual(handler.restarts, []);
  });

  it('frees the place of a call that listens to nothing: its thread is replaced', async () => {
    const source = onX(
      `predict(rows, { log }) { if (rows[0].x === 0) return rows.map(() => ({ y: 1 })); log.info('begun'); for (;;); }`,
    );
    await using handler = await openHandler(source, { timing: { endMs: 100 } });
    const { signal, leave } = leaving();
    const call = assert.rejects(handler.run([1], { signal }), { code: 'CANCELLED' });
    await eventually(() => handler.notices.length > 0);
    leave();
    await call;
    assert.deepEqual(await handler.run([0]), [1]);
    assert.deepEqual(
      handler.restarts.map(({ cause }) => cause),
      ['deadline'],
    );
  });

  it('leaves the line of those that wait for a place', async () => {
    await using handler = await openHandler(
      onX('predict: (rows) => new Promise((r) => setTimeout(r, 100, rows.map(({ x }) => ({ y: x }))))'),
    );
    const first = handler.run([1]);
    const { signal, leave } = leaving();
    const second = assert.rejects(handler.run([2], { signal }), { code: 'CANCELLED' });
    leave();
    await second;
    assert.deepEqual(await first, [1]);
    assert.deepEqual(await handler.run([3]), [3]);
  });

  it('ends what its call asks of other models', async () => {
    const source = onX(`async predict(rows, { model }) { return model('other').predict(rows); }`);
    await using handler = await openHandler(source);
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const { signal, leave } = leaving();
    const call = assert.rejects(
      handler.run([1], {
        signal,
        predictRows: (_model, _rows, { signal: inner }) => {
          inner!.addEventListener('abort', () => ended.resolve(), { once: true });
          asked.resolve();
          return new Promise(() => {});
        },
      }),
      { code: 'CANCELLED' },
    );
    await asked.promise;
    leave();
    await call;
    await ended.promise;
  });
});

describe('a thread that dies', () => {
  const dies = (how: string) =>
    onX(`async predict(rows) { if (rows[0].x < 0) { ${how} } return rows.map(({ x }) => ({ y: x })); }`);
  const MEMORY: OpenHandlerSettings = { options: { memoryMb: 64 } };

  for (const { name, how, cause, settings = {} } of [
    { name: 'by process.exit()', how: 'process.exit(0);', cause: 'exit' },
    {
      name: 'by an uncaught error',
      how: 'await new Promise(() => setTimeout(() => { throw new Error("later") }, 1));',
      cause: 'exit',
    },
    {
      name: 'by a rejection that nobody handles',
      how: 'void Promise.reject(new Error("nobody")); await new Promise(() => {});',
      cause: 'exit',
    },
    {
      name: 'of many small objects',
      how: 'const all = []; for (;;) all.push({ a: all.length });',
      cause: 'memory',
      settings: MEMORY,
    },
    {
      name: 'of large arrays',
      how: 'const all = []; for (;;) all.push(new Array(1e7).fill(1.5));',
      cause: 'memory',
      settings: MEMORY,
    },
    {
      name: 'of a growing map',
      how: 'const all = new Map(); for (let i = 0; ; i += 1) all.set(i, i);',
      cause: 'memory',
      settings: MEMORY,
    },
    {
      name: 'of a growing text',
      how: 'let s = "abc"; const all = []; for (;;) { s += s; all.push(s.split("")); }',
      cause: 'memory',
      settings: MEMORY,
    },
    {
      name: 'of buffers',
      how: 'const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1));',
      cause: 'memory',
      settings: MEMORY,
    },
  ] as const) {
    it(`${name} is replaced, and its call is told`, async () => {
      await using handler = await openHandler(dies(how), settings);
      await assert.rejects(handler.run([-1]), { code: 'HANDLER_RESTARTED' });
      assert.deepEqual(await handler.run([2]), [2]);
      assert.deepEqual(handler.restarts, [{ model: { name: 'subject', version: 1 }, cause }]);
      assert.equal(handler.notices.filter(({ level }) => level === 'error').length, 1);
    });
  }

  it('again and again is given pauses, in which calls are refused with the time to come back', async () => {
    await using handler = await openHandler(dies('process.exit(0);'));
    const codes: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      await assert.rejects(handler.run([-1]), (error: { code: string; retryAfterMs?: number }) => {
        codes.push(`${error.code} ${error.retryAfterMs === undefined ? 'ran' : 'refused'}`);
        return true;
      });
    }
    assert.ok(codes.includes('HANDLER_RESTARTED ran'));
    assert.ok(codes.includes('HANDLER_RESTARTED refused'));
    await eventually(() => handler.runner.concurrency === 1);
  });

  for (const { when, args, then } of [
    { when: 'the first one dies young', args: ['exit', 10, 0], then: { failures: 1, delayMs: 0 } },
    { when: 'the second one dies young too', args: ['memory', 10, 1], then: { failures: 2, delayMs: 100 } },
    { when: 'they go on dying', args: ['exit', 10, 4], then: { failures: 5, delayMs: 800 } },
    { when: 'they never stop dying', args: ['exit', 10, 40], then: { failures: 41, delayMs: 30_000 } },
    { when: 'it lived for long', args: ['exit', 60_000, 4], then: { failures: 1, delayMs: 0 } },
    { when: 'it was ended at a deadline', args: ['deadline', 10, 4], then: { failures: 4, delayMs: 0 } },
  ] as const) {
    it(`waits ${then.delayMs} ms for the next one when ${when}`, () => {
      assert.deepEqual(afterEnd(args[0], args[1], args[2]), then);
    });
  }
});

describe('a handler that cannot be loaded', () => {
  const cases: readonly { name: string; source: string; reason: string | RegExp; settings?: OpenHandlerSettings }[] = [
    {
      name: 'wrong TypeScript',
      source: 'const a = 1;\nconst b = ;',
      reason: 'handler.ts:2: SyntaxError: Expression expected',
    },
    {
      name: 'TypeScript that is more than types',
      source: 'enum Plan { monthly }',
      reason: 'handler.ts:1: SyntaxError: TypeScript enum is not supported in strip-only mode',
    },
    {
      name: 'wrong JavaScript',
      source: "import 'node:fs';\nconst b = ;",
      reason: "handler.js: SyntaxError: Unexpected token ';'",
      settings: { file: 'handler.js' },
    },
    {
      name: 'a file that is not there',
      source: "import './no.ts';",
      reason: "Cannot find module 'no.ts' imported from handler.ts",
    },
    {
      name: 'a file that is not there, in a folder of its own',
      source: "import './lib/no.ts';",
      reason: "Cannot find module 'lib/no.ts' imported from handler.ts",
    },
    {
      name: 'a file that is not there, above its folder',
      source: "import '../../no.ts';",
      reason: "Cannot find module 'no.ts' imported from handler.ts",
    },
    {
      name: 'a package that is not there',
      source: "import 'no-such';",
      reason: "Cannot find package 'no-such' imported from handler.ts",
    },
    {
      name: 'an error while it loads',
      source: 'const text = undefined as any;\ntext.length;',
      reason: "handler.ts:2: TypeError: Cannot read properties of undefined (reading 'length')",
    },
    {
      name: 'no default export',
      source: 'export const a = 1;',
      reason: 'it has no default export made by defineHandler()',
    },
    {
      name: 'a bare object',
      source: 'export default { predict() {} };',
      reason: 'it has no default export made by defineHandler()',
    },
    {
      name: 'a setup that throws',
      source: onX("setup() { throw new Error('no database'); }, predict: () => []"),
      reason: /^handler\.ts:\d+: no database$/,
    },
    {
      name: 'a setup that never ends',
      source: onX('setup: () => new Promise(() => {}), predict: () => []'),
      reason: 'its setup did not end within 0.3 s',
      settings: { timing: { setupMs: 300 } },
    },
    {
      name: 'an endless loop in the module',
      source: 'for (;;);',
      reason: 'its setup did not end within 0.3 s',
      settings: { timing: { setupMs: 300 } },
    },
    { name: 'process.exit()', source: 'process.exit(0);', reason: 'its thread ended before it was ready' },
    {
      name: 'more memory than it may have',
      source: 'const all = []; for (;;) all.push(new Array(1e6).fill(1.5));',
      reason: 'it needs more than 64 MB; raise runtime.memoryMb',
      settings: { options: { memoryMb: 64 } },
    },
  ];
  for (const { name, source, reason, settings } of cases) {
    it(`because of ${name} says so, without a path of the machine`, async () => {
      await assert.rejects(openHandler(source, settings), (error: Error & { code: string }) => {
        assert.equal(error.code, 'MODEL_INVALID');
        const [, said = ''] = /^Cannot load the handler: (.*)$/s.exec(error.message) ?? [];
        if (typeof reason === 'string') assert.equal(said, reason);
        else assert.match(said, reason);
        return true;
      });
    });
  }
});
