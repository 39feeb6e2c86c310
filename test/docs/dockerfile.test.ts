/** The Dockerfile and its script, as linters see them. That the image works: test/e2e/container-image.test.ts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { test } from 'node:test';

const ROOT = new URL('../../', import.meta.url).pathname;
const hadolint = `${dirname(process.env['SERVERY_TEST_PYTHON'] ?? '')}/hadolint`;

test('hadolint finds nothing in the Dockerfile', () => {
  const { status, stdout, stderr } = spawnSync(hadolint, ['Dockerfile'], { cwd: ROOT, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
});

test('hadolint would find something', () => {
  const input = 'FROM node\nRUN cd /tmp && sudo apt-get install curl\n';
  const { status, stdout } = spawnSync(hadolint, ['-'], { input, encoding: 'utf8' });
  assert.equal(status, 1);
  for (const rule of ['DL3006', 'DL3004']) assert.match(stdout, new RegExp(rule));
});

test('the script of the image is one that every shell understands', () => {
  const { status, stderr } = spawnSync('sh', ['-n', 'bin/servery-container'], { cwd: ROOT, encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
});
