/** Files and names that are still there after the power has failed. */
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { translateFailure } from './failures.ts';

export async function syncFile(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  await file.sync();
}

/** Some systems cannot open a folder; there the rename has to do. */
async function syncFolder(path: string): Promise<void> {
  try {
    await using folder = await open(path, 'r');
    await folder.sync();
  } catch {
    return;
  }
}

/** A file takes the place of another one, whole. */
export async function moveDurably(from: string, to: string): Promise<void> {
  try {
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
    await syncFolder(dirname(to));
  } catch (error) {
    throw translateFailure(error, 'OUTPUT_INVALID');
  }
}

export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await using file = await open(path, 'w');
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    throw translateFailure(error, 'OUTPUT_INVALID');
  }
}
