import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { publishVersion, receiveVersion, removeAbandonedStaging } from '../../../src/repository/publish.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const model = (text: string) => ({ 'model.onnx': Buffer.from(text) });

describe('publishVersion()', () => {
  it('takes the next number, and leaves nothing else behind', async () => {
    await using folder = await temporaryFolder();
    assert.deepEqual(await publishVersion(folder.path, 'm', model('a')), { name: 'm', version: 1 });
    await mkdir(join(folder.path, 'm/7'));
    assert.deepEqual(await publishVersion(folder.path, 'm', model('b')), { name: 'm', version: 8 });
    assert.deepEqual((await readdir(join(folder.path, 'm'))).sort(), ['1', '7', '8']);
    assert.equal(await readFile(join(folder.path, 'm/8/model.onnx'), 'utf8'), 'b');
  });

  it('copies a folder with what is below it, and files instead of links', async () => {
    await using source = await temporaryFolder();
    await writeFile(join(source.path, 'weights'), 'w');
    const artifact = join(source.path, 'artifact');
    await mkdir(join(artifact, 'data'), { recursive: true });
    await writeFile(join(artifact, 'model.onnx'), 'm');
    await symlink('../../weights', join(artifact, 'data/weights'));
    await using folder = await temporaryFolder();
    await publishVersion(folder.path, 'm', artifact);
    assert.equal(await readFile(join(folder.path, 'm/1/data/weights'), 'utf8'), 'w');
    const [item] = await readdir(join(folder.path, 'm/1/data'), { withFileTypes: true });
    assert.equal(item?.isSymbolicLink(), false);
  });

  it('takes a single file by any name', async () => {
    await using source = await temporaryFolder();
    await writeFile(join(source.path, 'churn-final.onnx'), 'm');
    await using folder = await temporaryFolder();
    await publishVersion(folder.path, 'm', join(source.path, 'churn-final.onnx'));
    assert.deepEqual(await readdir(join(folder.path, 'm/1')), ['model.onnx']);
  });

  it('gives each of many publishers at once a number of their own', async () => {
    await using folder = await temporaryFolder();
    const published = await Promise.all(
      Array.from({ length: 12 }, (_, i) => publishVersion(folder.path, 'm', model(`model ${i}`))),
    );
    assert.deepEqual(
      published.map(({ version }) => version).sort((a, b) => a - b),
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    for (const [i, { version }] of published.entries()) {
      assert.equal(await readFile(join(folder.path, `m/${version}/model.onnx`), 'utf8'), `model ${i}`);
    }
  });

  it('never replaces a version that is there, not even an empty folder', async () => {
    await using folder = await temporaryFolder();
    await publishVersion(folder.path, 'm', model('a'), { version: 3 });
    await mkdir(join(folder.path, 'm/4'));
    await assert.rejects(publishVersion(folder.path, 'm', model('b'), { version: 3 }), { code: 'CONFLICT' });
    await assert.rejects(publishVersion(folder.path, 'm', model('b'), { version: 4 }), { code: 'CONFLICT' });
    assert.equal(await readFile(join(folder.path, 'm/3/model.onnx'), 'utf8'), 'a');
    assert.deepEqual((await readdir(join(folder.path, 'm'))).sort(), ['3', '4']);
  });

  it('is content when the same files are sent again under the same number', async () => {
    await using folder = await temporaryFolder();
    await publishVersion(folder.path, 'm', model('a'), { version: 3 });
    assert.deepEqual(await publishVersion(folder.path, 'm', model('a'), { version: 3 }), { name: 'm', version: 3 });
  });

  it('refuses what is no artifact, and leaves nothing', async () => {
    await using folder = await temporaryFolder();
    await assert.rejects(publishVersion(folder.path, 'm', { 'weights.bin': Buffer.from('') }), {
      code: 'MODEL_INVALID',
    });
    assert.deepEqual(await readdir(folder.path), []);
  });

  for (const name of ['..', '../x', 'a/b', '.hidden', '', 'a b']) {
    it(`refuses the name ${JSON.stringify(name)}`, async () => {
      await using folder = await temporaryFolder();
      await assert.rejects(publishVersion(folder.path, name, model('a')), { code: 'INVALID_REQUEST' });
      assert.deepEqual(await readdir(folder.path), []);
    });
  }
});

describe('receiveVersion()', () => {
  it('keeps refused files under refused/, and removes accepted ones', async () => {
    await using state = await temporaryFolder();
    {
      await using incoming = await receiveVersion(state.path, { name: 'm', version: 2 }, model('bad'));
      assert.equal(await readFile(join(incoming.artifact.folder, incoming.artifact.file), 'utf8'), 'bad');
      await incoming.refuse();
    }
    assert.deepEqual(await readdir(state.path), ['refused']);
    const [refused] = await readdir(join(state.path, 'refused'));
    assert.match(refused!, /^m-2-/);
    {
      await using _incoming = await receiveVersion(state.path, { name: 'm', version: 2 }, model('good'));
    }
    assert.deepEqual(await readdir(state.path), ['refused']);
  });
});

describe('removeAbandonedStaging()', () => {
  it('removes what a publisher left long ago, and not what one is writing', async () => {
    await using folder = await temporaryFolder();
    for (const name of ['.staging-old', '.staging-new', '1']) await mkdir(join(folder.path, name));
    const now = Date.now();
    await utimes(join(folder.path, '.staging-old'), 0, now / 1000 - 7200);
    await removeAbandonedStaging(folder.path, now);
    assert.deepEqual((await readdir(folder.path)).sort(), ['.staging-new', '1']);
  });
});
