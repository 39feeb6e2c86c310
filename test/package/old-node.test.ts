// Somebody with an old Node.js, or none, gets one line that says so, from every door.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

const root = path.resolve(import.meta.dirname, '../..');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'servery-old-node-'));
after(() => fs.rmSync(scratch, { recursive: true }));

test('bin/servery without Node.js', () => {
  const done = runClone(undefined);
  assert.equal(done.status, 1);
  assert.equal(
    done.stderr,
    'servery: this machine has no Node.js; setting up a clone needs Node.js 20 or newer. ' +
      'Get it from https://nodejs.org/en/download\n',
  );
});

test('bin/servery with Node.js 18', () => {
  const done = runClone('v18.20.4');
  assert.equal(done.status, 1);
  assert.match(done.stderr, /^servery: this machine has Node\.js v18\.20\.4; .* needs Node\.js 20 or newer\. .*\n$/);
});

test('setup.mjs under Node.js 18', () => {
  const done = runAs('18.20.4', 'scripts/setup.mjs');
  assert.equal(done.status, 1);
  assert.match(done.stderr, /^servery: this machine has Node\.js v18\.20\.4; .* needs Node\.js 20 or newer\. .*\n$/);
});

test('the published command under Node.js 22', () => {
  const done = runAs('22.11.0', 'bin/servery-cli.mjs', '--version');
  assert.equal(done.status, 1);
  assert.match(done.stderr, /^servery: this is Node\.js v22\.11\.0; Servery needs Node\.js 24 or newer\. .*\n$/);
});

/** A clone that is not set up, on a machine whose `node` answers with this version. */
function runClone(version: string | undefined) {
  const clone = fs.mkdtempSync(path.join(scratch, 'clone-'));
  fs.cpSync(path.join(root, 'bin'), path.join(clone, 'bin'), { recursive: true });
  fs.writeFileSync(path.join(clone, 'package-lock.json'), '{}');

  const programs = path.join(clone, 'programs');
  fs.mkdirSync(programs);
  for (const program of ['cmp', 'dirname', 'readlink', 'uname']) {
    fs.symlinkSync(spawnSync('which', [program], { encoding: 'utf8' }).stdout.trim(), path.join(programs, program));
  }
  if (version !== undefined) {
    fs.writeFileSync(path.join(programs, 'node'), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
  }
  return spawnSync(path.join(clone, 'bin', 'servery'), ['--version'], { encoding: 'utf8', env: { PATH: programs } });
}

/** A script in a Node.js that says it is of this version. */
function runAs(version: string, ...args: readonly string[]) {
  const pretend =
    `Object.defineProperty(process, 'version', { value: 'v${version}' });` +
    `Object.defineProperty(process, 'versions', { value: { node: '${version}' } });`;
  const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
  return spawnSync(process.execPath, ['--import', preload, ...args], { cwd: root, encoding: 'utf8' });
}
