import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { scanModels, type Scan } from '../../../src/repository/scan.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe('scanModels()', () => {
  it('finds models, versions and artifacts, versions by number', async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, ['iris/10/model.onnx', 'iris/9/model.onnx', 'rules/1/handler.ts', 'iris/model.yaml']);
    const scan = await scanModels(folder.path);
    assert.deepEqual(versionsOf(scan, 'iris'), [9, 10]);
    assert.deepEqual(
      scan?.models.map(({ name }) => name),
      ['iris', 'rules'],
    );
    const [rules] = scan!.models[1]!.versions;
    assert.deepEqual(rules?.entry, { format: 'handler', file: 'handler.ts' });
    assert.equal(scan!.models[0]!.options !== undefined, true);
    assert.deepEqual(scan?.notes, []);
  });

  it('is undefined when there is no such folder', async () => {
    await using folder = await temporaryFolder();
    assert.equal(await scanModels(join(folder.path, 'models')), undefined);
  });

  for (const name of ['v1', '01', '0', '-1', '1.0', '1e3', '+1', '９']) {
    it(`does not take ${JSON.stringify(name)} for a version, and says so`, async () => {
      await using folder = await temporaryFolder();
      await fill(folder.path, [`iris/${name}/model.onnx`]);
      const scan = await scanModels(folder.path);
      assert.deepEqual(versionsOf(scan, 'iris'), []);
      assert.match(scan!.models[0]!.notes.join(), /positive integer/);
    });
  }

  it('names what looks like a mistake, and leaves other files alone', async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, [
      'iris/model.onnx',
      'iris/MLmodel',
      'iris/model.yml',
      'iris/warmup.json',
      'iris/README.md',
      'iris/.tmp/x',
      'a b/1/model.onnx',
      'notes.txt',
    ]);
    const scan = await scanModels(folder.path);
    assert.equal(scan!.models[0]!.notes.length, 3);
    assert.match(scan!.models[0]!.notes[1]!, /model.onnx.*belongs into a version folder/);
    assert.match(scan!.models[0]!.notes[0]!, /MLmodel.*belongs into a version folder/);
    assert.match(scan!.models[0]!.notes[2]!, /model.yml.*call it model.yaml/);
    assert.match(scan!.notes.join(), /"a b" is ignored/);
  });

  it('refuses a version with several artifacts, or none', async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, ['m/1/model.onnx', 'm/1/handler.ts', 'm/2/weights.bin']);
    const problems = (await scanModels(folder.path))!.models[0]!.versions.map(({ problem }) => problem);
    assert.match(problems[0]!, /model.onnx and handler.ts, expected one/);
    assert.match(problems[1]!, /holds no artifact/);
  });

  it('refuses links that leave the models folder, at every level', async () => {
    await using outside = await temporaryFolder();
    await fill(outside.path, ['secret.onnx', 'version/model.onnx', 'model/1/model.onnx']);
    await using folder = await temporaryFolder();
    await fill(folder.path, ['m/1/x', 'm/3/model.onnx']);
    await symlink(join(outside.path, 'secret.onnx'), join(folder.path, 'm/1/model.onnx'));
    await symlink(join(outside.path, 'version'), join(folder.path, 'm/2'));
    await symlink(join(outside.path, 'model'), join(folder.path, 'n'));
    const scan = await scanModels(folder.path);
    assert.deepEqual(
      scan!.models.map(({ name }) => name),
      ['m'],
    );
    assert.deepEqual(versionsOf(scan, 'm'), [1, 3]);
    assert.match(scan!.models[0]!.versions[0]!.problem!, /model.onnx is a link that leads nowhere, or out/);
    assert.equal(scan!.models[0]!.versions[1]!.problem, undefined);
    assert.match(scan!.models[0]!.notes.join(), /2 is ignored: it is a link/);
    assert.match(scan!.notes.join(), /"n" is ignored: it is a link/);
  });

  it('follows links within the models folder', async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, ['m/1/model.onnx', '.blobs/abc']);
    await symlink('1', join(folder.path, 'm/2'));
    await mkdir(join(folder.path, 'm/3'));
    await symlink('../../.blobs/abc', join(folder.path, 'm/3/model.onnx'));
    const scan = await scanModels(folder.path);
    assert.deepEqual(versionsOf(scan, 'm'), [1, 2, 3]);
    assert.deepEqual(
      scan!.models[0]!.versions.map(({ problem }) => problem),
      [undefined, undefined, undefined],
    );
  });

  it('does not hang on a link to its own folder', async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, ['m/1/model.onnx']);
    await symlink('.', join(folder.path, 'm/1/loop'));
    const scan = await scanModels(folder.path);
    assert.match(scan!.models[0]!.versions[0]!.problem!, /loop is a link to a folder/);
  });

  it('gives another fingerprint when a file changes, appears or goes, and the same when nothing does', async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path, ['m/1/model.onnx', 'm/1/data/a.bin']);
    const look = async () => (await scanModels(folder.path))!.models[0]!.versions[0]!.fingerprint;
    const seen = [await look()];
    assert.equal(await look(), seen[0]);
    await writeFile(join(folder.path, 'm/1/data/a.bin'), 'longer than before');
    seen.push(await look());
    await writeFile(join(folder.path, 'm/1/data/b.bin'), '');
    seen.push(await look());
    await writeFile(join(folder.path, 'm/1/model.onnx'), 'M/1/MODEL.ONNX'); // the same size
    seen.push(await look());
    assert.equal(new Set(seen).size, seen.length);
  });
});

/** Files that hold their own path. */
async function fill(root: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), path);
  }
}

function versionsOf(scan: Scan | undefined, name: string): number[] | undefined {
  return scan?.models.find((model) => model.name === name)?.versions.map(({ version }) => version);
}
