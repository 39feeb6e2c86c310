/**
 * What every runtime promises, as one suite: whoever adds a runtime calls it with a doubler of its own.
 *
 * The doubler takes `x` FP32 [N] and gives `y` FP32 [N], y = 2x.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { ServeryError, type ErrorCode } from '../../src/core/errors.ts';
import type { ModelArtifact } from '../../src/core/model.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { openRunner } from '../../src/runtime/open-runner.ts';
import { runtimeOptions } from '../../src/runtime/options.ts';
import type { LoadedModel, Runner, RunnerSource, Runtime } from '../../src/runtime/runtime.ts';

export interface RuntimeContract {
  readonly createRuntime: () => Runtime & AsyncDisposable;
  readonly doubler: ModelArtifact;
  /** A version whose entry file is there and cannot be loaded. */
  readonly broken: ModelArtifact;
  /** How a front end gets its runner; by default `model.connect()`. */
  readonly connect?: (model: LoadedModel) => RunnerSource;
}

const options = runtimeOptions.parse({});

export function testRuntimeContract(
  name: string,
  { createRuntime, doubler, broken, connect = (model) => model.connect() }: RuntimeContract,
): void {
  describe(`${name} keeps the contract of a runtime`, () => {
    let runtime: Runtime & AsyncDisposable;
    let model: LoadedModel;
    let runner: Runner;

    before(async () => {
      runtime = createRuntime();
      model = await runtime.load(doubler, options);
      runner = await openRunner(connect(model));
    });
    after(async () => {
      await runner[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
      await runtime[Symbol.asyncDispose]();
    });

    test('it says which format it loads', () => {
      assert.equal(runtime.format, doubler.format);
    });

    test('the signature is that of the artifact', () => {
      const { inputs, outputs, batched } = model.signature;
      assert.deepEqual(inputs.map(pick), [{ name: 'x', datatype: 'FP32', shape: [null] }]);
      assert.deepEqual(outputs.map(pick), [{ name: 'y', datatype: 'FP32', shape: [null] }]);
      assert.equal(batched, true);
    });

    test('the facts are those of a model whose rows are independent', () => {
      assert.equal(model.facts.rowsAreIndependent, true);
      assert.match(model.facts.platform, /^[a-z_]+$/);
      assert.ok(runner.concurrency >= 1);
    });

    test('one request is answered', async () => {
      assert.deepEqual(await run(runner, [[1, 2.5, -3]]), [2, 5, -6]);
    });

    test('the parts of a batch are stacked in their order', async () => {
      assert.deepEqual(await run(runner, [[1], [2, 3], [4]]), [2, 4, 6, 8]);
    });

    test('a batch is padded with its last row', async () => {
      assert.deepEqual(await run(runner, [[1], [2]], 5), [2, 4, 4, 4, 4]);
      assert.deepEqual(await run(runner, [[7]], 3), [14, 14, 14]);
    });

    test('batches of any size go through', async () => {
      for (const rows of [1, 2, 3, 64, 1000, 7]) {
        const values = Array.from({ length: rows }, (_, i) => i - 3);
        const expected = values.map((value) => 2 * value);
        assert.deepEqual(await run(runner, [values]), expected, `${rows} rows`);
      }
    });

    test('a tensor may be a view of a larger array, or lie in shared memory', async () => {
      const larger = Float32Array.from([9, 9, 1, 2, 9]);
      assert.deepEqual(await runTensors(runner, [tensor(larger.subarray(2, 4))]), [2, 4]);
      const shared = new Float32Array(new SharedArrayBuffer(16), 4, 2);
      shared.set([3, 4]);
      assert.deepEqual(await runTensors(runner, [tensor(shared)]), [6, 8]);
      assert.deepEqual([...larger, ...shared], [9, 9, 1, 2, 9, 3, 4]);
    });

    test('inputs are read before the first await', async () => {
      const data = Float32Array.from([1, 2]);
      const answer = runTensors(runner, [tensor(data)]);
      data.fill(100);
      assert.deepEqual(await answer, [2, 4]);
    });

    test('outputs belong to the caller: a later run does not change them', async () => {
      const first = await runner.run([[tensor(Float32Array.from([1, 2]))]], { rows: 2 });
      await run(runner, [[50, 60]]);
      await run(runner, [[70, 80]]);
      assert.deepEqual([...(first.outputs[0]!.data as Float32Array)], [2, 4]);
    });

    test('outputs have the datatype and the shape of the signature, and the time is that of the engine', async () => {
      const { outputs, computeMs } = await runner.run([[tensor(Float32Array.from([1, 2, 3]))]], { rows: 3 });
      assert.equal(outputs.length, 1);
      assert.equal(outputs[0]!.datatype, 'FP32');
      assert.deepEqual([...outputs[0]!.shape], [3]);
      assert.ok(outputs[0]!.data instanceof Float32Array);
      assert.ok(computeMs >= 0 && computeMs < 10_000);
    });

    test('two runners of one model answer their own callers', async () => {
      const other = await openRunner(connect(model));
      try {
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, i) => run(i % 2 === 0 ? runner : other, [[i], [i + 0.5]])),
        );
        answers.forEach((answer, i) => assert.deepEqual(answer, [2 * i, 2 * i + 1]));
      } finally {
        await other[Symbol.asyncDispose]();
      }
      assert.deepEqual(await run(runner, [[1]]), [2]);
    });

    test('a runner can be opened in another thread', async () => {
      const { message, transfer, ...rest } = connect(model);
      const thread = new Worker(new URL('./runner-thread.ts', import.meta.url));
      try {
        const answer = new Promise((resolve, reject) => thread.once('message', resolve).once('error', reject));
        thread.postMessage({ ...rest, message, transfer: [] }, transfer);
        assert.deepEqual(await answer, [2, 4, 6, 6]);
      } finally {
        await thread.terminate();
      }
      assert.deepEqual(await run(runner, [[1]]), [2]);
    });

    test('nothing runs between two runs', async () => {
      await run(runner, [[1]]);
      assert.equal(model.runningSince(), undefined);
    });

    test('a closed runner refuses, and closing it again does nothing', async () => {
      const other = await openRunner(connect(model));
      await other[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
      await assert.rejects(run(other, [[1]]), ServeryError);
    });

    test('two versions live side by side, and one can be disposed', async () => {
      const second = await runtime.load({ ...doubler, version: doubler.version + 1 }, options);
      const other = await openRunner(connect(second));
      assert.deepEqual(await run(other, [[4]]), [8]);
      await other[Symbol.asyncDispose]();
      await second[Symbol.asyncDispose]();
      assert.deepEqual(await run(runner, [[4]]), [8]);
    });

    test('a broken artifact is MODEL_INVALID, with a reason and without a path', async () => {
      await assert.rejects(runtime.load(broken, options), isRefusal('MODEL_INVALID', broken));
      assert.deepEqual(await run(runner, [[4]]), [8]);
    });

    test('a missing artifact is MODEL_INVALID', async () => {
      const missing = { ...doubler, folder: `${doubler.folder}-missing` };
      await assert.rejects(runtime.load(missing, options), isRefusal('MODEL_INVALID', missing));
    });
  });
}

function pick({ name, datatype, shape }: (Tensor & { name: string }) | LoadedModel['signature']['inputs'][number]) {
  return { name, datatype, shape };
}

function tensor(data: Float32Array): Tensor {
  return { datatype: 'FP32', shape: [data.length], data };
}

function run(runner: Runner, parts: readonly (readonly number[])[], rows?: number): Promise<number[]> {
  return runTensors(
    runner,
    parts.map((part) => tensor(Float32Array.from(part))),
    rows,
  );
}

async function runTensors(runner: Runner, parts: readonly Tensor[], rows?: number): Promise<number[]> {
  const all = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const { outputs } = await runner.run(
    parts.map((part) => [part]),
    { rows: rows ?? all },
  );
  return [...(outputs[0]!.data as Float32Array)];
}

function isRefusal(code: ErrorCode, { folder }: ModelArtifact) {
  return (error: unknown) => {
    assert.ok(error instanceof ServeryError, String(error));
    assert.equal(error.code, code);
    assert.ok(
      error.message.length > 20 && !error.message.includes(folder) && !/\/\w+\//.test(error.message),
      error.message,
    );
    return true;
  };
}
