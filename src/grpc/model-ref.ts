/** Which version the fields `model_name` and `model_version` mean. */
import { ServeryError, quote } from '../core/errors.ts';
import { parseModelRef, parseVersion, type ModelRef } from '../core/model.ts';

/**
 * @param name NAME, NAME@ALIAS or NAME/VERSION
 * @param version empty when the request names none
 * @throws {ServeryError} `INVALID_REQUEST`, `MODEL_NOT_FOUND`
 */
export function readModelRef(name: string, version: string): ModelRef {
  if (name === '') throw new ServeryError('INVALID_REQUEST', 'Cannot find the model: Model name cannot be empty');
  const ref = parseModelRef(name);
  if (version === '') return ref;
  const number = parseVersion(version);
  if (number === undefined) {
    const problem = `version ${quote(version)} is not a positive integer`;
    throw new ServeryError('INVALID_REQUEST', `Cannot find the model: ${problem}`);
  }
  if (ref.alias !== undefined || ref.version !== undefined) {
    throw new ServeryError('INVALID_REQUEST', `Cannot find model ${quote(name)}: a version is given beside it`, {
      hint: 'Name an alias, or a version, not both.',
    });
  }
  return { name: ref.name, version: number };
}
