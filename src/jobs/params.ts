/**
 * Parameters of a job: what a run may be given by hand, checked before the run is added.
 *
 * Each is a JSON Schema of its value. One with a `default` may be left out; a schedule gives nothing else, so a
 * scheduled job needs a default for each.
 */
import * as z from 'zod';
import { ServeryError, quote } from '../core/errors.ts';
import type { Json } from '../core/json.ts';

const paramSchema = z.record(z.string(), z.unknown()).superRefine((schema, context) => {
  try {
    const value = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
    if (!Object.hasOwn(schema, 'default')) return;
    const { error } = value.safeParse(schema['default']);
    if (error !== undefined) refuse(`its default does not fit: ${error.issues[0]?.message}`);
  } catch (error) {
    refuse(`expected a JSON Schema such as { type: 'integer', default: 7 }: ${(error as Error).message}`);
  }
  function refuse(message: string): void {
    context.addIssue({ code: 'custom', path: [], message });
  }
});

export const paramsOptions = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/), paramSchema);

export type ParamSchemas = z.output<typeof paramsOptions>;

/**
 * The parameters of a run: what was given, over the defaults.
 *
 * @throws {ServeryError} `INVALID_REQUEST` that names every problem
 */
export function resolveParams(schemas: ParamSchemas, given: Readonly<Record<string, unknown>>): Record<string, Json> {
  const problems: string[] = [];
  const values: Record<string, Json> = {};
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(schemas, name)) continue;
    const known = Object.keys(schemas);
    problems.push(`there is no ${quote(name)}, expected ${known.length === 0 ? 'none' : known.join(', ')}`);
  }
  for (const [name, schema] of Object.entries(schemas)) {
    const isGiven = Object.hasOwn(given, name);
    if (!isGiven && !Object.hasOwn(schema, 'default')) {
      problems.push(`${quote(name)} is missing`);
      continue;
    }
    const value: unknown = isGiven ? given[name] : schema['default'];
    const parsed = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value);
    if (parsed.success) values[name] = value as Json;
    else problems.push(`${quote(name)}: ${parsed.error.issues[0]?.message}`);
  }
  if (problems.length === 0) return values;
  throw new ServeryError('INVALID_REQUEST', `Cannot use the parameters: ${problems.join('; ')}`, {
    hint: 'Run `servery job show NAME` to see its parameters.',
  });
}

/** Names of those that a run must be given. */
export function requiredParams(schemas: ParamSchemas): readonly string[] {
  return Object.keys(schemas).filter((name) => !Object.hasOwn(schemas[name]!, 'default'));
}
