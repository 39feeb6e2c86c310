import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Batcher, type BatchCall, type BatcherSettings } from '../../../src/batching/batcher.ts';
import { batchingOptions } from '../../../src/batching/options.ts';
import { SharedQueue } from '../../../src/batching/shared-queue.ts';
import { ServeryError } from '../../../src/core/errors.ts';
import { batchRun, rejection, type BatchRun } from '../../../src/core/events.ts';
import { checkInputs, type CheckedInputs, type Signature } from '../../../src/core/signature.ts';
import type { Tensor } from '../../../src/core/tensor.ts';
import { ManualClock } from '../../support/manual-clock.ts';

describe('Batcher', () => {
  it('runs the requests of one turn of the event loop together', async () => {
    const { submit, runs } = setup();
    await Promise.all([submit(1), submit(2), submit(3)]);
    assert.deepEqual(runs, [[1, 2, 3]]);
  });

  it('gives each request its own rows, in order', async () => {
    const { submit } = setup();
    assert.deepEqual(await Promise.all([submit(1), submit(2, 3), submit(4)]), [[10], [20, 30], [40]]);
  });

  it('takes what has waited as soon as the runner is free', async () => {
    const { submit, runs, gate } = setup({ gated: true });
    const first = submit(1);
    await turn();
    const rest = [submit(2), submit(3)];
    await turn();
    assert.deepEqual(runs, [[1]]);
    gate.open();
    await Promise.all([first, ...rest]);
    assert.deepEqual(runs, [[1], [2, 3]]);
  });

  it('sends a full batch that waits before the turn of the event loop ends', async () => {
    const { submit, runs, gate } = setup({ gated: true, maxRows: 2 });
    const first = [submit(1), submit(2)];
    await turn();
    const rest = [submit(3), submit(4)];
    gate.open();
    let turnHasEnded = false;
    setImmediate(() => (turnHasEnded = true));
    await Promise.all([...first, ...rest]);
    assert.deepEqual(runs, [
      [1, 2],
      [3, 4],
    ]);
    assert.equal(turnHasEnded, false);
  });

  it('never exceeds maxRows, and splits a request that is larger', async () => {
    const { submit, runs } = setup({ maxRows: 2 });
    assert.deepEqual(await submit(1, 2, 3, 4, 5), [10, 20, 30, 40, 50]);
    assert.deepEqual(
      runs.map((run) => run.length),
      [2, 2, 1],
    );
  });

  it('says why each batch was sent', async () => {
    const { submit, events } = setup({ maxRows: 2 });
    await Promise.all([submit(1), submit(2), submit(3)]);
    assert.deepEqual(
      events.map(({ reason, rows }) => [reason, rows]),
      [
        ['full', 2],
        ['idle', 1],
      ],
    );
  });

  it('keeps apart what cannot be stacked', async () => {
    const { batcher, runs } = setup({ signature: wide });
    const [a, b] = await Promise.all([
      batcher.submit(checkInputs(wide, [tensor([1, 2], [1, 2])]), {}),
      batcher.submit(checkInputs(wide, [tensor([3, 4, 5], [1, 3])]), {}),
    ]);
    assert.deepEqual(
      [values(a), values(b)],
      [
        [10, 20],
        [30, 40, 50],
      ],
    );
    assert.deepEqual(runs, [
      [1, 2],
      [3, 4, 5],
    ]);
  });

  it('keeps apart requests with different parameters', async () => {
    const { batcher, runs, calls } = setup();
    const inputs = checkInputs(narrow, [tensor([1], [1])]);
    await Promise.all([
      batcher.submit(inputs, { parameters: { k: 1n } }),
      batcher.submit(inputs, { parameters: { k: 2 } }),
      batcher.submit(inputs, { parameters: { k: 1n } }),
    ]);
    assert.deepEqual(
      runs.map((run) => run.length),
      [2, 1],
    );
    assert.deepEqual(
      calls.map((call) => call.parameters),
      [{ k: 1n }, { k: 2 }],
    );
  });

  it('runs each request alone when rows influence each other', async () => {
    const { submit, runs } = setup({ settings: { batchable: false, minRows: 4 } });
    await Promise.all([submit(1, 2), submit(3)]);
    assert.deepEqual(runs, [[1, 2], [3]]);
  });

  it('asks for padding up to the size from which answers stay the same, and cuts it off again', async () => {
    const { submit, calls } = setup({ settings: { minRows: 2 } });
    assert.deepEqual(await submit(7), [70]);
    assert.equal(calls[0]!.rows, 2);
  });

  it('refuses at once with QUEUE_FULL and a time to come back', async () => {
    const { submit, runs } = setup({ maxQueuedRows: 2, gated: true });
    void submit(1, 2);
    await assert.rejects(submit(3), (error: ServeryError) => error.code === 'QUEUE_FULL' && error.retryAfterMs! > 0);
    assert.deepEqual(runs, []);
  });

  it('counts the rows that wait over all front ends', async () => {
    const counters = SharedQueue.createCounters();
    const one = setup({ maxQueuedRows: 2, gated: true, settings: { counters } });
    const two = setup({ maxQueuedRows: 2, gated: true, settings: { counters } });
    void one.submit(1);
    void two.submit(2);
    await assert.rejects(one.submit(3), { code: 'QUEUE_FULL' });
    await turn();
    void one.submit(4); // both have been sent to their runners: nothing waits
    assert.equal(new Int32Array(counters)[0], 1);
  });

  it('lets a request in that is larger than the whole queue, when nothing waits', async () => {
    const { submit } = setup({ maxQueuedRows: 2 });
    assert.deepEqual(await submit(1, 2, 3), [10, 20, 30]);
  });

  describe('a request of very many batches', () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => i);
    const counters = SharedQueue.createCounters();

    it('is answered in order, others in between', async () => {
      const { batcher, submit } = setup({ maxRows: 2, maxQueuedRows: 50_000, settings: { counters } });
      const large = batcher.submit(rowsOf(rows), {});
      let isAnswered = false;
      void large.then(() => (isAnswered = true));
      await turn();
      assert.deepEqual(await submit(7), [70]);
      assert.equal(isAnswered, false);
      assert.deepEqual(
        values(await large),
        rows.map((x) => 10 * x),
      );
    });

    it('is given up at once, by one listener, and leaves its places', async () => {
      const { batcher, submit } = setup({ maxRows: 2, gated: true, settings: { counters } });
      const listeners: (() => void)[] = [];
      const signal = {
        aborted: false,
        addEventListener: (_: 'abort', listener: () => void) => listeners.push(listener),
      };
      const large = batcher.submit(rowsOf(rows), { signal });
      await turn();
      assert.equal(listeners.length, 1);
      listeners[0]!();
      await assert.rejects(large, { code: 'CANCELLED' });
      assert.equal(new Int32Array(counters)[0], 0);
      void submit(1);
    });
  });

  it('gives the neighbours of a poison row their answers', async () => {
    const { submit, runs } = setup();
    const answers = await Promise.allSettled([submit(1), submit(2), submit(NaN), submit(4), submit(5)]);
    assert.deepEqual(
      answers.map((answer) => (answer.status === 'fulfilled' ? answer.value[0] : (answer.reason as ServeryError).code)),
      [10, 20, 'MODEL_FAILED', 40, 50],
    );
    assert.ok(runs.length <= 6, 'it halves, and does not try each alone');
  });

  it('does not run a batch again after HANDLER_RESTARTED', async () => {
    const failure = new ServeryError('HANDLER_RESTARTED', 'replaced');
    const { submit, runs } = setup({ failWith: failure });
    const answers = await Promise.allSettled([submit(1), submit(2)]);
    assert.deepEqual(
      answers.map((answer) => answer.status),
      ['rejected', 'rejected'],
    );
    assert.equal(runs.length, 1);
  });

  it('fails a batch with the name of the model when it gives the wrong number of rows, and does not halve it', async () => {
    const { submit, runs } = setup({ dropLastRow: true });
    const answers = await Promise.allSettled([submit(1), submit(2)]);
    for (const answer of answers) {
      assert.match(String((answer as PromiseRejectedResult).reason), /Model ten\/1 gave 1 rows for 2/);
    }
    assert.equal(runs.length, 1);
  });

  it('answers a request whose deadline passes in the queue, and frees its place at once', async () => {
    const { batcher, submit, clock, counters, gate, runs } = setup({ gated: true });
    const first = submit(1);
    await turn();
    const late = batcher.submit(checkInputs(narrow, [tensor([2], [1])]), { deadline: clock.now() + 5 });
    clock.advance(5);
    await assert.rejects(late, { code: 'DEADLINE_EXCEEDED' });
    assert.equal(new Int32Array(counters)[0], 0);
    gate.open();
    await first;
    await turn();
    assert.deepEqual(runs, [[1]]);
  });

  it('answers a request whose deadline passes while the model runs', async () => {
    const { batcher, clock, gate } = setup({ gated: true });
    const late = batcher.submit(checkInputs(narrow, [tensor([2], [1])]), { deadline: clock.now() + 5 });
    await turn();
    clock.advance(5);
    await assert.rejects(late, { code: 'DEADLINE_EXCEEDED' });
    gate.open();
  });

  it('applies a queue deadline only while the request waits', async () => {
    const { batcher, clock, gate } = setup({ gated: true });
    const answer = batcher.submit(checkInputs(narrow, [tensor([2], [1])]), { queueDeadline: clock.now() + 5 });
    await turn();
    clock.advance(50);
    gate.open();
    assert.deepEqual(values(await answer), [20]);
  });

  it('tells the runner when the last caller of a batch gives up', async () => {
    const { batcher, clock, calls } = setup();
    const inputs = checkInputs(narrow, [tensor([2], [1])]);
    const [a, b] = [clock.now() + 5, clock.now() + 9];
    await Promise.all([batcher.submit(inputs, { deadline: a }), batcher.submit(inputs, { deadline: b })]);
    assert.equal(calls[0]!.deadline, b);
    await Promise.all([batcher.submit(inputs, { deadline: a }), batcher.submit(inputs, {})]);
    assert.equal(calls[1]!.deadline, undefined);
  });

  it('drops a request whose client left, while it waits', async () => {
    const { batcher, submit, gate, runs, counters } = setup({ gated: true });
    const first = submit(1);
    await turn();
    const client = new AbortController();
    const gone = batcher.submit(checkInputs(narrow, [tensor([2], [1])]), { signal: client.signal });
    client.abort();
    await assert.rejects(gone, { code: 'CANCELLED' });
    assert.equal(new Int32Array(counters)[0], 0);
    gate.open();
    await first;
    assert.deepEqual(runs, [[1]]);
  });

  it('runs as many batches at once as the runner allows', async () => {
    const { submit, runs, gate } = setup({ gated: true, settings: { concurrency: () => 2 }, maxRows: 1 });
    const answers = [submit(1), submit(2), submit(3)];
    await turn();
    assert.deepEqual(runs, [[1], [2]]);
    gate.open();
    await Promise.all(answers);
  });

  it('runs what waits when it is closed, and refuses what comes after', async () => {
    const { batcher, submit } = setup();
    const waiting = submit(1);
    const closed = batcher[Symbol.asyncDispose]();
    await assert.rejects(submit(2), { code: 'SHUTTING_DOWN' });
    await closed;
    assert.deepEqual(await waiting, [10]);
  });

  it('leaves no timer behind', async () => {
    const { batcher, clock } = setup();
    await batcher.submit(checkInputs(narrow, [tensor([2], [1])]), { deadline: clock.now() + 50 });
    await batcher[Symbol.asyncDispose]();
    assert.equal(clock.pendingTimers, 0);
  });

  it('announces each refusal with its code', async () => {
    const codes: string[] = [];
    using _ = rejection.subscribe(({ code }) => codes.push(code));
    const { submit } = setup({ maxQueuedRows: 1, gated: true });
    void submit(1);
    await assert.rejects(submit(2));
    assert.deepEqual(codes, ['QUEUE_FULL']);
  });
});

