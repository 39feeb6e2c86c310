/** What the probe finds out about models that behave in every way, and what it leaves alone. */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, describe, it, test } from 'node:test';
import { ServeryError } from '../../../src/core/errors.ts';
import type { ModelArtifact } from '../../../src/core/model.ts';
import { checkInputs } from '../../../src/core/signature.ts';
import type { ProbeRequest, ProbeResult } from '../../../src/models/load-version.ts';
import { probe } from '../../../src/models/probe.ts';
import { differentRows, firstRows, pickRows } from '../../../src/models/probe-rows.ts';
import { settleThreads } from '../../../src/models/settle-threads.ts';
import { findWarmUpRows } from '../../../src/models/warm-up-rows.ts';
import { createOnnxRuntime } from '../../../src/runtime/onnx/onnx-runtime.ts';
import { runtimeOptions } from '../../../src/runtime/options.ts';
import { fixture, quickstart } from '../../support/fixture-models.ts';

const runtime = createOnnxRuntime();
after(() => runtime[Symbol.asyncDispose]());

interface Settings {
  readonly maxRows?: number;
  readonly intraOpThreads?: number;
}

async function request(
  artifact: ModelArtifact,
  { maxRows = 64, intraOpThreads = 1 }: Settings = {},
): Promise<ProbeRequest> {
  const model = await runtime.load(artifact, runtimeOptions.parse({ intraOpThreads }));
  const { signature, facts } = model;
  // Rows made from the signature; those of the quickstart name features that only model.yaml knows.
  const { candidates } = await findWarmUpRows({ ...artifact, folder: '/nowhere/1' }, signature, undefined);
  return { artifact, model, signature, candidates, given: false, maxRows, allowInline: facts.canInline };
}

async function probed(artifact: ModelArtifact, settings?: Settings): Promise<ProbeResult> {
  const asked = await request(artifact, settings);
  await using _ = asked.model;
  return await probe(asked);
}

function has({ notes }: ProbeResult, pattern: RegExp): void {
  assert.ok(
    notes.some((note) => pattern.test(note)),
    notes.join('\n'),
  );
}

describe('from how many rows on answers stay the same', () => {
  test('a linear classifier answers a row alone one unit in the last place away: from 2', async () => {
    for (const artifact of [quickstart('iris'), fixture('alone-differs')]) {
      const result = await probed(artifact);
      assert.equal(result.minRows, 2, artifact.name);
      assert.equal(result.settles, true);
      has(result, /same from 2 rows on/);
    }
  });

  test('most models: from 1', async () => {
    for (const artifact of [
      fixture('doubler'),
      fixture('identity-bytes'),
      fixture('all-types'),
      quickstart('digits'),
    ]) {
      const result = await probed(artifact);
      assert.deepEqual([result.minRows, result.batchable, result.settles], [1, true, true], artifact.name);
    }
  });

  test('boosted trees: from 1 on one thread, and later on two', async (t) => {
    assert.equal((await probed(quickstart('breast-cancer'))).minRows, 1);
    if (availableParallelism() < 2) return t.skip('one core');
    const { minRows, settles } = await probed(quickstart('breast-cancer'), { intraOpThreads: 2 });
    assert.ok(minRows > 1 || !settles);
  });

  test('a model that changes with every size never settles, and says so', async () => {
    const result = await probed(fixture('never-settles'));
    assert.deepEqual([result.minRows, result.batchable, result.settles], [1, true, false]);
    has(result, /do not settle/);
  });

  test('a model that never answers the same twice does not settle, and its rows are not blamed', async () => {
    const result = await probed(fixture('random'));
    assert.deepEqual([result.batchable, result.settles], [true, false]);
  });

  test('a cap below the number settles nothing', async () => {
    const { minRows } = await probed(quickstart('iris'), { maxRows: 1 });
    assert.equal(minRows, 1);
  });
});

