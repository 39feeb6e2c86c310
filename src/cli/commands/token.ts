/** `servery token`: an API key. The key is shown once; only its hash is for the configuration. */
import { createApiKey, SCOPES } from '../../core/api-keys.ts';
import { ServeryError } from '../../core/errors.ts';
import type { Result } from '../output.ts';

export async function token(name: string, scopeList: string): Promise<Result> {
  const scopes = scopeList.split(',').map((scope) => scope.trim());
  const unknown = scopes.find((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (unknown !== undefined) {
    throw new ServeryError('USAGE', `Expected scopes out of ${SCOPES.join(', ')}, got "${unknown}"`);
  }
  const { key, hash } = createApiKey();
  const entry = { name, hash, scopes };
  const text = [
    `key:   ${key}`,
    '       (it is not stored anywhere: keep it)',
    `entry: ${JSON.stringify(entry)}`,
    '       (add it to `auth.keys` in servery.config)',
  ].join('\n');
  return { value: { key, entry }, text };
}
