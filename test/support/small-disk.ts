/** A file system of so many bytes, to fill it: mounted here, or where only that is allowed in a namespace of our own. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Until nothing more can be written. */
  fill(): void;
  /** Gives back what `fill` has taken. */
  free(): void;
}

const PIECE_BYTES = 64 * 1024;

const NAMESPACE = 'SERVERY_TEST_NAMESPACE';

/**
 * Defines tests that mount, by `define`. Whoever is not allowed to mount is in a user namespace of their own, so the
 * file runs once more in one; it is skipped only where there are none either.
 */
export function testsThatMount(file: string, define: () => void): void {
  if (process.env[NAMESPACE] !== undefined || mayMount()) return define();
  const unshared = (...command: readonly string[]) => ['--map-root-user', '--mount', ...command];
  const skip =
    spawnSync('unshare', unshared('true')).status === 0 ? false : 'neither mounts nor user namespaces are allowed';
  test('in a user namespace', { skip }, async () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn('unshare', unshared(process.execPath, ...process.execArgv, '--test', file), {
      env: { ...env, [NAMESPACE]: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    assert.equal(code, 0, output);
  });
}

export function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'servery-test-'));
  const isMounted = mount(folder, 4096) === 0;
  if (isMounted) spawnSync('umount', [folder]);
  rmdirSync(folder);
  return isMounted;
}

function mount(folder: string, bytes: number): number | null {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]).status;
}

/** For `testsThatMount`. */
export function smallDisk(folder: string, bytes: number): SmallDisk {
  const path = join(folder, 'disk');
  mkdirSync(path);
  if (mount(path, bytes) !== 0) throw new Error('Cannot mount a small file system');
  const filler = join(path, 'filler');
  return {
    path,
    fill: () => writeUntilFull(filler),
    free: () => rmSync(filler, { force: true }),
    [Symbol.asyncDispose]: () => {
      // What was killed a moment ago may still hold a file of it.
      spawnSync('umount', ['--lazy', path]);
      return Promise.resolve();
    },
  };
}

function writeUntilFull(file: string): void {
  const fd = openSync(file, 'w');
  try {
    for (let size = PIECE_BYTES; size >= 1;) {
      try {
        writeSync(fd, Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size = Math.floor(size / 2);
      }
    }
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
