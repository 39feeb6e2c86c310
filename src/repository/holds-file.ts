/** `held.json` in the state folder: the models that an unload by API holds back, also after a restart. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { ServeryError } from '../core/errors.ts';
import { writeFileAtomically } from './atomic-file.ts';

const FILE = 'held.json';
const holdsFile = z.strictObject({ unloaded: z.array(z.string()) });

/** @throws {ServeryError} `CONFIG_INVALID` when the file is there but cannot be understood */
export async function readHolds(stateFolder: string): Promise<ReadonlySet<string>> {
  let text;
  try {
    text = await readFile(join(stateFolder, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set();
    throw error;
  }
  try {
    return new Set(holdsFile.parse(JSON.parse(text)).unloaded);
  } catch (cause) {
    throw new ServeryError('CONFIG_INVALID', `Cannot read ${FILE} of the workspace's state: it is damaged`, {
      cause,
      hint: `Remove .servery/${FILE}; models that were unloaded by API are then loaded again.`,
    });
  }
}

export async function writeHolds(stateFolder: string, holds: ReadonlySet<string>): Promise<void> {
  const unloaded = [...holds].sort();
  await writeFileAtomically(join(stateFolder, FILE), `${JSON.stringify({ unloaded }, null, 2)}\n`);
}
