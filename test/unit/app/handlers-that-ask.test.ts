/** Handlers that ask other models while they warm up, in whichever order things load. */
import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { setTimeout as nextTurn } from 'node:timers/promises';
import { createServery, type Servery } from '../../../src/app/embedded.ts';
import { workspaceWith } from '../../support/workspace-server.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
const ONE_ROW = JSON.stringify({ rows: [{ x: 1 }] });

/** Asks the given models in turn and adds their answers up. */
const asks = (...models: readonly string[]) => `import { defineHandler } from 'servery';
  export default defineHandler({
    signature: { inputs: { x: 'FP32' }, outputs: { y: 'FP32' } },
    async predict(rows, context) {
      const answers = [];
      for (const name of ${JSON.stringify(models)}) answers.push(await context.model(name).predict(rows));
      return rows.map((_, i) => ({ y: answers.reduce((sum, rows) => sum + rows[i].y, 0) }));
    },
  });`;

async function workspaceOf(handlers: Readonly<Record<string, string>>, warmup = ONE_ROW) {
  const folder = await workspaceWith({ doubler: 'test/fixtures/models/doubler' });
  for (const [name, source] of Object.entries(handlers)) {
    await mkdir(`${folder.path}/models/${name}/1`, { recursive: true });
    await writeFile(`${folder.path}/models/${name}/1/handler.ts`, source);
    if (warmup !== '') await writeFile(`${folder.path}/models/${name}/warmup.json`, warmup);
  }
  return folder;
}

async function states(servery: Servery): Promise<Record<string, string>> {
  const models = await servery.models();
  return Object.fromEntries(models.map(({ name, versions }) => [name, versions.map(({ state }) => state).join()]));
}

describe('a handler that asks other models while it warms up', () => {
  it('waits for them, whatever their names sort like and however many load at once', async () => {
    // Two versions load at a time: these four would take all places and wait for what has none.
    await using folder = await workspaceOf({
      a: asks('b'),
      b: asks('c', 'doubler'),
      c: asks('z'),
      z: asks('doubler/1', 'doubler'),
    });
    await using servery = await createServery({ workspace: folder.path });
    assert.deepEqual(await states(servery), { a: 'ready', b: 'ready', c: 'ready', doubler: 'ready', z: 'ready' });
    assert.deepEqual(await servery.predict('a', [{ x: 1 }]), [{ y: 6 }]);
  });

  it('does not wait for ever in a circle: the reason names who waits for whom', async () => {
    await using folder = await workspaceOf({ a: asks('b'), b: asks('c'), c: asks('a'), self: asks('self') });
    await using servery = await createServery({ workspace: folder.path });
    assert.deepEqual(await states(servery), {
      a: 'failed',
      b: 'failed',
      c: 'failed',
      doubler: 'ready',
      self: 'failed',
    });
    const reasons = (await servery.models()).map(({ versions }) => versions[0]!.reason);
    assert.ok(
      reasons.some((reason) => /Cannot ask model "\w" now: to load, it waits for model "\w"/.test(reason)),
      reasons.join('\n'),
    );
  });

  it('is live, if not warm, when its rows are made and the others do not answer', async () => {
    await using folder = await workspaceOf({ a: asks('b'), b: asks('a') }, '');
    await using servery = await createServery({ workspace: folder.path });
    assert.deepEqual(await states(servery), { a: 'ready', b: 'ready', doubler: 'ready' });
  });

  it('for one that is missing is loaded when it comes', async () => {
    await using folder = await workspaceOf({ a: asks('late') });
    await using servery = await createServery({ workspace: folder.path });
    assert.equal((await states(servery))['a'], 'failed');
    await cp(`${ROOT}test/fixtures/models/doubler`, `${folder.path}/models/late`, { recursive: true });
    while ((await states(servery))['a'] !== 'ready') await nextTurn(20);
    assert.deepEqual(await servery.predict('a', [{ x: 3 }]), [{ y: 6 }]);
  });
});
