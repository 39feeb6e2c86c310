import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as client from '../../src/client/index.ts';
import * as servery from '../../src/index.ts';
import * as workspace from '../../src/runtime/workspace-entry.ts';

const PUBLIC = ['ERROR_CATALOG', 'ServeryError', 'createServery', 'defineConfig', 'defineHandler'];

test('the public API is exactly this', () => {
  assert.deepEqual(Object.keys(servery).sort(), PUBLIC);
});

test('files of a workspace see the same names', () => {
  assert.deepEqual(Object.keys(workspace).sort(), PUBLIC);
});

test('the client is exactly this', () => {
  assert.deepEqual(Object.keys(client).sort(), ['ServeryError', 'createClient']);
});
