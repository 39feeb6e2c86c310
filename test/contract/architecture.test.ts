/**
 * The dependency rules of docs/architecture.md, checked: an import points down the ladder, or stays in its folder, and
 * threads of which there are many load little.
 */
import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

const LADDER = [
  ['core'],
  ['batching', 'runtime', 'repository', 'dataset', 'protocol', 'schedule', 'engine', 'telemetry', 'listening'],
  ['models'],
  ['serving', 'jobs'],
  ['http', 'grpc', 'client'],
  ['config'],
  ['app'],
  ['index.ts', 'cli'],
];

const rung = (folder: string) => LADDER.findIndex((folders) => folders.includes(folder));

test('imports point down the ladder', async () => {
  const src = new URL('../../src/', import.meta.url).pathname;
  const violations: string[] = [];
  let imports = 0;
  for await (const file of glob('**/*.ts', { cwd: src })) {
    const [folder = ''] = file.split('/');
    if (rung(folder) < 0) violations.push(`${file} is in a folder that the ladder does not name`);
    const text = await readFile(src + file, 'utf8');
    for (const [, specifier = ''] of text.matchAll(/(?:from|import)[\s(]*'(\.[^']+)'/g)) {
      imports += 1;
      const [target = ''] = new URL(specifier, `file:///${file}`).pathname.slice(1).split('/');
      const isDown = rung(target) >= 0 && rung(target) < rung(folder);
      if (target !== folder && !isDown) violations.push(`${file} imports ${specifier}`);
    }
  }
  assert.deepEqual(violations, []);
  assert.ok(imports > 50, 'the pattern still finds imports');
});

for (const thread of [
  'app/front-end-thread.ts',
  'runtime/onnx/executor-thread.ts',
  'runtime/handler/handler-thread.ts',
]) {
  test(`${thread} loads no library at its start`, async () => {
    const { files, others } = await loadedBy(thread);
    assert.ok(files.size > 10, 'the pattern still finds imports');
    // Reading a graph and filling in missing labels takes these two classes.
    const allowed = ['@bufbuild/protobuf/wire'];
    assert.deepEqual(
      [...others].filter((name) => !name.startsWith('node:') && !allowed.includes(name)),
      [],
    );
    // Imported, these load all that they export, getters too; see http/server.ts.
    assert.ok(!others.has('node:http') && !others.has('node:https'));
  });
}

/** What a module imports when it is loaded, and what that imports. */
async function loadedBy(entry: string): Promise<{ readonly files: Set<string>; readonly others: Set<string> }> {
  const src = new URL('../../src/', import.meta.url).pathname;
  const files = new Set([entry]);
  const others = new Set<string>();
  for (const file of files) {
    const text = await readFile(src + file, 'utf8');
    for (const [, specifier = ''] of text.matchAll(/^(?:import|export) (?!type\b)(?:[^;']*? from )?'([^']+)';/gm)) {
      if (specifier.startsWith('.')) files.add(join(file, '..', specifier));
      else others.add(specifier);
    }
  }
  return { files, others };
}
