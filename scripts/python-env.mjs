// Gives tests a Python environment of their own inside the project, in .venv/NAME, made once for each content of
// its requirements file. Prints the path of its interpreter.
//
//   node scripts/python-env.mjs foreign test/foreign/requirements.txt

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withFileLock } from './file-lock.mjs';
import { installDebianPackages } from './debian.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/**
 * @param {string} name
 * @param {string} requirements a file of pinned requirements
 * @param {{ folder?: string, interpreter?: string | undefined }} [where] another folder; another interpreter than `python3`
 * @returns {Promise<string>} the interpreter
 * @throws {Error} in one line, when this machine has no usable Python
 */
export async function pythonEnvironment(name, requirements, where = {}) {
  const { folder = path.join(root, '.venv', name), interpreter = 'python3' } = where;
  const python = path.join(folder, 'bin', 'python');
  const stamp = path.join(folder, 'requirements.stamp');
  const wanted = `${os.type()} ${os.machine()}\n${fs.readFileSync(requirements, 'utf8')}`;

  const isUpToDate = () => fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted;
  if (isUpToDate()) return python;
  await withFileLock(path.join(root, '.cache', `python-${name}.lock`), () => {
    if (isUpToDate()) return;
    console.error(`servery: making the Python environment ${path.relative(root, folder)} (once, a minute or two) …`);
    fs.rmSync(folder, { recursive: true, force: true });
    make(folder, python, requirements, interpreter);
    fs.writeFileSync(stamp, wanted);
  });
  return python;
}

/**
 * @param {string} folder
 * @param {string} python
 * @param {string} requirements
 * @param {string} interpreter
 */
function make(folder, python, requirements, interpreter) {
  if (run('uv', ['--version']).ok) {
    const made = run('uv', ['venv', '--quiet', '--python', interpreter, folder]);
    const filled = made.ok && run('uv', ['pip', 'install', '--quiet', '--python', python, '-r', requirements]).ok;
    if (filled) return;
    // uv does not read pip's settings, so pip may still reach a registry where uv did not.
    fs.rmSync(folder, { recursive: true, force: true });
  }

  let made = run(interpreter, ['-m', 'venv', folder]);
  if (!made.ok && installDebianPackages(['python3', 'python3-venv', 'python3-pip'])) {
    fs.rmSync(folder, { recursive: true, force: true });
    made = run(interpreter, ['-m', 'venv', folder]);
  }
  if (!made.ok) throw new Error(`needs python3 with venv (on Debian: python3-venv): ${made.why}`);

  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  const filled = run(python, [...pip, '-r', requirements]);
  if (!filled.ok) throw new Error(`pip cannot install ${path.relative(root, requirements)}: ${filled.why}`);
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const done = spawnSync(command, args, { encoding: 'utf8', cwd: root });
  const lines = `${done.stdout ?? ''}\n${done.stderr ?? ''}`.trim().split('\n');
  return { ok: done.status === 0, why: done.error?.message ?? lines.at(-1) ?? '' };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, requirements] = process.argv.slice(2);
  if (!name || !requirements) {
    console.error('usage: node scripts/python-env.mjs NAME REQUIREMENTS');
    process.exit(2);
  }
  try {
    console.log(await pythonEnvironment(name, path.resolve(requirements)));
  } catch (error) {
    console.error(`servery: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
