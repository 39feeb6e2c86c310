/** `servery import tensorflow-serving`: from the files of a server to a workspace that `check` has nothing against. */
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { servery } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MODEL = new URL('../fixtures/models/half-plus-two/1', import.meta.url).pathname;

test('writes models, policies, labels and batching, and says what it could not keep', async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  await cp(MODEL, `${cwd}/old/half_plus_two/00000123`, { recursive: true });
  await cp(MODEL, `${cwd}/old/half_plus_two/124`, { recursive: true });
  await mkdir(`${cwd}/old/saved/1`, { recursive: true });
  await writeFile(`${cwd}/old/saved/1/saved_model.pb`, '');
  const config = (name: string, more = '') => `config { name: "${name}" base_path: "${cwd}/old/${name}" ${more} }`;
  const labels = 'version_labels { key: "stable" value: 123 } version_labels { key: "canary" value: 124 }';
  const half = config('half_plus_two', `model_version_policy { all {} } ${labels}`);
  await writeFile(`${cwd}/models.config`, `model_config_list { ${half} ${config('saved')} }`);
  await writeFile(`${cwd}/batching.config`, 'max_batch_size { value: 32 } num_batch_threads { value: 4 }');
  await writeFile(`${cwd}/monitoring.config`, 'prometheus_config { enable: true, path: "/m" }');
  const args = ['import', 'tensorflow-serving', 'models.config', '-o', 'shop', '--json'];
  const files = ['--batching-parameters', 'batching.config', '--monitoring-config', 'monitoring.config'];
  const { code, stdout } = await servery([...args, ...files], { cwd });
  assert.equal(code, 0, stdout);
  const written = JSON.parse(stdout) as { versions: string[]; notes: string[] };
  assert.deepEqual(written.versions.toSorted(), ['half_plus_two/123', 'half_plus_two/124']);
  for (const note of [/^saved\/1: it is a SavedModel.*tf2onnx/, /^num_batch_threads/, /^monitoring: .*\/metrics/]) {
    assert.ok(
      written.notes.some((line) => note.test(line)),
      String(note),
    );
  }
  const yaml = await readFile(`${cwd}/shop/models/half_plus_two/model.yaml`, 'utf8');
  assert.equal(yaml, 'versions: all\nbatching:\n  maxRows: 32\n');
  const check = await servery(['check', 'shop', '--json'], { cwd });
  const { models, protocols } = JSON.parse(check.stdout) as {
    models: { name: string; aliases: object; versions: { live: boolean }[] }[];
    protocols: { at: string }[];
  };
  const [model] = models.filter(({ name }) => name === 'half_plus_two');
  assert.equal(model?.versions.filter(({ live }) => live).length, 2, check.stdout);
  assert.deepEqual(Object.keys(model.aliases).toSorted(), ['canary', 'stable']);
  assert.ok(protocols.some(({ at }) => at === '127.0.0.1:8501'));
  const again = await servery(args, { cwd });
  assert.equal(again.code, 2);
  assert.match(again.stdout, /it is not empty/);
});
