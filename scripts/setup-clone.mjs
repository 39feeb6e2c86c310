// Makes a clone runnable: installs exactly what the lock file names, once for each lock file and platform.
// It runs on the machine's own Node.js (20 or newer), before the inner one exists, so it imports no package.
//
//   node scripts/setup.mjs

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withFileLock } from './file-lock.mjs';
import { findNpm, withoutNpmVariables } from './npm.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const lockFile = path.join(root, 'package-lock.json');
const modules = path.join(root, 'node_modules');
const innerNode = path.join(modules, '.bin', 'node');

// bin/servery compares the same file with `cmp`: a copy of the lock file, named as `uname -s` and `uname -m` do.
const stamp = path.join(modules, '.setup', `${os.type()}-${os.machine()}.lock`);

/** Installs when something changed; says one line then, and nothing when nothing is to do. */
export async function setUpClone() {
  if (isUpToDate()) return;
  await withFileLock(path.join(root, '.cache', 'setup.lock'), () => {
    // Somebody else may have done it while this process waited.
    if (!isUpToDate()) install();
  });
}

function isUpToDate() {
  return fs.existsSync(stamp) && fs.readFileSync(stamp).equals(fs.readFileSync(lockFile));
}

function install() {
  const started = performance.now();
  console.error('servery: installing what package-lock.json names (once, about a minute) …');

  const npm = findNpm(outerNode());
  // Run from outside, `npm ci` shows nothing unless it fails. Scripts of packages stay off: see allowScripts.
  const done = spawnSync(npm.command, [...npm.args, 'ci', '--loglevel=error', '--no-audit', '--no-fund'], {
    cwd: root,
    encoding: 'utf8',
    env: withoutNpmVariables(process.env),
    shell: npm.shell,
  });
  if (done.error || done.status !== 0) {
    console.error(`${done.stdout ?? ''}${done.stderr ?? ''}`.trimEnd());
    fail(`\`npm ci\` failed${done.error ? `: ${done.error.message}` : ''}. Fix what it says above, then start again`);
  }

  const version = checkNode();
  fs.mkdirSync(path.dirname(stamp), { recursive: true });
  fs.copyFileSync(lockFile, stamp);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.error(`servery: ready in ${seconds} s (Node.js ${version})`);
}

/** The version of the Node.js that will run Servery: the one in the clone, else the machine's own. */
function checkNode() {
  if (fs.existsSync(innerNode)) {
    const answer = spawnSync(innerNode, ['--version'], { encoding: 'utf8' });
    if (answer.status === 0) return answer.stdout.trim();
    fail(`the Node.js in node_modules does not run here (${answer.error?.message ?? answer.stderr.trim()})`);
  }
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.version;
  return fail(
    `on ${os.type()} ${os.machine()} Servery runs on the machine's own Node.js, which is ${process.version}; ` +
      'it needs 24 or newer. Get it from https://nodejs.org/en/download',
  );
}

/** A Node.js outside of node_modules where there is one: `npm ci` deletes that folder while it runs. */
function outerNode() {
  const isInside = (/** @type {string} */ file) => file.startsWith(modules + path.sep);
  if (!isInside(process.execPath)) return process.execPath;
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'node');
    if (fs.existsSync(file) && !isInside(fs.realpathSync(file))) return fs.realpathSync(file);
  }
  return process.execPath;
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(`servery: ${message}.`);
  process.exit(1);
}
