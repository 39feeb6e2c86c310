import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { notice, type Notice } from '../../../src/core/events.ts';
import { modelWorkspace } from '../../support/model-workspace.ts';

const FIXTURES = new URL('../../fixtures/models/', import.meta.url).pathname;

/** The fixture `versions` answers 1, 2 or 3 to x = 1: the answer tells which version gave it. */
describe('Models', () => {
  it('serves the highest version, and is ready when it is live on every front end', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await workspace.put('versions/2', 'm/2');
    await using server = await workspace.open();
    const starting = server.models.start();
    assert.equal(server.fronts[0]!.snapshot.ready, false);
    await starting;
    assert.deepEqual(
      server.fronts.map(({ snapshot }) => snapshot.ready),
      [true, true],
    );
    assert.deepEqual(await server.states('m'), { 1: 'unloaded', 2: 'ready' });
    assert.equal(await server.askAll('m'), 2);
    await assert.rejects(server.askAll('m/1'), { code: 'MODEL_NOT_READY', message: /versions is \{ latest: 1 \}/ });
  });

  it('says of no model that it does not exist before it has seen all that are there', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await using server = await workspace.open();
    const notYet = { code: 'MODEL_NOT_READY', message: /is not found yet: the server is starting$/ };
    await assert.rejects(server.ask('m'), notYet);
    const asked = [
      () => server.models.showModel('m'),
      () => server.models.rollback('m'),
      async () => server.models.liveVersions('m'),
    ];
    for (const ask of asked) await assert.rejects(ask, notYet);
    const starting = server.models.start();
    await assert.rejects(server.ask('n'), notYet);
    await starting;
    assert.equal(await server.askAll('m'), 1);
    await assert.rejects(server.models.showModel('n'), { code: 'MODEL_NOT_FOUND' });
    await assert.rejects(server.ask('n'), { code: 'MODEL_NOT_FOUND' });
    await assert.rejects(server.ask('m/7'), { code: 'MODEL_NOT_FOUND' });
    await assert.rejects(server.ask('m@stable'), { code: 'MODEL_NOT_FOUND' });
  });

  it('takes a new version over when it is live, then unloads the old one', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    await workspace.put('versions/2', 'm/2');
    const seen = new Set<number>();
    await server.until(async () => seen.add(await server.ask('m')).has(2));
    await server.until(async () => (await server.states('m'))[1] === 'unloaded');
    assert.deepEqual([...seen], [1, 2]);
    assert.equal(await server.askAll('m'), 2);
  });

  it('fails no request while versions are swapped again and again', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    let isOver = false;
    let answers = 0;
    const load = server.fronts.map(async (front) => {
      while (!isOver) {
        assert.ok([1, 2, 3].includes(await server.ask('m', front)));
        answers += 1;
      }
    });
    for (const i of [2, 3, 1, 2]) {
      const { version } = await server.repository.publish('m', join(FIXTURES, 'versions', String(i)));
      await server.until(async () => (await server.states('m'))[version] === 'ready');
    }
    isOver = true;
    await Promise.all(load);
    assert.ok(answers > 10);
    assert.equal(await server.askAll('m'), 2);
  });

  it('keeps a good version when a newer one is broken, and shows why', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    await workspace.put('broken-truncated/1', 'm/2');
    await server.until(async () => (await server.states('m'))[2] === 'failed');
    assert.equal(await server.askAll('m'), 1);
    assert.equal(server.models.isReady, true);
    const { versions } = await server.models.showModel('m');
    assert.notEqual(versions[1]?.reason, '');
    assert.doesNotMatch(versions[1]!.reason, new RegExp(workspace.modelsFolder));
  });

  it('serves the version before a broken one after a restart too', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await workspace.put('broken-truncated/1', 'm/2');
    await using server = await workspace.open();
    await server.models.start();
    assert.equal(await server.askAll('m'), 1);
    assert.equal(server.models.isReady, true);
  });

  it('is not ready when the only version of a model is broken, until it is put right', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'good/1');
    await workspace.put('broken-truncated/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    assert.equal(server.models.isReady, false);
    assert.equal(await server.askAll('good'), 1);
    await assert.rejects(server.askAll('m'), { code: 'MODEL_NOT_READY' });
    await workspace.put('versions/3', 'm/1');
    await server.until(() => server.models.isReady);
    assert.equal(await server.askAll('m'), 3);
  });

  it('stays ready while a new model loads, and when it fails', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    await workspace.put('broken-text/1', 'n/1');
    await server.until(async () => (await server.models.listModels()).length === 2);
    await server.until(async () => (await server.states('n'))[1] === 'failed');
    assert.equal(server.models.isReady, true);
  });

  it('unloads a version whose folder was removed after another has taken over', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await workspace.put('versions/2', 'm/2');
    await using server = await workspace.open();
    await server.models.start();
    await workspace.remove('m/2');
    await server.until(async () => (await server.ask('m')) === 1);
    await server.until(async () => !(2 in (await server.states('m'))));
    await assert.rejects(server.askAll('m/2'), { code: 'MODEL_NOT_FOUND' });
  });

  it('forgets a model whose folder was removed', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    await workspace.remove('m');
    await server.until(() => server.fronts[1]!.snapshot.models.length === 0);
    await assert.rejects(server.askAll('m'), { code: 'MODEL_NOT_FOUND' });
    assert.equal(server.models.isReady, true);
  });

  it('keeps the loaded version when its files change, and says so loudly', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    const notices: Notice[] = [];
    const { promise: told, resolve } = Promise.withResolvers<void>();
    using _subscription = notice.subscribe((message) => {
      notices.push(message);
      resolve();
    });
    await workspace.put('versions/2', 'm/1');
    await told;
    assert.equal(notices[0]?.level, 'error');
    assert.match(notices[0].message, /A version never changes, but its files have changed/);
    assert.equal(await server.askAll('m'), 1);
    await server.models.configure({ m: { batching: { maxRows: 3 } } });
    assert.equal(await server.askAll('m'), 1, 'a new configuration must not bring the changed files in');
    const [version] = (await server.models.showModel('m')).versions;
    assert.equal(version?.state, 'ready');
    assert.match(version.reason, /files have changed/);
    assert.equal(notices.length, 1, 'once, not at every look');
  });

  it('loads a version again, beside itself, when model.yaml changes, and keeps it when that is wrong', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    const maxRows = () => server.fronts[1]!.describe({ name: 'm' }).batching.maxRows;
    assert.equal(maxRows(), 64);
    await workspace.write('m/model.yaml', 'batching: { maxRows: 7 }');
    await server.until(() => maxRows() === 7);
    await workspace.write('m/model.yaml', 'batching: { maxRow: 8 }');
    await server.until(async () => (await server.models.showModel('m')).notes.length > 0);
    const { notes } = await server.models.showModel('m');
    assert.match(notes[0]!, /batching\.maxRow: .*did you mean maxRows\?/);
    assert.equal(maxRows(), 7);
    await workspace.write('m/model.yaml', 'inputs: { nope: { features: [a] } }');
    await server.until(async () => (await server.models.showModel('m')).versions[0]?.reason !== '');
    assert.match((await server.models.showModel('m')).versions[0]!.reason, /names input "nope"; the artifact has "x"/);
    assert.equal(await server.askAll('m'), 1);
    assert.equal(maxRows(), 7);
  });

  it('applies a policy of model.yaml without loading anything again', async () => {
    await using workspace = await modelWorkspace();
    for (const n of [1, 2, 3]) await workspace.put(`versions/${n}`, `m/${n}`);
    await using server = await workspace.open();
    await server.models.start();
    const { key } = server.fronts[0]!.describe({ name: 'm', version: 3 });
    await workspace.write('m/model.yaml', 'versions: all');
    await server.until(async () => Object.values(await server.states('m')).every((state) => state === 'ready'));
    assert.deepEqual(await Promise.all(['m/1', 'm/2', 'm/3', 'm'].map((ref) => server.askAll(ref))), [1, 2, 3, 3]);
    await workspace.write('m/model.yaml', 'versions: [3]');
    await server.until(async () => (await server.states('m'))[1] === 'unloaded');
    assert.equal(server.fronts[0]!.describe({ name: 'm' }).key, key);
  });

  it('gives a front end that joins late everything the others have', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/2', 'm/2');
    await using server = await workspace.open();
    await server.models.start();
    const [front] = server.fronts;
    server.models.leave(front!);
    await using late = new (front!.constructor as new (predict: unknown) => typeof front & AsyncDisposable)(undefined);
    await server.models.join(late!);
    assert.equal(await server.ask('m', late!), 2);
    server.models.leave(late!);
  });

  it('is not ready from a drain on, and still answers', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    await server.models.drain();
    assert.equal(server.fronts[0]!.snapshot.ready, false);
    assert.equal(await server.askAll('m'), 1);
  });

  it('shows what was resolved and why', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await workspace.put('versions/1', 'm/v2');
    await using server = await workspace.open();
    await server.models.start();
    const { resolved, notes } = await server.models.showModel('m');
    assert.equal(resolved[0]?.platform, 'onnxruntime_onnx');
    assert.equal(resolved[0].placement, 'executor');
    assert.match(resolved[0].notes.join('\n'), /warmed up with rows made from the signature/);
    assert.match(notes.join('\n'), /"v2" is ignored: a version folder is named by a positive integer/);
  });
});

