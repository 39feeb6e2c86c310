import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../../../src/core/clock.ts';
import { ServeryError } from '../../../../src/core/errors.ts';
import { eventually, floats, onX, openHandler, runX, texts } from './open-handler.ts';

describe('a handler', () => {
  it('stacks the rows of several requests into one call, and repeats the last row up to the asked number', async () => {
    await using handler = await openHandler(onX('predict: (rows) => rows.map(({ x }) => ({ y: x + rows.length }))'));
    const { outputs, computeMs } = await handler.runner.run([[floats([10, 20])], [floats([30])]], { rows: 4 });
    assert.deepEqual(outputs, [floats([14, 24, 34, 34])]);
    assert.ok(computeMs >= 0);
  });

  it('runs setup once in each thread, before the version is ready, and gives its result to predict', async () => {
    const source = onX(
      `
      async setup({ version }) { await new Promise((resolve) => setTimeout(resolve, 20)); calls += 1; return { version, calls }; },
      predict: (rows, { state, version }) => rows.map(() => ({ y: state.version * 100 + state.calls * 10 + version })),`,
      'let calls = 0;',
    );
    await using handler = await openHandler(source);
    assert.deepEqual(await handler.run([0]), [111]);
    assert.deepEqual(await handler.run([0]), [111]);
  });

  it('may be plain JavaScript, and import files of its folder', async () => {
    const source = onX(
      'predict: (rows) => rows.map(({ x }) => ({ y: x * factor }))',
      "import { factor } from './factor.mjs';",
    );
    await using handler = await openHandler(source, {
      file: 'handler.mjs',
      files: { 'factor.mjs': 'export const factor = 7;' },
    });
    assert.deepEqual(await handler.run([2]), [14]);
  });

  it('is TypeScript modules whatever the nearest package.json says', async () => {
    await using handler = await openHandler(
      onX('predict: (rows) => rows.map(() => ({ y: one }))', "import { one } from './one.ts';"),
      {
        files: { 'package.json': '{ "type": "commonjs" }', 'one.ts': 'export const one: number = 1;' },
      },
    );
    assert.deepEqual(await handler.run([0]), [1]);
  });

  it('may talk to the port of its thread: nobody is confused', async () => {
    const talk = "for (const message of [null, 7, 'ready', { type: 'other' }]) parentPort.postMessage(message);";
    const source = onX(
      'predict: (rows) => rows.map(() => ({ y: 1 }))',
      `import { parentPort } from 'node:worker_threads'; ${talk}`,
    );
    await using handler = await openHandler(source);
    assert.deepEqual(await handler.run([0]), [1]);
  });

  it('is given the parameters of the request', async () => {
    await using handler = await openHandler(
      onX('predict: (rows, { parameters }) => rows.map(() => ({ y: Number(parameters.scale ?? -1) }))'),
    );
    assert.deepEqual(await handler.run([0], { parameters: { scale: 3 } }), [3]);
    assert.deepEqual(await handler.run([0]), [-1]);
  });

  it('gives back what it gave when the number of rows is wrong: whoever splits them says so', async () => {
    await using handler = await openHandler(onX('predict: () => [{ y: 1 }]'));
    assert.deepEqual(await handler.run([0, 0, 0]), [1]);
  });

  it('never hands over more of a request than its bytes', async () => {
    const source = `import { defineHandler } from 'servery';
      export default defineHandler({
        signature: { inputs: { image: { datatype: 'BYTES', as: 'bytes' } }, outputs: { bytes: 'INT64', buffer: 'INT64' } },
        predict: (rows) => rows.map(({ image }) => ({ bytes: image.byteLength, buffer: image.buffer.byteLength })),
      });`;
    await using handler = await openHandler(source);
    const body = new Uint8Array(1_000_000);
    const { outputs } = await handler.runner.run([[texts([body.subarray(0, 10)])]], { rows: 1 });
    assert.deepEqual(
      outputs.map(({ data }) => data),
      [BigInt64Array.of(10n), BigInt64Array.of(10n)],
    );
    assert.equal(body.byteLength, 1_000_000);
  });

  it('does not load ONNX Runtime, nor the server', async () => {
    const source = onX(
      `predict: (rows) => rows.map(() => ({ y: loaded.length }))`,
      `import { createRequire } from 'node:module';
       const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => /onnxruntime|pino|connect/.test(path));`,
    );
    await using handler = await openHandler(source);
    assert.deepEqual(await handler.run([0]), [0]);
  });

  it('runs in every thread what it was when it loaded, also when its files have changed since', async () => {
    const source = onX(
      'predict(rows) { if (rows[0].x < 0) process.exit(); return rows.map(() => ({ y })); }',
      "import { y } from './y.ts';",
    );
    await using handler = await openHandler(source, { files: { 'y.ts': 'export const y = 1;' } });
    assert.deepEqual(await handler.run([0]), [1]);
    await writeFile(join(handler.folder, 'y.ts'), 'export const y = 2;');
    await assert.rejects(handler.run([-1]), { code: 'HANDLER_RESTARTED' });
    assert.deepEqual(await handler.run([0]), [1]);
  });
});

