/** The model of a route that names none. */
import { ServeryError } from '../../core/errors.ts';
import { parseModelRef, type ModelRef } from '../../core/model.ts';
import type { HttpDeps } from '../deps.ts';

/**
 * @param configured what the configuration says
 * @param option where it says so
 * @throws {ServeryError} `MODEL_NOT_FOUND` when it says nothing, and there is not exactly one
 */
export function onlyModel(
  { models }: Pick<HttpDeps, 'models'>,
  configured: string | undefined,
  option: string,
): ModelRef {
  if (configured !== undefined) return parseModelRef(configured);
  const [only, ...others] = models.snapshot.models;
  if (only !== undefined && others.length === 0) return { name: only.name };
  const problem = only === undefined ? 'there is no model' : `there are ${others.length + 1} models`;
  throw new ServeryError('MODEL_NOT_FOUND', `Cannot tell which model is invoked: ${problem}`, {
    hint: `Set \`${option}\`.`,
  });
}
