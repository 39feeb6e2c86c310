/** The dependency rule of docs/architecture.md, checked: an import points down the ladder, or stays in its folder. */
import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
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
