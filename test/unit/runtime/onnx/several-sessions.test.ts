/** A version with several sessions: who runs where, and that nothing of it is left over. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ModelArtifact } from '../../../../src/core/model.ts';
import { checkInputs } from '../../../../src/core/signature.ts';
import type { Tensor } from '../../../../src/core/tensor.ts';
import { copySessions } from '../../../../src/models/copy-sessions.ts';
import type { ExecutorLinks } from '../../../../src/runtime/onnx/messages.ts';
import { createOnnxRuntime } from '../../../../src/runtime/onnx/onnx-runtime.ts';
import { openRunner } from '../../../../src/runtime/open-runner.ts';
import { runtimeOptions } from '../../../../src/runtime/options.ts';
import { largeModel } from '../../../support/large-model.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const WIDTH = 64;
const MB = 2 ** 20;
const inputs: Tensor = { datatype: 'FP32', shape: [1, WIDTH], data: new Float32Array(WIDTH).fill(1) };
const call = { rows: 1 };

describe('Several sessions of a version', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const runtime = createOnnxRuntime();
  before(async () => void (folder = await temporaryFolder()));
  after(async () => {
    await runtime[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  async function load(name: string, bytes: number) {
    await mkdir(join(folder.path, name));
    await writeFile(join(folder.path, name, 'model.onnx'), largeModel(bytes, WIDTH));
    const artifact: ModelArtifact = {
      name,
      version: 1,
      format: 'onnx',
      folder: join(folder.path, name),
      file: 'model.onnx',
    };
    return runtime.load(artifact, runtimeOptions.parse({}));
  }

  it('take the runs of several front ends at the same time, and each is where there is less to do', async () => {
    await using model = await load('two', MB);
    assert.equal(await model.multiply!(2), 2);
    const sources = [model.connect(), model.connect()];
    const { given } = sources[0]!.message as ExecutorLinks;
    await using one = await openRunner(sources[0]!);
    const other = await openRunner(sources[1]!);
    const runs = [one.run([[inputs]], call), other.run([[inputs]], call)];
    assert.deepEqual([...given.slice(0, 2)], [1, 1]);
    const [a, b] = await Promise.all(runs);
    assert.deepEqual(a!.outputs, b!.outputs);
    assert.deepEqual([...given.slice(0, 2)], [0, 0]);

    const lost = [other.run([[inputs]], call), other.run([[inputs]], call)];
    const failed = Promise.allSettled(lost);
    await other[Symbol.asyncDispose]();
    for (const { status } of await failed) assert.equal(status, 'rejected');
    assert.deepEqual([...given.slice(0, 2)], [0, 0], 'what nobody waits for any more counts no longer');
  });

  it('are made for slow models that are run by several front ends, and not for quick, inline or very large ones', async () => {
    await using model = await load('slow', MB);
    const { signature } = model;
    const asked = { candidates: [checkInputs(signature, [{ name: 'x', ...inputs }])], signature };
    const slow = { inline: false, costs: [{ rows: 64, runMs: 5 }] };
    assert.deepEqual(await copySessions(model, asked, slow, 1), []);
    assert.deepEqual(await copySessions(model, asked, { ...slow, inline: true }, 2), []);
    assert.deepEqual(await copySessions(model, asked, { ...slow, costs: [{ rows: 64, runMs: 0.9 }] }, 2), []);
    assert.deepEqual(await copySessions(model, asked, slow, 2), ['sessions: 2, for as many front ends']);
    await using large = await load('large', 65 * MB);
    assert.deepEqual(await copySessions(large, asked, slow, 2), ['sessions: 1, as it is too large for several']);
  });

  it('end with the model', async () => {
    const model = await load('ends', MB);
    await model.multiply!(3);
    await using runner = await openRunner(model.connect());
    await runner.run([[inputs]], call);
    await model[Symbol.asyncDispose]();
    await assert.rejects(runner.run([[inputs]], call), { code: 'MODEL_FAILED' });
    assert.equal(model.runningSince(), undefined);
  });
});
