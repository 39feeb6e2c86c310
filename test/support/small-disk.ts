/** A file system of so many bytes, to fill it: where this system lets us have one. */
import { spawnSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Until nothing more can be written. */
  fill(): void;
  /** Gives back what `fill` has taken. */
  free(): void;
}

const PIECE_BYTES = 64 * 1024;

/** @returns undefined without the permission to mount */
export function smallDisk(folder: string, bytes: number): SmallDisk | undefined {
  const path = join(folder, 'disk');
  mkdirSync(path);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path]);
  if (status !== 0) return undefined;
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
