import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as z from 'zod';
import { ServeryError } from '../../../src/core/errors.ts';
import { installWorkspaceModules } from '../../../src/runtime/workspace-modules.ts';

async function load(files: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
  const workspace = await mkdtemp(join(tmpdir(), 'servery-workspace-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(workspace, path)), { recursive: true });
      await writeFile(join(workspace, path), text);
    }
    using _hooks = installWorkspaceModules();
    return (await import(pathToFileURL(join(workspace, 'main.ts')).href)) as Record<string, unknown>;
  } finally {
    await rm(workspace, { recursive: true });
  }
}

it('servery and zod in a folder without node_modules are those of the running installation', async () => {
  const main =
    "export { ServeryError } from 'servery'; export { object } from 'zod'; export { string } from 'zod/mini';";
  const loaded = await load({ 'main.ts': main });
  assert.equal(loaded.ServeryError, ServeryError);
  assert.equal(loaded.object, z.object);
  assert.equal(typeof loaded.string, 'function');
});

it('files that the entry imports see the same, and a copy in the node_modules of a workspace is not used', async () => {
  const loaded = await load({
    'main.ts': "export * from './lib/errors.js';",
    'lib/errors.js': "export { ServeryError } from 'servery';",
    'node_modules/servery/package.json': '{ "name": "servery", "exports": "./index.js", "type": "module" }',
    'node_modules/servery/index.js': 'export class ServeryError {}',
  });
  assert.equal(loaded.ServeryError, ServeryError);
});

it('packages keep the zod that they asked for', async () => {
  const loaded = await load({
    'main.ts': "export { which } from 'old';",
    'node_modules/old/package.json': '{ "name": "old", "exports": "./index.js", "type": "module" }',
    'node_modules/old/index.js': "export { which } from 'zod';",
    'node_modules/zod/package.json': '{ "name": "zod", "exports": "./index.js", "type": "module" }',
    'node_modules/zod/index.js': "export const which = 'the old one';",
  });
  assert.equal(loaded.which, 'the old one');
});

it('nothing is changed once the hooks are gone', async () => {
  using hooks = installWorkspaceModules();
  hooks[Symbol.dispose]();
  const inline = 'data:text/javascript,import "servery"';
  await assert.rejects(import(inline));
});

it('servery has the names of the package, without what only a server needs', async () => {
  const inWorkspace = await import('../../../src/runtime/workspace-entry.ts');
  const inPackage = await import('../../../src/index.ts');
  assert.deepEqual(Object.keys(inWorkspace), Object.keys(inPackage));
  assert.throws(() => inWorkspace.createServery(), { code: 'UNSUPPORTED' });
  const config = { models: {} };
  assert.equal(inWorkspace.defineConfig(config), config);
});
