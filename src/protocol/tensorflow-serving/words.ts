/** How TensorFlow Serving says that a model, a version or a label is not there. */
import { ServeryError, quote } from '../../core/errors.ts';
import type { ModelRef } from '../../core/model.ts';

export function servableNotFound({ name, version }: ModelRef): ServeryError {
  const servable = version === undefined ? `Latest(${name})` : `Specific(${name}, ${version})`;
  return new ServeryError('MODEL_NOT_FOUND', `Servable not found for request: ${servable}`);
}

/** An error about a reference in its words; any other as it is. */
export function inItsWords(error: unknown, ref: ModelRef): unknown {
  if (!(error instanceof ServeryError) || error.code !== 'MODEL_NOT_FOUND') return error;
  if (ref.alias === undefined) return servableNotFound(ref);
  return new ServeryError('INVALID_REQUEST', `Unrecognized servable version label: ${quote(ref.alias)}`);
}
