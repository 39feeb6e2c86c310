/** Model archives of TorchServe as versions, and what must not come out of an archive. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ServeryError } from '../../../src/core/errors.ts';
import { FolderRepository } from '../../../src/repository/folder-repository.ts';
import { ZipFile } from '../../../src/repository/zip.ts';
import { Random } from '../../support/fuzz.ts';
import { makeModelArchive, makeZip } from '../../support/make-zip.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function contentOf(archive: Uint8Array, others: Readonly<Record<string, string>> = {}) {
  const folder = await temporaryFolder();
  const modelsFolder = join(folder.path, 'models');
  await mkdir(join(modelsFolder, 'm/1'), { recursive: true });
  await writeFile(join(modelsFolder, 'm/1/squares.mar'), archive);
  for (const [name, text] of Object.entries(others)) await writeFile(join(modelsFolder, 'm/1', name), text);
  await using repository = new FolderRepository({ modelsFolder, stateFolder: join(folder.path, '.servery') });
  const view = await repository.list();
  const version = view.models[0]!.versions[0]!;
  const now = await repository.fingerprintOf({ name: 'm', version: 1 });
  return { content: version.content, isUnchanged: now === version.fingerprint, folder };
}

describe('a model archive', () => {
  it('is a version when its model is ONNX, with all its files', async () => {
    const model = {
      modelName: 'squares',
      modelVersion: '1.0',
      serializedFile: 'squares.onnx',
      handler: 'base_handler',
    };
    const archive = makeModelArchive(model, { 'squares.onnx': 'graph', 'weights/a.bin': 'weights', 'empty.txt': '' });
    const { content, isUnchanged, folder } = await contentOf(archive);
    await using _ = folder;
    assert.ok(typeof content === 'object');
    assert.deepEqual([content.format, content.file, content.version], ['onnx', 'squares.onnx', 1]);
    assert.ok(isUnchanged);
    assert.equal(await readFile(join(content.folder, 'squares.onnx'), 'utf8'), 'graph');
    assert.equal(await readFile(join(content.folder, 'weights/a.bin'), 'utf8'), 'weights');
    assert.equal(await readFile(join(content.folder, 'empty.txt'), 'utf8'), '');
  });

  it('may say null of what it does not have', async () => {
    const model = { modelName: 'm', serializedFile: 'a.onnx', modelFile: null, handler: null };
    const { content, folder } = await contentOf(makeModelArchive(model, { 'a.onnx': 'graph' }));
    await using _ = folder;
    assert.equal(typeof content, 'object', content as string);
  });

  it('is a version when its handler is TypeScript', async () => {
    const { content, folder } = await contentOf(
      makeModelArchive({ modelName: 'm', handler: 'score.ts' }, { 'score.ts': 'export default 1;' }),
    );
    await using _ = folder;
    assert.ok(typeof content === 'object');
    assert.deepEqual([content.format, content.file], ['handler', 'score.ts']);
  });

  for (const [what, archive, problem] of [
    [
      'Python beside ONNX',
      makeModelArchive({ serializedFile: 'a.onnx', handler: 'onnx_handler.py' }, { 'a.onnx': '' }),
      /holds Python, "onnx_handler.py", which is not run here: "a.onnx" of it is served as model.onnx, .*handler.ts/,
    ],
    [
      'a handler of TorchServe that decodes images',
      makeModelArchive({ serializedFile: 'a.pt', handler: 'image_classifier' }, { 'a.pt': '' }),
      /holds Python, "image_classifier", .*torch.onnx.export/,
    ],
    [
      'weights of PyTorch',
      makeModelArchive({ serializedFile: 'a.pt', handler: 'base_handler' }, { 'a.pt': '' }),
      /a model that is no ONNX, "a.pt", .*torch.onnx.export/,
    ],
    ['no manifest', makeZip({ 'a.onnx': '' }), /has no MAR-INF\/MANIFEST.json/],
    ['an empty manifest', makeZip({ 'MAR-INF/MANIFEST.json': '' }), /is not a manifest/],
    ['no model', makeModelArchive({ serializedFile: 'a.onnx' }, {}), /lacks the model "a.onnx"/],
    ['no zip', Buffer.from('hello'), /no zip archive, or its end is missing/],
    ['half a zip', makeZip({ a: 'x'.repeat(1000), b: 'y' }).subarray(0, 900), /its end is missing/],
  ] as const) {
    it(`is refused with ${what}`, async () => {
      const { content, folder } = await contentOf(archive);
      await using _ = folder;
      assert.match(content as string, problem);
    });
  }

  it('is refused beside another artifact', async () => {
    const { content, folder } = await contentOf(makeZip({ a: '' }), { 'model.onnx': '' });
    await using _ = folder;
    assert.match(content as string, /model.onnx and squares.mar, expected one artifact/);
  });
});

describe('ZipFile', () => {
  async function unpacked(zip: Uint8Array): Promise<string[]> {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'a.zip'), zip);
    await using file = await ZipFile.open(join(folder.path, 'a.zip'));
    await file.unpackTo(join(folder.path, 'inner/out'));
    // Whatever it did, it did below its folder.
    assert.deepEqual((await readdir(folder.path)).sort(), ['a.zip', 'inner']);
    assert.deepEqual(await readdir(join(folder.path, 'inner')), ['out']);
    return await readdir(join(folder.path, 'inner/out'), { recursive: true });
  }

  for (const name of ['../x', 'a/../../x', '/x', 'C:/x', 'a\\..\\x', 'a//b', './a', 'a\0b', '..']) {
    it(`refuses the name ${JSON.stringify(name)}`, async () => {
      await assert.rejects(unpacked(makeZip({ [name]: 'x' })), /is not one of a file in it/);
    });
  }

  it('refuses names that one system takes for the same, and a file that is a folder too', async () => {
    await assert.rejects(unpacked(makeZip({ a: 'x', A: 'y' })), /twice/);
    await assert.rejects(unpacked(makeZip({ a: 'x', 'a/': '' })), /twice/);
    await assert.rejects(unpacked(makeZip({ a: 'x', 'a/b': 'y' })), /"a" is a file and a folder/);
  });

  it('refuses an entry that inflates to more than it declares, and a wrong checksum', async () => {
    const bomb = makeZip({ a: '', b: 'y'.repeat(100_000) });
    const sizeAt = bomb.lastIndexOf('PK\x01\x02') + 24;
    bomb.writeUInt32LE(10, sizeAt);
    await assert.rejects(unpacked(bomb), /"b" is longer than it says/);
    const changed = makeZip({ a: 'hello' });
    changed[changed.indexOf('hello')] = 0x48;
    await assert.rejects(unpacked(changed), /"a" has another checksum/);
  });

  it('unpacks damaged archives as far as nothing escapes, or refuses them', async () => {
    const zip = makeZip({ 'a.txt': 'hello', 'b/c.txt': 'y'.repeat(200), 'd.txt': '' });
    const pieces = ['../', '/', 'PK\x01\x02', '\xff\xff\xff\xff', '\0\0'].map((text) => Buffer.from(text, 'latin1'));
    let refused = 0;
    for (let seed = 1; seed <= 1000; seed += 1) {
      try {
        await unpacked(new Random(seed).mutate(zip, pieces));
      } catch (error) {
        assert.ok(error instanceof ServeryError, `seed ${seed}: ${String(error)}`);
        refused += 1;
      }
    }
    assert.ok(refused > 500, `${refused} refused`);
  });
});