describe('what a handler prints', () => {
  it('becomes notices with the name of the model, never output of the process', async () => {
    await using handler = await openHandler(
      onX(
        `predict(rows, { log }) { console.log('to stdout'); console.error('to stderr'); log.warn('to the log'); return rows.map(() => ({ y: 0 })); }`,
      ),
    );
    await handler.run([0]);
    await eventually(() => handler.notices.length >= 3);
    const model = { name: 'subject', version: 1 };
    const expected = [
      { level: 'info', model, message: 'to stdout' },
      { level: 'warn', model, message: 'to stderr' },
      { level: 'warn', model, message: 'to the log' },
    ];
    for (const each of expected) {
      assert.ok(
        handler.notices.some(({ level, message }) => level === each.level && message === each.message),
        each.message,
      );
    }
    assert.deepEqual(handler.notices[0]!.model, model);
  });
});

describe('an error in a handler', () => {
  it('reaches the log with its words, and the client without them', async () => {
    await using handler = await openHandler(onX(`predict() { throw new Error('password is tiger'); }`));
    await assert.rejects(handler.run([0]), { code: 'HANDLER_FAILED', message: 'The handler failed' });
    await eventually(() =>
      handler.notices.some(({ level, message }) => level === 'error' && message.includes('tiger')),
    );
    await assert.rejects(handler.run([0]), { code: 'HANDLER_FAILED' }, 'the thread lives on');
    assert.deepEqual(handler.restarts, []);
  });

  it('keeps its code and words when the handler throws a ServeryError', async () => {
    await using handler = await openHandler(
      onX(
        `async predict() { throw new ServeryError('INVALID_INPUT', 'x has to be positive', { hint: 'Send more.' }); }`,
      ),
    );
    await assert.rejects(handler.run([0]), (error: unknown) => {
      assert.ok(error instanceof ServeryError);
      assert.deepEqual(
        [error.code, error.message, error.hint],
        ['INVALID_INPUT', 'x has to be positive', 'Send more.'],
      );
      return true;
    });
  });

  it('names row and output when a result does not fit the signature', async () => {
    await using handler = await openHandler(
      onX(`predict: (rows) => rows.map(({ x }) => (x < 0 ? { y: 'no' } : { y: x }))`),
    );
    await assert.rejects(handler.run([1, -1]), {
      code: 'HANDLER_FAILED',
      message: 'The handler gave a wrong result: row 1, output "y": expected a number, got a string',
    });
    assert.deepEqual(await handler.run([1]), [1]);
  });
});

