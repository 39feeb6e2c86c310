/** Where stored requests read and write. A client names files; which of them it may name is decided here. */
import { constants } from 'node:fs';
import { open, realpath, type FileHandle } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServeryError } from '../../core/errors.ts';
import type { RequestOptions } from './options.ts';

/** All of them absolute. */
export interface RequestPlaces {
  readonly inputs: readonly string[];
  readonly output: string;
  readonly failures: string;
  /** Of bodies that came with their request. */
  readonly bodies: string;
}

export function requestPlaces(
  workspace: string,
  stateFolder: string,
  { inputs, output, failures }: Omit<RequestOptions, 'maxRunning'>,
): RequestPlaces {
  const own = join(stateFolder, 'requests');
  const answers = output === undefined ? join(own, 'output') : resolve(workspace, output);
  return {
    inputs: [join(own, 'input'), ...inputs.map((folder) => resolve(workspace, folder))],
    output: answers,
    failures: failures === undefined ? answers : resolve(workspace, failures),
    bodies: bodiesFolder(stateFolder),
  };
}

/** Each is called as its run is, and goes with it. */
export function bodiesFolder(stateFolder: string): string {
  return join(stateFolder, 'requests', 'bodies');
}

/**
 * The file that a `file:` URL names.
 *
 * @throws {ServeryError} `INVALID_REQUEST` when it is no such URL, or none of a folder that is allowed
 */
export function readLocation(url: string, { inputs }: RequestPlaces): string {
  let path: string | undefined;
  try {
    if (/^file:/i.test(url)) path = fileURLToPath(url);
  } catch {
    // Of another host, or with a slash in disguise.
  }
  if (path === undefined || path.includes('\0')) {
    throw new ServeryError('INVALID_REQUEST', 'Cannot read the input: expected a location such as file:///data/a.csv');
  }
  if (inputs.some((folder) => isBelow(path, folder))) return path;
  throw notAllowed();
}

/**
 * Opens an input, once it is known where it really is: a link may be put in its place at any time.
 *
 * @throws {ServeryError} `DATA_NOT_FOUND`, `INVALID_REQUEST` when it has left the folders that are allowed
 */
export async function openInput(path: string, { inputs, bodies }: RequestPlaces): Promise<FileHandle> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) throw new ServeryError('DATA_NOT_FOUND', 'Cannot read the input: there is no such file');
  const folders = await Promise.all([...inputs, bodies].map((folder) => realpath(folder).catch(() => undefined)));
  if (!folders.some((folder) => folder !== undefined && isBelow(real, folder))) throw notAllowed();
  // A link that takes its place from now on is not followed, and a pipe would be waited for.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(real, flags).catch((cause: unknown) => {
    throw new ServeryError('DATA_NOT_FOUND', 'Cannot read the input: it cannot be opened', { cause });
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new ServeryError('DATA_NOT_FOUND', 'Cannot read the input: it is not a file');
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function notAllowed(): ServeryError {
  return new ServeryError('INVALID_REQUEST', 'Cannot read the input: it is in no folder that is allowed', {
    hint: 'Add its folder to `batch.requests.inputs`.',
  });
}
