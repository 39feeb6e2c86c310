// A lock between processes: a file that holds its owner's pid and start time. Two commands may set up the same
// clone at the same moment, and one of them may have been killed earlier and have left its lock.

import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs `work` while holding the lock; waits for a living owner, takes over from a dead one.
 * @param {string} file
 * @param {() => void | Promise<void>} work
 */
export async function withFileLock(file, work) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  while (!take(file)) {
    removeIfDead(file);
    await sleep(100);
  }
  const release = () => fs.rmSync(file, { force: true });
  // Also when `work` leaves through process.exit.
  process.once('exit', release);
  try {
    await work();
  } finally {
    release();
    process.off('exit', release);
  }
}

/**
 * A hard link appears with its content or not at all; a created file would be empty for a moment.
 * @param {string} file
 */
function take(file) {
  const own = `${file}.${process.pid}`;
  fs.writeFileSync(own, `${process.pid} ${startOf(process.pid)}`);
  try {
    fs.linkSync(own, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  } finally {
    fs.rmSync(own, { force: true });
  }
}

/**
 * Only one of several waiting processes may remove a dead lock, or the second would remove the first one's new
 * lock; creating a folder decides who.
 * @param {string} file
 */
function removeIfDead(file) {
  if (!isDead(file)) return;
  const guard = `${file}.removing`;
  try {
    fs.mkdirSync(guard);
  } catch {
    const age = Date.now() - (fs.statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 10_000) fs.rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    if (isDead(file)) fs.rmSync(file, { force: true });
  } finally {
    fs.rmSync(guard, { recursive: true, force: true });
  }
}

/** @param {string} file */
function isDead(file) {
  let owner;
  try {
    owner = fs.readFileSync(file, 'utf8');
  } catch {
    return false; // released a moment ago
  }
  const [pid = '', start = ''] = owner.split(' ');
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM';
  }
  return startOf(Number(pid)) !== start;
}

/**
 * Tells a process from a later one with the same pid; empty where the system does not say.
 * @param {number} pid
 */
function startOf(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may itself contain spaces; the start time is the 20th field after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