describe('threads and concurrency', () => {
  // Each call says how many were under way in its thread; they wait for each other, so the number is exact.
  const together = (count: number) =>
    onX(
      `async predict(rows) {
        running += 1;
        most = Math.max(most, running);
        for (let i = 0; i < 100 && most < ${count}; i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
        const y = most;
        running -= 1;
        return rows.map(() => ({ y }));
      }`,
      'let running = 0; let most = 0;',
    );

  it('runs as many calls at once in a thread as concurrency says', async () => {
    await using handler = await openHandler(together(3), { options: { concurrency: 3 } });
    assert.equal(handler.runner.concurrency, 3);
    assert.deepEqual(await Promise.all([handler.run([0]), handler.run([0]), handler.run([0])]), [[3], [3], [3]]);
  });

  it('runs no more than that, whoever asks', async () => {
    await using handler = await openHandler(together(1));
    const other = await handler.connect();
    const calls = Array.from({ length: 10 }, (_, i) => runX(i % 2 === 0 ? handler.runner : other, [0]));
    assert.deepEqual(new Set((await Promise.all(calls)).flat()), new Set([1]));
  });

  it('leaves no thread idle while another has two calls, with several front ends', async () => {
    const source = onX(
      `predict: (rows) => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30); return rows.map(() => ({ y: threadId })); }`,
      "import { threadId } from 'node:worker_threads';",
    );
    await using handler = await openHandler(source, { options: { threads: 3, concurrency: 2 } });
    const others = [await handler.connect(), await handler.connect()];
    assert.equal(handler.runner.concurrency, 6);
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all([handler.runner, ...others].map((runner) => runX(runner, [0])));
      assert.equal(new Set(answers.flat()).size, 3);
    }
  });

  it('can be called from other threads', async () => {
    await using handler = await openHandler(onX('predict: (rows) => rows.map(({ x }) => ({ y: x + 1 }))'), {
      options: { threads: 2 },
    });
    const frontEnds = Array.from({ length: 2 }, () => {
      const { message, transfer } = handler.model.connect();
      return new Worker(new URL('./front-end.ts', import.meta.url), {
        workerData: message,
        transferList: [...transfer],
      });
    });
    const answers = await Promise.all(frontEnds.map((worker) => once(worker, 'message')));
    assert.deepEqual(answers, [[[1000, 500500]], [[1000, 500500]]]);
    assert.deepEqual(await handler.run([1]), [2]);
    assert.equal(handler.model.runningSince(), undefined);
  });

  it('says since when it runs', async () => {
    await using handler = await openHandler(
      onX(
        'predict: async (rows, { signal }) => { await new Promise((r) => setTimeout(r, 100)); return rows.map(() => ({ y: 1 })); }',
      ),
    );
    assert.equal(handler.model.runningSince(), undefined);
    const before = systemClock.now();
    const run = handler.run([0]);
    await eventually(() => handler.model.runningSince() !== undefined);
    const since = handler.model.runningSince()!;
    assert.ok(since >= Math.floor(before) && since <= systemClock.now() + 1);
    await run;
    assert.equal(handler.model.runningSince(), undefined);
  });
});

describe('a deadline', () => {
  it('answers the caller and aborts the signal of the call; the thread lives on when the handler listens', async () => {
    const source = onX(
      `async predict(rows, { signal, log }) {
        if (rows[0].x === 0) return rows.map(() => ({ y: aborted }));
        await new Promise((resolve, reject) => signal.addEventListener('abort', () => { aborted += 1; reject(signal.reason); }));
      }`,
      'let aborted = 0;',
    );
    await using handler = await openHandler(source, { timing: { hearMs: 10_000 } });
    await assert.rejects(handler.run([1], { deadline: systemClock.now() + 50 }), { code: 'DEADLINE_EXCEEDED' });
    assert.deepEqual(await handler.run([0]), [1]);
    assert.deepEqual(handler.restarts, []);
  });

  it('that has passed sends nothing', async () => {
    await using handler = await openHandler(
      onX(`predict: (rows) => rows.map(() => ({ y: (calls += 1) }))`, 'let calls = 0;'),
    );
    await assert.rejects(handler.run([1], { deadline: systemClock.now() - 1 }), { code: 'DEADLINE_EXCEEDED' });
    assert.deepEqual(await handler.run([0]), [1]);
  });

  it('ends a call that waits for a place', async () => {
    await using handler = await openHandler(
      onX(
        'predict: async (rows) => { await new Promise((r) => setTimeout(r, 300)); return rows.map(() => ({ y: 1 })); }',
      ),
    );
    const first = handler.run([0]);
    await assert.rejects(handler.run([0], { deadline: systemClock.now() + 30 }), { code: 'DEADLINE_EXCEEDED' });
    assert.deepEqual(await first, [1]);
    assert.deepEqual(await handler.run([0]), [1]);
  });
});

