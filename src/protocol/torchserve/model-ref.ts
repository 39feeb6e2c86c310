/** Which version a name and a version of TorchServe mean: versions are texts there, and mostly 1.0. */
import { ServeryError, quote } from '../../core/errors.ts';
import { isModelName, parseVersion, type ModelRef } from '../../core/model.ts';

/** @throws {ServeryError} `MODEL_NOT_FOUND` when there can be no such model */
export function readTorchServeRef(name: string, version: string | undefined): ModelRef {
  if (isModelName(name)) {
    if (version === undefined) return { name };
    const number = parseVersion(version.replace(/\.0$/, ''));
    if (number !== undefined) return { name, version: number };
  }
  throw new ServeryError('MODEL_NOT_FOUND', `Model ${quote(name)} is not found`);
}