describe('rows that influence each other are never batched', () => {
  test('as the probe sees, where the graph does not tell', async () => {
    const result = await probed(fixture('coupled-by-reshape'));
    assert.equal(result.batchable, false);
    has(result, /changes with its neighbours/);
  });

  for (const name of ['batch-coupled', 'softmax-rows', 'cumsum-rows', 'coupled-by-transpose']) {
    test(name, async () => assert.equal((await probed(fixture(name))).batchable, false));
  }

  test('and do not run inline: their requests cannot be split', async () => {
    assert.equal((await probed(fixture('batch-coupled'))).inline, false);
  });
});

describe('models that do not fit in batches', () => {
  test('the output with the wrong number of rows is named', async () => {
    const result = await probed(fixture('wrong-rows-fewer'));
    assert.equal(result.batchable, false);
    has(result, /output "y" has 0 rows for 1/);
  });

  for (const name of ['scalar', 'no-batch', 'no-inputs', 'fixed-batch', 'with-if']) {
    test(`${name}: one run is measured`, async () => {
      const result = await probed(fixture(name));
      assert.equal(result.batchable, false);
      assert.deepEqual(result.costs.map(({ rows }) => rows), [1]); // prettier-ignore
    });
  }

  test('free axes take the first size that the model accepts', async () => {
    assert.equal((await probed(fixture('mean-pool'))).batchable, true);
  });
});

describe('costs', () => {
  it('are given by rows, ascending, up to the cap', async () => {
    const { costs } = await probed(fixture('doubler'), { maxRows: 48 });
    const rows = costs.map((cost) => cost.rows);
    assert.deepEqual(rows, rows.toSorted((a, b) => a - b)); // prettier-ignore
    assert.ok(rows.includes(1) && rows.at(-1) === 48);
    assert.ok(costs.every(({ runMs }) => runMs > 0 && runMs < 1000));
  });

  it('of a slow model come from few runs', async () => {
    const began = performance.now();
    const { costs, batchable } = await probed(fixture('slow'));
    assert.ok(performance.now() - began < 10_000);
    assert.ok(costs.length > 0 && costs.every(({ runMs }) => runMs > 20));
    assert.equal(batchable, true);
  });

  it('decide with the facts whether a version runs inline', async () => {
    assert.equal((await probed(fixture('slow'))).inline, false);
    const asked = await request(fixture('doubler'));
    await using _ = asked.model;
    assert.equal((await probe({ ...asked, allowInline: false })).inline, false);
  });
});

describe('warm-up rows', () => {
  const negative = { name: 'x', datatype: 'INT64' as const, shape: [1], data: BigInt64Array.of(-1n) };

  it('that the user gave and the model refuses fail the load', async () => {
    const asked = await request(fixture('fails-on-negative'));
    await using _ = asked.model;
    const candidates = [checkInputs(asked.signature, [negative])];
    await assert.rejects(probe({ ...asked, candidates, given: true }), (error) => {
      assert.ok(error instanceof ServeryError);
      assert.equal(error.code, 'MODEL_INVALID');
      assert.match(error.message, /refuses its warm-up rows: The model failed on this input/);
      return true;
    });
  });

  it('that were made and are refused leave the version cold and unbatched, and say so', async () => {
    const asked = await request(fixture('fails-on-negative'));
    await using _ = asked.model;
    const result = await probe({ ...asked, candidates: [checkInputs(asked.signature, [negative])] });
    assert.deepEqual([result.batchable, result.settles, result.inline], [false, false, false]);
    has(result, /warmup.json/);
  });
});

