/**
 * `aliases.json`: where the aliases of a model point, and where each pointed before, for rollback.
 *
 * It lies beside the versions, so that it moves with the model and survives the server. People may edit
 * it; a file that cannot be read is an error that says where, never an empty list of aliases.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { ServeryError, quote } from '../core/errors.ts';
import { isModelName } from '../core/model.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { ALIASES_FILE } from './scan.ts';

export interface AliasTarget {
  readonly version: number;
  readonly previous?: number | undefined;
}
export type Aliases = Readonly<Record<string, AliasTarget>>;

const version = z.int().min(1);
const aliasesFile = z.strictObject({
  aliases: z.record(
    z.string().refine(isModelName, 'a name has letters, digits, _, - and . only'),
    z.strictObject({ version, previous: version.optional() }),
  ),
});

/** @throws {ServeryError} `CONFIG_INVALID` when the file is there but cannot be understood */
export async function readAliases(modelFolder: string, name: string): Promise<Aliases> {
  let text;
  try {
    text = await readFile(join(modelFolder, ALIASES_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  const unreadable = (problem: string) =>
    new ServeryError('CONFIG_INVALID', `Cannot read ${ALIASES_FILE} of model ${quote(name)}: ${problem}`, {
      hint: `It looks like { "aliases": { "champion": { "version": 4, "previous": 3 } } }.`,
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw unreadable('it is not JSON');
  }
  const parsed = aliasesFile.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw unreadable(`${issue?.path.join('.') || 'the file'}: ${issue?.message}`);
  }
  return parsed.data.aliases;
}

export async function writeAliases(modelFolder: string, aliases: Aliases): Promise<void> {
  await writeFileAtomically(join(modelFolder, ALIASES_FILE), `${JSON.stringify({ aliases }, null, 2)}\n`);
}

/** The aliases after one has moved. Moving it to where it is keeps what it remembers. */
export function withAlias(aliases: Aliases, alias: string, target: number): Aliases {
  const now = aliases[alias];
  if (now?.version === target) return aliases;
  return { ...aliases, [alias]: now === undefined ? { version: target } : { version: target, previous: now.version } };
}

export function withoutAlias(aliases: Aliases, alias: string): Aliases {
  return Object.fromEntries(Object.entries(aliases).filter(([name]) => name !== alias));
}
