/** `--param NAME=VALUE`: the value is JSON where it is JSON, and else the text itself. */
import { ServeryError } from '../core/errors.ts';
import type { Options } from './command.ts';

/** @throws {ServeryError} `USAGE` */
export function readParams(options: Options): Readonly<Record<string, unknown>> | undefined {
  const assignments = options['param'] as readonly string[] | undefined;
  if (assignments === undefined) return undefined;
  return Object.fromEntries(
    assignments.map((assignment) => {
      const equals = assignment.indexOf('=');
      if (equals > 0) return [assignment.slice(0, equals), valueOf(assignment.slice(equals + 1))];
      throw new ServeryError('USAGE', `Cannot read --param ${assignment}: expected NAME=VALUE, such as days=7`);
    }),
  );
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