const narrow: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [null] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [null] }],
  batched: true,
};
const wide: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [null, null] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [null, null] }],
  batched: true,
};

interface Setup {
  readonly maxRows?: number;
  readonly maxQueuedRows?: number;
  readonly gated?: boolean;
  readonly failWith?: ServeryError;
  readonly dropLastRow?: boolean;
  readonly signature?: Signature;
  readonly settings?: Partial<BatcherSettings>;
}

/** A batcher over a model that gives ten times its input and fails on NaN. */
function setup({
  maxRows = 8,
  maxQueuedRows = 100,
  gated = false,
  failWith,
  dropLastRow = false,
  settings = {},
}: Setup = {}) {
  const clock = new ManualClock();
  const runs: number[][] = [];
  const calls: BatchCall[] = [];
  const events: BatchRun[] = [];
  const counters = settings.counters ?? SharedQueue.createCounters();
  const opened = Promise.withResolvers<void>();
  if (!gated) opened.resolve();
  const model = { name: 'ten', version: 1 };
  batchRun.subscribe((event) => void (event.model === model && events.push(event)));

  async function run(parts: readonly (readonly Tensor[])[], call: BatchCall) {
    const data = parts.flatMap(([x]) => Array.from(x!.data as Float32Array));
    runs.push(data);
    calls.push(call);
    await opened.promise;
    if (failWith !== undefined) throw failWith;
    if (data.some(Number.isNaN)) throw new ServeryError('MODEL_FAILED', 'NaN');
    const [, ...inner] = parts[0]![0]!.shape;
    const rows = dropLastRow ? call.rows - 1 : call.rows;
    const filled = Float32Array.from(
      { length: rows * inner.reduce((a, b) => a * b, 1) },
      (_, i) => (data[i] ?? 0) * 10,
    );
    return { outputs: [{ datatype: 'FP32' as const, shape: [rows, ...inner], data: filled }], computeMs: 0 };
  }

  const options = batchingOptions.parse({ maxRows, maxQueuedRows });
  const batcher = new Batcher(
    run,
    {
      model,
      options,
      batched: true,
      batchable: true,
      minRows: 1,
      counters,
      costs: [],
      concurrency: () => 1,
      ...settings,
    },
    clock,
  );
  const submit = async (...x: number[]) => values(await batcher.submit(rowsOf(x), {}));
  return { batcher, submit, runs, calls, events, clock, counters, gate: { open: () => opened.resolve() } };
}

function rowsOf(x: readonly number[]): CheckedInputs {
  return checkInputs(narrow, [tensor(x, [x.length])]);
}

function tensor(x: readonly number[], shape: readonly number[]) {
  return { name: 'x', datatype: 'FP32' as const, shape, data: Float32Array.from(x) };
}

function values(outputs: readonly Tensor[]): number[] {
  return Array.from(outputs[0]!.data as Float32Array);
}
