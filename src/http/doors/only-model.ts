/** The model of a route that names none. */
import { ServeryError } from '../../core/errors.ts';
import { parseModelRef, type ModelRef } from '../../core/model.ts';
import { notThereYet } from '../../models/snapshot.ts';
import type { HttpDeps } from '../deps.ts';

/**
 * @param configured what the configuration says
 * @param option where it says so
 * @throws {ServeryError} `MODEL_NOT_FOUND` when it says nothing, and there is not exactly one; `MODEL_NOT_READY` while
 *   nobody can tell yet
 */
export function onlyModel(
  { models }: Pick<HttpDeps, 'models'>,
  configured: string | undefined,
  option: string,
): ModelRef {
  if (configured !== undefined) return parseModelRef(configured);
  const { complete, models: known } = models.snapshot;
  const [only, ...others] = known;
  // The first that is seen need not be the only one.
  if (!complete) throw notThereYet('The model is not loaded');
  if (only !== undefined && others.length === 0) return { name: only.name };
  const problem = only === undefined ? 'there is no model' : `there are ${others.length + 1} models`;
  throw new ServeryError('MODEL_NOT_FOUND', `Cannot tell which model is invoked: ${problem}`, {
    hint: `Set \`${option}\`.`,
  });
}