describe('rows of the probe', () => {
  it('are the first few of many that were given, and all of few', () => {
    const given = (rows: number) => [{ datatype: 'INT32' as const, shape: [rows, 1], data: Int32Array.from({ length: rows }, (_, i) => i) }]; // prettier-ignore
    assert.deepEqual(firstRows(given(100_000)), given(64));
    assert.deepEqual(firstRows(given(3)), given(3));
  });

  test('differ from each other, in every datatype', () => {
    const tensors = [
      { datatype: 'FP32' as const, shape: [1, 2], data: Float32Array.of(0, 1) },
      { datatype: 'INT64' as const, shape: [1], data: BigInt64Array.of(5n) },
      { datatype: 'BYTES' as const, shape: [1], data: ['a'] },
    ];
    const [floats, integers, texts] = differentRows(tensors, 4);
    const columns = Array.from(floats!.data as Float32Array);
    assert.equal(new Set(columns.filter((_, i) => i % 2 === 0)).size, 4);
    assert.deepEqual([...(integers!.data as BigInt64Array)], [5n, 6n, 5n, 6n]);
    assert.deepEqual(texts!.data, ['a', 'aa', 'ab', 'ac']);
  });

  test('are picked in any order', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const [picked] = pickRows([{ datatype: 'FP32', shape: [2, 2], data }], [1, 0, 1]);
    assert.deepEqual(picked, { datatype: 'FP32', shape: [3, 2], data: Float32Array.of(3, 4, 1, 2, 3, 4) });
  });
});

describe('threads', () => {
  const automatic = runtimeOptions.parse({});

  it('stay at one for a model that is quick', async () => {
    const asked = await request(quickstart('digits'));
    const first = await probe(asked);
    const { model, probed: result } = await settleThreads(asked, first, probe, runtime, automatic, 2);
    await using _ = model;
    assert.equal(model, asked.model);
    assert.deepEqual(result, first);
  });

  it('stay at one where more do not help, and the notes say so', async () => {
    const asked = await request(fixture('slow'));
    // As if one thread were quicker than any can be: what is measured on a busy machine would decide otherwise.
    const costs = [{ rows: 1, runMs: 1.1 }];
    const first: ProbeResult = { minRows: 1, batchable: true, settles: true, inline: false, costs, notes: [] };
    const { model, probed: result } = await settleThreads(asked, first, probe, runtime, automatic, 2);
    await using _ = model;
    assert.equal(model, asked.model);
    has(result, /^threads: 1, more are not clearly faster/);
  });

  it('stay as they are when the user says how many', async () => {
    const asked = await request(fixture('slow'));
    const costs = [{ rows: 1, runMs: 200 }];
    const first: ProbeResult = { minRows: 1, batchable: true, settles: true, inline: false, costs, notes: [] };
    const fixed = runtimeOptions.parse({ intraOpThreads: 1 });
    const { model, probed: result } = await settleThreads(asked, first, probe, runtime, fixed, 2);
    await using _ = model;
    assert.equal(model, asked.model);
    assert.deepEqual(result, first);
  });

  it('stay at one where more would unsettle the answers', async () => {
    const asked = await request(quickstart('breast-cancer'), { intraOpThreads: 2 });
    // As if one thread were very slow, and settled from one row on.
    const costs = [{ rows: 64, runMs: 1000 }];
    const first: ProbeResult = { minRows: 1, batchable: true, settles: true, inline: false, costs, notes: [] };
    const unsettled = async (again: ProbeRequest) => ({ ...(await probe(again)), minRows: 63 });
    const { model, probed: result } = await settleThreads(asked, first, unsettled, runtime, automatic, 2);
    await using _ = model;
    assert.equal(model, asked.model);
    has(result, /would change with the batch/);
  });

  it('become more where these are faster', async () => {
    const asked = await request(fixture('doubler'));
    const costs = [{ rows: 64, runMs: 1000 }];
    const first: ProbeResult = { minRows: 1, batchable: true, settles: true, inline: false, costs, notes: [] };
    const { model, probed: result } = await settleThreads(asked, first, probe, runtime, automatic, 2);
    await using _ = model;
    assert.notEqual(model, asked.model);
    has(result, /^threads: 2 are faster/);
  });
});
