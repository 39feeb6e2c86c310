/**
 * Turns `{ secret: NAME }` into its value at the moment of use.
 *
 * A secret is a variable of Servery's own environment. Its value is in no file, no database and no log of ours.
 */
import { ServeryError } from '../../core/errors.ts';

export type SecretSource = (name: string) => string | undefined;

type Value = string | { readonly secret: string };

/** @throws {ServeryError} `SECRET_NOT_FOUND` */
export function resolveSecrets(values: Readonly<Record<string, Value>>, source: SecretSource): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, resolve(value, source)]));
}

/** The values behind the references, as far as there are any: what must be masked. */
export function secretValues(values: Iterable<Value>, source: SecretSource): readonly string[] {
  return Array.from(values)
    .map((value) => (typeof value === 'string' ? undefined : source(value.secret)))
    .filter((value) => value !== undefined);
}

function resolve(value: Value, source: SecretSource): string {
  if (typeof value === 'string') return value;
  const found = source(value.secret);
  if (found !== undefined) return found;
  throw new ServeryError('SECRET_NOT_FOUND', `Cannot find the secret ${value.secret}: there is no such variable`);
}