describe('Models, aliases', () => {
  it('answers by alias, and by the alias default when no alias is named', async () => {
    await using workspace = await modelWorkspace();
    for (const n of [1, 2, 3]) await workspace.put(`versions/${n}`, `m/${n}`);
    await using server = await workspace.open();
    await server.models.start();
    await server.models.setAlias('m', 'champion', 1);
    await server.until(async () => !(await server.models.showModel('m')).aliases['champion']!.pending);
    assert.equal(await server.askAll('m@champion'), 1);
    assert.equal(await server.askAll('m'), 3);
    await server.models.setAlias('m', 'default', 1);
    assert.equal(await server.askAll('m'), 1);
    const text = await readFile(join(workspace.modelsFolder, 'm/aliases.json'), 'utf8');
    assert.deepEqual(JSON.parse(text), { aliases: { champion: { version: 1 }, default: { version: 1 } } });
  });

  it('goes on answering with the former target until the new one is live', async () => {
    await using workspace = await modelWorkspace();
    for (const n of [1, 2]) await workspace.put(`versions/${n}`, `m/${n}`);
    await workspace.put('broken-text/1', 'm/3');
    await using server = await workspace.open();
    await server.models.start();
    await server.models.setAlias('m', 'champion', 2);
    const moved = await server.models.setAlias('m', 'champion', 1);
    assert.equal(moved.aliases['champion']?.pending, true);
    assert.equal(await server.askAll('m@champion'), 2);
    await server.until(async () => (await server.ask('m@champion')) === 1);
    await server.models.setAlias('m', 'champion', 3);
    await server.models.load('m'); // tries the broken one again
    assert.equal(await server.askAll('m@champion'), 1);
    assert.equal((await server.models.showModel('m')).aliases['champion']?.pending, true);
  });

  it('rolls back, and forth again', async () => {
    await using workspace = await modelWorkspace();
    for (const n of [1, 2]) await workspace.put(`versions/${n}`, `m/${n}`);
    await using server = await workspace.open({ config: { m: { versions: 'all' } } });
    await server.models.start();
    await server.models.setAlias('m', 'champion', 1);
    await assert.rejects(server.models.rollback('m'), { code: 'CONFLICT', message: /no previous target/ });
    await server.models.setAlias('m', 'champion', 2);
    await server.models.rollback('m');
    assert.equal(await server.askAll('m@champion'), 1);
    await server.models.rollback('m', 'champion');
    assert.equal(await server.askAll('m@champion'), 2);
    await server.models.setAlias('m', 'other', 1);
    await assert.rejects(server.models.rollback('m'), { code: 'CONFLICT', message: /2 aliases/ });
  });

  it('refuses a version that does not exist, and a name that cannot be one', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    await assert.rejects(server.models.setAlias('m', 'champion', 9), { code: 'MODEL_NOT_FOUND' });
    await assert.rejects(server.models.setAlias('nope', 'champion', 1), { code: 'MODEL_NOT_FOUND' });
    await assert.rejects(server.models.setAlias('m', 'a/b', 1), { code: 'INVALID_REQUEST' });
    await assert.rejects(server.models.removeAlias('m', 'champion'), { code: 'MODEL_NOT_FOUND' });
  });

  it('seeds an alias from the configuration once; later moves hold, and the difference is shown', async () => {
    await using workspace = await modelWorkspace();
    for (const n of [1, 2]) await workspace.put(`versions/${n}`, `m/${n}`);
    const config = { m: { aliases: { champion: 1 } } };
    {
      await using server = await workspace.open({ config });
      await server.models.start();
      assert.equal(await server.askAll('m@champion'), 1);
      await assert.rejects(server.models.removeAlias('m', 'champion'), { code: 'CONFLICT' });
      await server.models.setAlias('m', 'champion', 2);
    }
    await using server = await workspace.open({ config });
    await server.models.start();
    assert.equal(await server.askAll('m@champion'), 2);
    const { notes } = await server.models.showModel('m');
    assert.match(notes.join(), /alias "champion" is 1 in the configuration and 2 in aliases.json, which counts/);
  });

  it('follows an edited aliases.json, and keeps the last good one', async () => {
    await using workspace = await modelWorkspace();
    for (const n of [1, 2]) await workspace.put(`versions/${n}`, `m/${n}`);
    await using server = await workspace.open();
    await server.models.start();
    const path = join(workspace.modelsFolder, 'm/aliases.json');
    await writeFile(path, '{ "aliases": { "champion": { "version": 1 } } }');
    await server.until(async () => (await server.models.showModel('m')).aliases['champion']?.pending === false);
    assert.equal(await server.askAll('m@champion'), 1);
    await writeFile(path, '{ "aliases": { "champion": 2 } }');
    await server.until(async () => (await server.models.showModel('m')).notes.length > 0);
    assert.equal(await server.askAll('m@champion'), 1);
    await assert.rejects(server.models.setAlias('m', 'champion', 2), { code: 'CONFLICT', message: /damaged/ });
    assert.equal(await readFile(path, 'utf8'), '{ "aliases": { "champion": 2 } }');
  });
});

