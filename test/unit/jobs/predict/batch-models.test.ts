/** Which version a reference means, and what becomes of it when files change under a run. */
import assert from 'node:assert/strict';
import { utimes } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { parseModelRef } from '../../../../src/core/model.ts';
import { checkInputs } from '../../../../src/core/signature.ts';
import { createModelAsker } from '../../../../src/jobs/predict/ask-models.ts';
import { answersByRow, differentRows, pickRows } from '../../../../src/models/probe-rows.ts';
import { decodeRows } from '../../../../src/protocol/rows.ts';
import { batchWorkspace, type BatchWorkspace } from '../../../support/batch-models.ts';

const pinned = async ({ models }: BatchWorkspace, ref: string) => (await models.pin(parseModelRef(ref))).version;

describe('a reference', () => {
  it('means the highest version that is wanted, an alias, or a version', async () => {
    await using workspace = await batchWorkspace('versions');
    assert.equal(await pinned(workspace, 'versions'), 3);
    assert.equal(await pinned(workspace, 'versions/1'), 1);
    await workspace.write('models/versions/aliases.json', '{"aliases":{"champion":{"version":2}}}');
    assert.equal(await pinned(workspace, 'versions@champion'), 2);
    assert.equal(await pinned(workspace, 'versions'), 3);
    await workspace.write('models/versions/model.yaml', 'versions: [1, 2]\n');
    assert.equal(await pinned(workspace, 'versions'), 2);
    await workspace.write('models/versions/aliases.json', '{"aliases":{"default":{"version":1}}}');
    assert.equal(await pinned(workspace, 'versions'), 1);
  });

  it('leaves out a version that cannot be loaded, unless it is asked for, as a server does', async () => {
    await using workspace = await batchWorkspace('versions');
    await workspace.write('models/versions/7/model.onnx', 'not a model');
    assert.equal(await pinned(workspace, 'versions'), 3);
    const named = await workspace.models.pin({ name: 'versions', version: 7 });
    await assert.rejects(workspace.models.load(named), { code: 'MODEL_INVALID' });
    await workspace.write('models/versions/aliases.json', '{"aliases":{"default":{"version":7}}}');
    await assert.rejects(pinned(workspace, 'versions'), { code: 'MODEL_INVALID' });
    await workspace.write('models/versions/aliases.json', '{"aliases":{}}');
    await workspace.write('models/versions/model.yaml', 'versions: [7]\n');
    await assert.rejects(pinned(workspace, 'versions'), { code: 'MODEL_INVALID' });
  });

  it('that means nothing is refused', async () => {
    await using workspace = await batchWorkspace('versions');
    await workspace.write('models/versions/9/notes.txt', 'no artifact');
    const refused = [
      ['nobody', 'MODEL_NOT_FOUND'],
      ['versions@champion', 'MODEL_NOT_FOUND'],
      ['versions/7', 'MODEL_NOT_FOUND'],
      ['versions/9', 'MODEL_INVALID'],
    ] as const;
    for (const [ref, code] of refused) await assert.rejects(pinned(workspace, ref), { code }, ref);
    assert.equal(await pinned(workspace, 'versions'), 3);
  });
});

describe('a version', () => {
  it('whose files are no longer those that were pinned is refused', async () => {
    await using workspace = await batchWorkspace('doubler');
    const before = await workspace.models.pin({ name: 'doubler', version: 1 });
    await utimes(`${workspace.path}/models/doubler/1/model.onnx`, 1, 1);
    await assert.rejects(workspace.models.load(before), { code: 'MODEL_CHANGED' });
  });

  it('is loaded once for all who use it', async () => {
    await using workspace = await batchWorkspace('doubler');
    const pin = await workspace.models.pin({ name: 'doubler' });
    await using one = await workspace.models.load(pin);
    await using two = await workspace.models.load(pin);
    assert.equal(one.run, two.run);
  });

  it('gives the bits of its smallest batch in its largest', async () => {
    await using workspace = await batchWorkspace('quickstart/iris', 'quickstart/breast-cancer', 'quickstart/digits');
    for (const name of ['iris', 'breast-cancer', 'digits']) {
      await using model = await workspace.models.load(await workspace.models.pin({ name }));
      assert.ok(model.batchRows >= 64, `${name}: ${model.batchRows}`);
      const { signature } = model;
      const rows = differentRows(checkInputs(signature, decodeRows(signature, model.exampleRows)).tensors, 7);
      const answers = async (count: number) => {
        const order = Array.from({ length: count }, (_, i) => i % 7);
        const outputs = await model.run([pickRows(rows, order)], { rows: count, timeoutMs: 10_000 });
        return answersByRow(outputs, count);
      };
      const expected = await answers(7);
      for (const count of [1, 2, 5, model.batchRows - 1, model.batchRows]) {
        (await answers(count)).forEach((answer, i) => assert.equal(answer, expected[i % 7], `${name}, ${count} rows`));
      }
    }
  });
});

describe('a handler that asks other models', () => {
  it('has them as they were when the run was planned', async () => {
    await using workspace = await batchWorkspace('versions');
    await workspace.write('models/versions/aliases.json', '{"aliases":{"champion":{"version":2}}}');
    const references = await workspace.models.references();
    assert.deepEqual(references, { versions: { default: 3, aliases: { champion: 2 } } });
    await workspace.write('models/versions/aliases.json', '{"aliases":{"champion":{"version":1}}}');
    await using asker = createModelAsker(workspace.models, references, 10_000);
    const ask = (ref: string) => asker.predictRows(ref, [{ x: 1 }, { x: 2 }], { deadline: undefined });
    assert.deepEqual(await ask('versions@champion'), [{ y: 2 }, { y: 4 }]);
    assert.deepEqual(await ask('versions'), [{ y: 3 }, { y: 6 }]);
    assert.deepEqual(await ask('versions/1'), [{ y: 1 }, { y: 2 }]);
    await assert.rejects(ask('versions@canary'), { code: 'MODEL_NOT_FOUND' });
  });
});
