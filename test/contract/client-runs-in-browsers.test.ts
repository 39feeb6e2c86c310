/** `servery/client` must load where there is no Node.js: nothing that it reaches may import a module of Node.js. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

test('the client imports nothing but its own files and core', async () => {
  const seen = new Set<string>();
  const foreign: string[] = [];
  const visit = async (url: URL): Promise<void> => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    const text = await readFile(url, 'utf8');
    for (const [, isType, specifier = ''] of text.matchAll(/^(?:import|export) (type )?[^;]*?from '([^']+)'/gm)) {
      if (isType) continue;
      if (specifier.startsWith('.')) await visit(new URL(specifier, url));
      else foreign.push(`${url.pathname.split('/src/')[1]} imports ${specifier}`);
    }
    if (/\b(process|Buffer|require)\b[.(]/.test(text.replaceAll(/\/\*.*?\*\/|\/\/.*$/gms, ''))) foreign.push(url.href);
  };
  await visit(new URL('../../src/client/index.ts', import.meta.url));
  assert.deepEqual(foreign, []);
  assert.ok(seen.size >= 5, 'the pattern still finds imports');
});
