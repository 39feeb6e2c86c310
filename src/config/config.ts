/**
 * The configuration of a workspace: file, under environment, under flags; parsed once, complete.
 *
 * Everything below receives plain values and never looks at `process.env`.
 */
import { ServeryError } from '../core/errors.ts';
import { describeIssues } from '../models/option-issues.ts';
import { protocolClashes } from '../protocol/protocols.ts';
import { readConfigFile, readJobFiles, type ConfigFile } from './config-file.ts';
import { listOptions, parseOptionText, type Option } from './options-list.ts';
import { sagemakerVariables } from './sagemaker-variables.ts';
import { configSchema, type Config, type ConfigInput } from './schema.ts';
import { vertexVariables } from './vertex-variables.ts';

export interface ConfigSources {
  readonly workspace: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values by path of the option: `{ 'listen.http': '127.0.0.1:0' }`. Texts are read as the option's type. */
  readonly flags: Readonly<Record<string, unknown>>;
}

/** Variables that are shorter than their option. */
const SHORT_VARIABLES: Readonly<Record<string, string>> = { SERVERY_HTTP: 'listen.http', SERVERY_GRPC: 'listen.grpc' };

/** @throws {ServeryError} `CONFIG_INVALID`, naming every problem at once */
export async function loadConfig({ workspace, env, flags }: ConfigSources): Promise<Config> {
  const [file, jobFiles] = await Promise.all([readConfigFile(workspace), readJobFiles(workspace)]);
  const value = structuredClone(file?.value ?? {});
  if (!isTree(value)) {
    throw new ServeryError('CONFIG_INVALID', `Cannot use ${file?.name}: expected an object of options`);
  }
  if (jobFiles.size > 0) value['jobs'] = withJobFiles(value['jobs'], jobFiles, file?.name);
  const options = new Map(listOptions(configSchema).map((option) => [option.path, option]));
  for (const [path, text] of sagemakerVariables(env)) set(value, options, path, text);
  for (const [path, text] of vertexVariables(env)) set(value, options, path, text);
  for (const [path, text] of fromEnvironment(options.values(), env)) set(value, options, path, text);
  for (const [path, text] of Object.entries(flags)) set(value, options, path, text);
  const where = [...(file === undefined ? [] : [file.name]), ...(jobFiles.size > 0 ? ['jobs/'] : [])];
  return parseConfig(value, where.join(' and ') || 'the configuration');
}

/** @throws {ServeryError} `CONFIG_INVALID` when a job is in the configuration and in a file of its own */
function withJobFiles(jobs: unknown, files: ReadonlyMap<string, ConfigFile>, where = 'the configuration'): unknown {
  if (jobs !== undefined && !isTree(jobs)) return jobs; // for the schema to refuse
  const merged: Tree = { ...jobs };
  for (const [name, file] of files) {
    if (Object.hasOwn(merged, name)) {
      throw new ServeryError('CONFIG_INVALID', `Cannot use ${file.name}: ${where} has a job "${name}" too`);
    }
    merged[name] = file.value;
  }
  return merged;
}

/** @throws {ServeryError} `CONFIG_INVALID`, naming every problem at once */
function parseConfig(value: unknown, where: string): Config {
  const parsed = configSchema.safeParse(value);
  if (parsed.success) refuseClashes(parsed.data, where);
  // Of a model only what was said is kept: its own defaults must not hide what model.yaml says.
  if (parsed.success) return { ...parsed.data, models: (value as ConfigInput).models ?? {} };
  const problems = describeIssues(parsed.error, configSchema);
  throw new ServeryError('CONFIG_INVALID', `Cannot use ${where}: ${problems.join('; ')}`);
}

function refuseClashes({ protocols, listen }: Pick<Config, 'protocols' | 'listen'>, where: string): void {
  const shared = { 'listen.http': listen.http, ...(listen.grpc !== 'off' && { 'listen.grpc': listen.grpc }) };
  const clashes = protocolClashes(protocols, shared);
  if (clashes.length > 0) throw new ServeryError('CONFIG_INVALID', `Cannot use ${where}: ${clashes.join('; ')}`);
}

/** Types a configuration in an editor; gives back what it gets. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

type Tree = { [key: string]: unknown };

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function* fromEnvironment(options: Iterable<Option>, env: ConfigSources['env']): Generator<[string, string]> {
  for (const [name, path] of Object.entries(SHORT_VARIABLES)) if (env[name] !== undefined) yield [path, env[name]];
  for (const { env: name, path } of options) {
    const text = name === undefined ? undefined : env[name];
    if (text !== undefined) yield [path, text];
  }
}

function set(tree: Tree, options: ReadonlyMap<string, Option>, path: string, value: unknown): void {
  const option = options.get(path);
  if (option?.env === undefined) {
    throw new ServeryError('USAGE', `There is no option "${path}"`, { hint: 'Run `servery config` to list them.' });
  }
  const keys = path.split('.');
  const last = keys.pop()!;
  let at = tree;
  for (const key of keys) at = (at[key] ??= {}) as Tree;
  at[last] = typeof value === 'string' ? parseOptionText(option, value) : value;
}