describe('context.model()', () => {
  const source = onX(`async predict(rows, { model }) {
      const answers = await model('other@champion').predict(rows.map(({ x }) => ({ a: x })));
      return answers.map(({ b }) => ({ y: b }));
    }`);

  it('asks the front end that called, with the deadline of the call, several calls at once', async () => {
    await using handler = await openHandler(source, { options: { concurrency: 8 } });
    const deadline = systemClock.now() + 60_000;
    const asked: unknown[] = [];
    const answer = (offset: number): NonNullable<Parameters<typeof handler.run>[1]> => ({
      deadline,
      predictRows: async (model, rows, options) => {
        asked.push([model, options.deadline]);
        await new Promise((resolve) => setTimeout(resolve, 30 - offset));
        return (rows as { a: number }[]).map(({ a }) => ({ b: a * 10 + offset }));
      },
    });
    const calls = Array.from({ length: 8 }, (_, i) => handler.run([i, i + 1], answer(i)));
    assert.deepEqual(
      await Promise.all(calls),
      Array.from({ length: 8 }, (_, i) => [i * 10 + i, (i + 1) * 10 + i]),
    );
    assert.deepEqual(
      asked,
      Array.from({ length: 8 }, () => ['other@champion', deadline]),
    );
  });

  it('rejects in the handler with the error of the other model, which the caller gets when nobody catches it', async () => {
    await using handler = await openHandler(source);
    const full = new ServeryError('QUEUE_FULL', 'Cannot queue', { retryAfterMs: 40 });
    await assert.rejects(handler.run([1], { predictRows: () => Promise.reject(full) }), {
      code: 'QUEUE_FULL',
      retryAfterMs: 40,
    });
  });

  it('fails in the handler when a row cannot be sent', async () => {
    await using handler = await openHandler(onX('predict: (rows, { model }) => model("other").predict([{ f() {} }])'));
    await assert.rejects(handler.run([1], { predictRows: async () => [] }), { code: 'HANDLER_FAILED' });
  });
});

describe('closing', () => {
  it('a runner refuses its calls that are under way and those that wait', async () => {
    await using handler = await openHandler(onX('predict: () => new Promise(() => {})'));
    const other = await handler.connect();
    const calls = [runX(other, [0]), runX(other, [0])].map((call) => assert.rejects(call, { code: 'SHUTTING_DOWN' }));
    await eventually(() => handler.model.runningSince() !== undefined);
    await other[Symbol.asyncDispose]();
    await Promise.all(calls);
  });

  it('a model that is busy ends its threads and refuses its calls', async () => {
    await using handler = await openHandler(onX('predict: () => { for (;;); }'));
    const refused = assert.rejects(handler.run([0]), { code: 'SHUTTING_DOWN' });
    await eventually(() => handler.model.runningSince() !== undefined);
    await handler.model[Symbol.asyncDispose]();
    await refused;
    assert.deepEqual(handler.restarts, []);
    assert.deepEqual(handler.notices, []);
  });

  it('leaves nothing behind: the process exits by itself', async () => {
    const script = new URL('./leaves-nothing.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 20_000 });
    const [code] = (await once(child, 'exit')) as [number | null];
    assert.equal(code, 0);
  });
});