describe('Models, load and unload', () => {
  it('holds an unload across restarts, until a load', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    {
      await using server = await workspace.open();
      await server.models.start();
      await server.models.unload('m');
      await assert.rejects(server.askAll('m'), { code: 'MODEL_NOT_READY', message: /unloaded by API/ });
      await workspace.put('versions/2', 'm/2');
      await server.repository.refresh();
    }
    await using server = await workspace.open();
    await server.models.start();
    assert.equal((await server.models.showModel('m')).unloaded, true);
    assert.equal(server.models.isReady, true, 'nothing is missing that should be live');
    await server.models.load('m');
    assert.equal(await server.askAll('m'), 2);
  });

  it('publishes what a load brings, and answers when it is live', async () => {
    await using workspace = await modelWorkspace();
    await using server = await workspace.open();
    await server.models.start();
    const bytes = await readFile(join(FIXTURES, 'versions/2/model.onnx'));
    await server.models.load('m', { '5/model.onnx': bytes });
    assert.equal(await server.askAll('m/5'), 2);
    await server.models.load('m', { '5/model.onnx': bytes });
    const other = await readFile(join(FIXTURES, 'versions/3/model.onnx'));
    await assert.rejects(server.models.load('m', { '5/model.onnx': other }), { code: 'CONFLICT' });
    assert.equal(await server.askAll('m'), 2);
  });

  it('puts a broken artifact that a load brings aside: it never becomes a version', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('versions/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    const broken = { '2/model.onnx': Buffer.from('not a model') };
    await assert.rejects(server.models.load('m', broken), { code: 'MODEL_INVALID' });
    assert.deepEqual(await server.states('m'), { 1: 'ready' });
  });

  for (const [path, problem] of [
    ['1/handler.ts', /code is not accepted/],
    ['1/handler.ts.onnx', /code is not accepted/],
    ['model.onnx', /expected VERSION\/FILE/],
    ['../1/model.onnx', /expected VERSION\/FILE/],
    ['1/../../model.onnx', /expected VERSION\/FILE/],
    ['01/model.onnx', /expected VERSION\/FILE/],
    ['1/.hidden', /expected VERSION\/FILE/],
    ['1/weights.bin', /model.onnx is missing/],
  ] as const) {
    it(`refuses a load that brings ${path}`, async () => {
      await using workspace = await modelWorkspace();
      await using server = await workspace.open();
      await server.models.start();
      const loading = server.models.load('m', { [path]: Buffer.from('') });
      await assert.rejects(loading, { code: 'INVALID_REQUEST', message: problem });
    });
  }

  it('says why a load came to nothing', async () => {
    await using workspace = await modelWorkspace();
    await workspace.put('broken-text/1', 'm/1');
    await using server = await workspace.open();
    await server.models.start();
    await assert.rejects(server.models.load('m'), { code: 'MODEL_INVALID', message: /Cannot load model "m": 1: / });
    await assert.rejects(server.models.load('nope'), { code: 'MODEL_NOT_FOUND' });
    await assert.rejects(server.models.unload('nope'), { code: 'MODEL_NOT_FOUND' });
  });
});
