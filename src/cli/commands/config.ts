/** `servery config`: every option, from the one schema. docs/configuration.md is this list as a table. */
import { listOptions } from '../../config/options-list.ts';
import { configSchema } from '../../config/schema.ts';
import { table, type Result } from '../output.ts';

export async function config(): Promise<Result> {
  const options = listOptions(configSchema);
  const rows = options.map(({ path, type, default: value, env = '', description }) => [
    path,
    type,
    value === undefined ? '' : JSON.stringify(value),
    env,
    description,
  ]);
  return { value: { options }, text: table([['OPTION', 'TYPE', 'DEFAULT', 'VARIABLE', 'MEANING'], ...rows]) };
}
