/** Members of a message as JSON has them: by their name in camel case or by that of the proto file, and no others. */
import { ServeryError, quote } from '../../core/errors.ts';

/** @throws {ServeryError} `INVALID_REQUEST` naming the first member that is not known */
export function fieldsOf(
  message: Readonly<Record<string, unknown>>,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  for (const [member, value] of Object.entries(message)) {
    const name = member.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    if (!known.includes(name)) {
      const problem = `Unknown name ${quote(member)}: Cannot find field.`;
      throw new ServeryError('INVALID_REQUEST', `Invalid JSON payload received. ${problem}`);
    }
    fields[name] = value;
  }
  return fields;
}
