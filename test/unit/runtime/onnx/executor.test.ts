/** Executors: sessions in threads, shared by several callers, that are asked to end and never terminated. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { systemClock } from '../../../../src/core/clock.ts';
import { ServeryError } from '../../../../src/core/errors.ts';
import type { Tensor } from '../../../../src/core/tensor.ts';
import { createOnnxRuntime } from '../../../../src/runtime/onnx/onnx-runtime.ts';
import { openRunner } from '../../../../src/runtime/open-runner.ts';
import { runtimeOptions } from '../../../../src/runtime/options.ts';
import type { Runner } from '../../../../src/runtime/runtime.ts';
import { fixture, quickstart } from '../../../support/fixture-models.ts';

const options = runtimeOptions.parse({});

function fp32(...values: readonly number[]): Tensor {
  return { datatype: 'FP32', shape: [values.length], data: Float32Array.from(values) };
}

async function run(runner: Runner, tensor: Tensor): Promise<number[]> {
  const { outputs } = await runner.run([[tensor]], { rows: tensor.shape[0]! });
  return [...(outputs[0]!.data as Float32Array)];
}

describe('an executor', () => {
  it('serves several ports in the order in which they ask', async () => {
    await using runtime = createOnnxRuntime();
    await using model = await runtime.load(fixture('slow'), options);
    await using a = await openRunner(model.connect());
    await using b = await openRunner(model.connect());
    const order: string[] = [];
    const ask = async (name: string, runner: Runner, value: number) => {
      assert.deepEqual(await run(runner, fp32(value)), [2 * value]);
      order.push(name);
    };
    await Promise.all([ask('a', a, 1), ask('b', b, 2)]);
    assert.deepEqual(order, ['a', 'b']);
  });

  it('shows since when it runs, while it is blocked', async () => {
    await using runtime = createOnnxRuntime();
    await using model = await runtime.load(fixture('slow'), options);
    await using runner = await openRunner(model.connect());
    const before = systemClock.now();
    const answer = run(runner, fp32(1));
    let since: number | undefined;
    while (since === undefined) {
      await new Promise(setImmediate);
      since = model.runningSince();
    }
    assert.ok(since >= before && since <= systemClock.now());
    await answer;
    assert.equal(model.runningSince(), undefined);
  });

  it('drops what nobody waits for any more', async () => {
    await using runtime = createOnnxRuntime();
    await using model = await runtime.load(fixture('doubler'), options);
    await using runner = await openRunner(model.connect());
    const late = runner.run([[fp32(1)]], { rows: 1, deadline: systemClock.now() - 1 });
    await assert.rejects(late, { code: 'DEADLINE_EXCEEDED' });
  });

  it('fails a run with the kind of its node, and no value and no path', async () => {
    await using runtime = createOnnxRuntime();
    await using model = await runtime.load(fixture('fails-on-negative'), options);
    await using runner = await openRunner(model.connect());
    const data = BigInt64Array.of(-1n);
    await assert.rejects(runner.run([[{ datatype: 'INT64', shape: [1], data }]], { rows: 1 }), (error) => {
      assert.ok(error instanceof ServeryError);
      assert.equal(error.code, 'MODEL_FAILED');
      assert.equal(error.message, 'The model failed on this input in a Gather node');
      assert.match(error.stack!, /indices element out of data bounds/); // for the log
      return true;
    });
    const good = await runner.run([[{ datatype: 'INT64', shape: [1], data: BigInt64Array.of(2n) }]], { rows: 1 });
    assert.deepEqual([...(good.outputs[0]!.data as Float32Array)], [30]);
  });

  it('gives what the model gave when that is not what the graph promised', async () => {
    await using runtime = createOnnxRuntime();
    await using model = await runtime.load(fixture('wrong-rows-fewer'), options);
    await using runner = await openRunner(model.connect());
    for (let i = 0; i < 2; i += 1) assert.equal((await run(runner, fp32(1, 2, 3))).length, 2);
  });

  it('keeps answering while an abandoned run still reads its inputs', async () => {
    await using runtime = createOnnxRuntime();
    await using model = await runtime.load(fixture('slow'), options);
    await using runner = await openRunner(model.connect());
    const first = run(runner, fp32(1));
    const second = run(runner, fp32(2));
    assert.deepEqual(await Promise.all([first, second]), [[2], [4]]);
  });

  it('writes prepared outputs where the runner reads them', async () => {
    await using runtime = createOnnxRuntime();
    await using model = await runtime.load(fixture('doubler'), options);
    await using runner = await openRunner(model.connect());
    const { outputs } = await runner.run([[fp32(1)]], { rows: 1 });
    assert.ok((outputs[0]!.data as Float32Array).buffer instanceof SharedArrayBuffer);
  });
});

describe('closing', () => {
  it('waits for the run that is under way', async () => {
    await using runtime = createOnnxRuntime();
    const model = await runtime.load(fixture('slow'), options);
    const runner = await openRunner(model.connect());
    const answer = run(runner, fp32(1));
    answer.catch(() => {});
    while (model.runningSince() === undefined) await new Promise(setImmediate);
    const disposed = model[Symbol.asyncDispose]();
    await disposed;
    assert.equal(model.runningSince(), undefined);
    await runner[Symbol.asyncDispose]();
  });

  it('tells the run of a closed runner at once', async () => {
    await using runtime = createOnnxRuntime();
    await using model = await runtime.load(fixture('slow'), options);
    const runner = await openRunner(model.connect());
    const answer = assert.rejects(run(runner, fp32(1)), { code: 'MODEL_FAILED' });
    await runner[Symbol.asyncDispose]();
    await answer;
  });

  it('does not wait for a stuck run beyond the grace', async () => {
    // In a process of its own: nothing but SIGKILL ends a thread inside such a run.
    const { stdout, signal } = await inProcess(`
      const runtime = createOnnxRuntime({ closeGraceMs: 50 });
      const model = await runtime.load(fixture('endless-on-negative'), options);
      const runner = await openRunner(model.connect());
      runner.run([[fp32(-1)]], { rows: 1 }).catch(() => {});
      while (model.runningSince() === undefined) await new Promise(setImmediate);
      await runner[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
      process.stdout.write('left alone');
      process.kill(process.pid, 'SIGKILL');
    `);
    assert.equal(stdout, 'left alone');
    assert.equal(signal, 'SIGKILL');
  });

  it('an idle executor does not keep the process alive, nor does an inline session', async () => {
    const { stdout, code } = await inProcess(`
      const runtime = createOnnxRuntime();
      const model = await runtime.load(fixture('doubler'), options);
      const runner = await openRunner(model.connect());
      const inline = await openRunner(model.connectInline());
      await runner.run([[fp32(1)]], { rows: 1 });
      await inline.run([[fp32(1)]], { rows: 1 });
      process.stdout.write('done');
    `);
    assert.deepEqual([stdout, code], ['done', 0]);
  });

  it('a failed load leaves nothing that keeps the process alive', async () => {
    const { stdout, code } = await inProcess(`
      const runtime = createOnnxRuntime();
      await runtime.load(fixture('broken-cycle'), options).catch((error) => process.stdout.write(error.code));
    `);
    assert.deepEqual([stdout, code], ['MODEL_INVALID', 0]);
  });
});

describe('inline', () => {
  it('gives the same bits as the executor', async () => {
    await using runtime = createOnnxRuntime();
    for (const name of ['iris', 'digits', 'breast-cancer']) {
      await using model = await runtime.load(quickstart(name), options);
      await using there = await openRunner(model.connect());
      await using here = await openRunner(model.connectInline!());
      const width = model.signature.inputs[0]!.shape[1]!;
      for (const rows of [1, 2, 7, 64]) {
        const data = Float32Array.from({ length: rows * width }, (_, i) => ((i * 7919) % 97) / 10);
        const inputs: Tensor[] = [{ datatype: 'FP32', shape: [rows, width], data }];
        const [a, b] = await Promise.all([there.run([inputs], { rows }), here.run([inputs], { rows })]);
        for (const [i, output] of a.outputs.entries()) {
          assert.deepEqual(Object.values(b.outputs[i]!.data), Object.values(output.data), `${name}, ${rows} rows`);
        }
      }
    }
  });

  it('ends the executor with its last runner, and starts one again for who connects', async () => {
    await using runtime = createOnnxRuntime();
    await using model = await runtime.load(fixture('doubler'), options);
    const warmUp = await openRunner(model.connect());
    await using inline = await openRunner(model.connectInline!());
    await run(warmUp, fp32(1));
    await warmUp[Symbol.asyncDispose]();
    assert.deepEqual(await run(inline, fp32(2)), [4]);
    await using again = await openRunner(model.connect());
    assert.deepEqual(await run(again, fp32(3)), [6]);
  });
});

describe('without onnxruntime-node', () => {
  const refuse = (code: string) => `
    const { registerHooks } = await import('node:module');
    registerHooks({ resolve(specifier, context, next) {
      if (specifier.startsWith('onnxruntime-node')) throw Object.assign(new Error('no'), { code: '${code}' });
      return next(specifier, context);
    } });
    const { openSession } = await import('${new URL('../../../../src/runtime/onnx/binding.ts', import.meta.url).href}');
    try { openSession(new Uint8Array(), {}); } catch (error) { process.stdout.write(error.code + ': ' + error.message); }
  `;

  it('says in one line that it is missing', async () => {
    const { stdout } = await inProcess(refuse('MODULE_NOT_FOUND'));
    assert.equal(stdout, 'RUNTIME_MISSING: Cannot load ONNX models: onnxruntime-node is not installed');
  });

  it('says in one line that it does not run here', async () => {
    const { stdout } = await inProcess(refuse('ERR_DLOPEN_FAILED'));
    assert.match(stdout, /^RUNTIME_MISSING: Cannot load ONNX models: onnxruntime-node does not run here \(\w+, \w+\)$/);
  });
});

interface Outcome {
  readonly stdout: string;
  readonly code: number | string | undefined;
  readonly signal: string | undefined;
}

async function inProcess(script: string): Promise<Outcome> {
  const source = new URL('../../../../src/runtime/', import.meta.url).href;
  const imports = `
    import { createOnnxRuntime } from '${source}onnx/onnx-runtime.ts';
    import { openRunner } from '${source}open-runner.ts';
    import { runtimeOptions } from '${source}options.ts';
    import { fixture } from '${new URL('../../../support/fixture-models.ts', import.meta.url).href}';
    const options = runtimeOptions.parse({});
    const fp32 = (value) => ({ datatype: 'FP32', shape: [1], data: Float32Array.of(value) });
  `;
  const args = ['-e', imports + script];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
    return { stdout, code: 0, signal: undefined };
  } catch (error) {
    const { stdout, code, signal } = error as { stdout: string; code?: number; signal?: string };
    return { stdout, code, signal };
  }
}
