/** What a load by API brings: `1/model.onnx` and the files of data beside it, and never code. */
import { ServeryError, quote } from '../core/errors.ts';
import { isModelName, parseVersion, type ModelArtifact } from '../core/model.ts';
import type { FolderRepository } from '../repository/folder-repository.ts';
import { runtimeOptions } from '../runtime/options.ts';
import type { Runtime } from '../runtime/runtime.ts';

const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** Endings of files that Node.js, a shell or the system's loader would run. */
const CODE = /\.([cm]?[jt]sx?|node|wasm|so|dylib|dll|exe|py|sh)(\.|$)/i;

/**
 * Publishes the files as versions. What no runtime can load never becomes one: it is kept aside for whoever
 * wants to look at it.
 *
 * @throws {ServeryError} `INVALID_REQUEST`, `MODEL_INVALID`, `CONFLICT`
 */
export async function publishFiles(
  repository: FolderRepository,
  runtimeFor: (artifact: ModelArtifact) => Runtime,
  name: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<void> {
  for (const [version, content] of versionsFromFiles(name, files)) {
    await using incoming = await repository.receive(name, version, content);
    const { artifact } = incoming;
    try {
      await using _loaded = await runtimeFor(artifact).load(artifact, runtimeOptions.parse({}));
    } catch (error) {
      await incoming.refuse();
      throw error;
    }
    await repository.publish(name, artifact.folder, { version });
  }
  await repository.refresh();
}

/**
 * @returns the files of each version, by name
 * @throws {ServeryError} `INVALID_REQUEST`
 */
function versionsFromFiles(
  name: string,
  files: Readonly<Record<string, Uint8Array>>,
): ReadonlyMap<number, Readonly<Record<string, Uint8Array>>> {
  if (!isModelName(name)) {
    throw new ServeryError('INVALID_REQUEST', `Cannot load model ${quote(name)}: that is not a model name`, {
      hint: 'A name has letters, digits, _, - and . only, and begins with a letter, a digit or _.',
    });
  }
  const versions = new Map<number, Record<string, Uint8Array>>();
  for (const [path, bytes] of Object.entries(files)) {
    const [, folder = '', file = ''] = /^([^/]*)\/([^/]*)$/.exec(path) ?? [];
    const version = parseVersion(folder);
    if (version === undefined || !FILE_NAME.test(file)) {
      throw refused(name, path, 'expected VERSION/FILE, such as 1/model.onnx');
    }
    if (CODE.test(file)) throw refused(name, path, 'code is not accepted this way');
    const content = versions.get(version) ?? (Object.create(null) as Record<string, Uint8Array>);
    content[file] = bytes;
    versions.set(version, content);
  }
  for (const [version, content] of versions) {
    if (content['model.onnx'] === undefined) throw refused(name, `${version}/`, 'model.onnx is missing');
  }
  return versions;
}

function refused(name: string, path: string, problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `Cannot load file ${quote(path)} for model ${quote(name)}: ${problem}`, {
    hint: 'A load may bring ONNX models; handlers are put into the models folder.',
  });
}
