/**
 * The files of an ONNX version, read into memory.
 *
 * Everything is read here and handed over as bytes: a session that maps files itself would crash the
 * process when somebody overwrites them, and it would follow a path out of the version's folder.
 */
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { ServeryError, quote } from '../../core/errors.ts';
import { readModelProto, type OnnxGraph, type OnnxModel, type OnnxTensor } from './model-proto.ts';
import { cutZipMaps } from './zip-map.ts';

export interface OnnxArtifact {
  readonly bytes: Uint8Array;
  readonly model: OnnxModel;
  /** Weights in files of their own, under the names by which the model asks for them. */
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[];
  readonly notes: readonly string[];
}

/** @throws {ServeryError} `MODEL_INVALID` */
export function readArtifact(folder: string, file: string): OnnxArtifact {
  const original = read(path.join(folder, file), file);
  const { bytes, model, cut } = cutZipMaps(original, readModelProto(original));
  const externalData = externalLocations(model).map((location) => {
    return { path: location, data: read(insideFolder(folder, location), location) };
  });
  const notes = cut.map(
    (name) => `output ${quote(name)}: dictionaries (ZipMap) became a matrix, one column for each class`,
  );
  if (externalData.length > 0) notes.push(`weights: ${externalData.length} file(s) beside the model`);
  return { bytes, model, externalData, notes };
}

function read(file: string, name: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code = 'no code' } = error as NodeJS.ErrnoException;
    const problem = code === 'ENOENT' ? 'it is missing' : `reading it failed (${code})`;
    throw new ServeryError('MODEL_INVALID', `Cannot read ${quote(name)} of the version: ${problem}`, { cause: error });
  }
}

/** The file itself, after links, must lie in the folder: a model must not make the server read others. */
function insideFolder(folder: string, location: string): string {
  const refuse = (problem: string) =>
    new ServeryError('MODEL_INVALID', `Cannot read the weights file ${quote(path.basename(location))}: ${problem}`, {
      hint: 'Keep the files of weights in the folder of the version and export the model with relative names.',
    });
  if (path.isAbsolute(location) || /^[A-Za-z]:|\0/.test(location)) {
    throw refuse('the model names it by an absolute path');
  }
  const file = path.resolve(folder, location);
  if (!isInside(path.resolve(folder), file)) throw refuse('it is outside the folder of the version');
  let real: string;
  try {
    real = realpathSync(file);
  } catch (error) {
    throw new ServeryError('MODEL_INVALID', refuse('it is missing').message, { cause: error });
  }
  if (!isInside(realpathSync(folder), real)) throw refuse('it links out of the folder of the version');
  return real;
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
}

function externalLocations(model: OnnxModel): string[] {
  const locations = new Set<string>();
  const add = ({ externalLocation }: OnnxTensor) => {
    if (externalLocation !== undefined) locations.add(externalLocation);
  };
  const walk = ({ initializers, nodes }: Pick<OnnxGraph, 'initializers' | 'nodes'>) => {
    for (const tensor of initializers.values()) add(tensor);
    for (const { attributes } of nodes) {
      for (const { tensor, graphs } of attributes.values()) {
        if (tensor !== undefined) add(tensor);
        graphs.forEach(walk);
      }
    }
  };
  walk(model.graph);
  for (const nodes of model.functions.values()) walk({ initializers: new Map(), nodes });
  return [...locations];
}
