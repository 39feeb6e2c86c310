/**
 * Unpacks archives of versions into the state folder, so that a runtime finds files.
 *
 * Beside the models and not among them: their folder may be mounted for reading alone. A folder is named by the
 * fingerprint of its version, and appears by a rename when it is whole.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ServeryError } from '../core/errors.ts';
import type { Scan, ScannedVersion } from './scan.ts';
import { ZipFile } from './zip.ts';

const FOLDER = 'unpacked';

/** The scan with the folders of unpacked files for versions that are archives, and a problem where that failed. */
export async function unpackArchives(scan: Scan, stateFolder: string): Promise<Scan> {
  const models: Scan['models'][number][] = [];
  for (const model of scan.models) {
    const versions: ScannedVersion[] = [];
    for (const version of model.versions) versions.push(await unpack(model.name, version, stateFolder));
    models.push({ ...model, versions });
  }
  return { ...scan, models };
}

async function unpack(name: string, version: ScannedVersion, stateFolder: string): Promise<ScannedVersion> {
  const { entry, folder, fingerprint } = version;
  if (entry?.archive === undefined) return version;
  const { archive, ...inside } = entry;
  const target = join(stateFolder, FOLDER, `${name}-${version.version}-${fingerprint}`);
  try {
    if (!(await exists(target))) await unpackTo(join(folder, archive), target, stateFolder);
  } catch (error) {
    if (!(error instanceof ServeryError)) throw error;
    return { ...version, entry: undefined, problem: error.message };
  }
  return { ...version, folder: target, unpackedFrom: folder, entry: inside };
}

async function unpackTo(archive: string, target: string, stateFolder: string): Promise<void> {
  const staging = join(stateFolder, FOLDER, `.staging-${randomUUID()}`);
  await mkdir(join(stateFolder, FOLDER), { recursive: true });
  try {
    await using zip = await ZipFile.open(archive);
    await zip.unpackTo(staging);
    await rename(staging, target).catch(async (error: unknown) => {
      // Another process was faster, with the same files.
      if (!(await exists(target))) throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What earlier versions have left; the present ones are unpacked again. */
export async function removeUnpacked(stateFolder: string): Promise<void> {
  const folder = join(stateFolder, FOLDER);
  for (const item of await readdir(folder).catch(() => [])) {
    await rm(join(folder, item), { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
