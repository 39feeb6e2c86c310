// The lock file must install anywhere: see scripts/check-lock.mjs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { problemsOfLock } from '../../scripts/check-lock.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const lock = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { version?: string; optional?: boolean }>;
};

test('the lock file is complete, pinned and free of addresses', () => {
  assert.deepEqual(problemsOfLock(lock), []);
});

test('it holds the same inner Node.js for both Linux platforms', () => {
  const versions = ['x64', 'arm64'].map((cpu) => lock.packages[`node_modules/node-linux-${cpu}`]?.version);
  assert.match(versions[0] ?? 'missing', /^24\./);
  assert.equal(versions[1], versions[0]);
});

test('users of the published package download no Node.js', () => {
  const manifest = fs.readFileSync(path.join(root, 'package.json'), 'utf8');
  assert.doesNotMatch(manifest, /node-linux-/);
});

test('a platform package that npm dropped is found', () => {
  const packages = {
    '': { dependencies: { tool: '1.0.0' } },
    'node_modules/tool': { version: '1.0.0', integrity: 'sha512-x', optionalDependencies: { 'tool-arm64': '1.0.0' } },
  };
  assert.deepEqual(problemsOfLock({ packages }), ['node_modules/tool needs tool-arm64, which is not locked']);
});

test('a nested platform package counts as locked', () => {
  const entry = { version: '1.0.0', integrity: 'sha512-x' };
  const packages = {
    '': {},
    'node_modules/a': entry,
    'node_modules/a/node_modules/b': { ...entry, optionalDependencies: { c: '1.0.0', d: '1.0.0' } },
    'node_modules/a/node_modules/c': entry,
    'node_modules/d': entry,
  };
  assert.deepEqual(problemsOfLock({ packages }), []);
});

test('ranges, addresses and missing integrity are found', () => {
  const packages = {
    '': { dependencies: { tool: '^1.0.0' } },
    'node_modules/tool': { version: '1.0.0', resolved: 'https://registry.example/tool.tgz' },
  };
  assert.deepEqual(problemsOfLock({ packages }), [
    'the project: tool ^1.0.0 is not pinned',
    'node_modules/tool has no integrity',
    'node_modules/tool names an address',
  ]);
});
