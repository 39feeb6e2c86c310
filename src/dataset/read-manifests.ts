/** What an output holds, as its manifests say it: the one list of files that is atomic however many there are. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ServeryError } from '../core/errors.ts';
import type { Manifest } from './output.ts';
import { placeOf } from './staging.ts';

export interface OutputManifest extends Manifest {
  /** Absolute paths, in the order of the rows. */
  readonly paths: readonly string[];
}

/**
 * Of each interval, or each run that appended, in the order of time.
 *
 * @param output a folder or file that runs have written
 * @throws {ServeryError} `DATA_NOT_FOUND` when none has
 */
export async function readManifests(output: string): Promise<readonly OutputManifest[]> {
  const { target, root } = await placeOf(output);
  const folder = join(root, 'manifests');
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) {
    throw new ServeryError('DATA_NOT_FOUND', `Cannot find manifests of ${output}`, {
      hint: 'Name the `output.path` of a job or of `servery predict -o`, as it was given there.',
    });
  }
  // Paths begin at the folder, or at that of the one file.
  const isFolder = (await stat(target).catch(() => undefined))?.isDirectory() ?? false;
  const base = isFolder ? target : dirname(target);
  const manifests = await Promise.all(
    names.filter((name) => name.endsWith('.json')).map((name) => readFile(join(folder, name), 'utf8').then(read)),
  );
  return manifests
    .map((manifest) => ({ ...manifest, paths: manifest.files.map(({ path }) => join(base, path)) }))
    .sort((a, b) => compare(orderOf(a), orderOf(b)));
}

function read(text: string): Manifest {
  return JSON.parse(text) as Manifest;
}

/** Instants as texts are in their order: all are of one form. */
function orderOf({ interval, committedAt }: Manifest): string {
  return `${interval?.start ?? ''} ${committedAt}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
