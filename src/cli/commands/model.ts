/** `servery model …`: the admin routes of the server that holds the workspace, or the folder itself without one. */
import { resolve } from 'node:path';
import { ServeryError } from '../../core/errors.ts';
import { parseVersion } from '../../core/model.ts';
import { inspectWorkspace } from '../../app/inspect.ts';
import { openWorkspace } from '../../app/workspace.ts';
import type { ModelDetails, ModelSummary } from '../../models/control-api.ts';
import { describeModel } from '../../models/describe.ts';
import { printModelTypes } from '../../models/model-types.ts';
import { publishVersion } from '../../repository/publish.ts';
import { findServer, requireServer } from '../local-server.ts';
import { table, type Result } from '../output.ts';

export async function list(workspace: string): Promise<Result> {
  const server = await findServer(workspace);
  const models =
    server === undefined
      ? await inspect(workspace)
      : ((await server.request('GET', '/api/models')) as { models: ModelSummary[] }).models;
  const rows = models.map((model) => [
    model.name,
    model.versions.map(({ version, state }) => `${version} ${state}`).join(', ') || '-',
    String(model.defaultVersion ?? '-'),
    Object.entries(model.aliases)
      .map(([alias, { version, pending }]) => `${alias}=${version}${pending ? ' (pending)' : ''}`)
      .join(', ') || '-',
  ]);
  return { value: { models }, text: table([['MODEL', 'VERSIONS', 'DEFAULT', 'ALIASES'], ...rows]) };
}

export async function show(workspace: string, name: string): Promise<Result> {
  const model = await detailsOf(workspace, name);
  return { value: { model }, text: describeModel(model) };
}

export async function load(workspace: string, name: string): Promise<Result> {
  const server = await requireServer(workspace);
  await server.request('POST', `/v2/repository/models/${encodeURIComponent(name)}/load`, {});
  return { value: { model: name, loaded: true }, text: `Loaded ${name}` };
}

export async function unload(workspace: string, name: string): Promise<Result> {
  const server = await requireServer(workspace);
  await server.request('POST', `/v2/repository/models/${encodeURIComponent(name)}/unload`, {});
  return {
    value: { model: name, loaded: false },
    text: `Unloaded ${name}; it stays so until \`servery model load ${name}\``,
  };
}

export async function alias(workspace: string, name: string, aliasName: string, text: string): Promise<Result> {
  const version = parseVersion(text);
  if (version === undefined) throw new ServeryError('USAGE', `Expected a version such as 3, got "${text}"`);
  const server = await requireServer(workspace);
  const path = `/api/models/${encodeURIComponent(name)}/aliases/${encodeURIComponent(aliasName)}`;
  const model = (await server.request('PUT', path, { version })) as ModelSummary;
  const pending = model.aliases[aliasName]?.pending ? ' (pending: the version is not live yet)' : '';
  return { value: { model }, text: `${name}@${aliasName} is version ${version}${pending}` };
}

export async function rollback(workspace: string, name: string, aliasName: string | undefined): Promise<Result> {
  const server = await requireServer(workspace);
  const body = aliasName === undefined ? {} : { alias: aliasName };
  const model = (await server.request(
    'POST',
    `/api/models/${encodeURIComponent(name)}/rollback`,
    body,
  )) as ModelSummary;
  const aliases = Object.entries(model.aliases).map(([key, { version }]) => `${name}@${key} is version ${version}`);
  return { value: { model }, text: aliases.join('\n') };
}

export async function publish(workspace: string, name: string, artifact: string, aliasName?: string): Promise<Result> {
  const { modelsFolder } = await openWorkspace(resolve(workspace), process.env, {});
  const { version } = await publishVersion(modelsFolder, name, resolve(artifact));
  if (aliasName === undefined) return { value: { model: { name, version } }, text: `Published ${name}/${version}` };
  const moved = await alias(workspace, name, aliasName, String(version));
  return { value: { model: { name, version }, alias: aliasName }, text: `Published ${name}/${version}\n${moved.text}` };
}

export async function types(workspace: string, name: string): Promise<Result> {
  const { resolved, defaultVersion } = await detailsOf(workspace, name);
  const version = resolved.find((candidate) => candidate.version === defaultVersion) ?? resolved.at(-1);
  if (version === undefined) {
    throw new ServeryError('MODEL_NOT_READY', `Model ${name} has no version that can be loaded`);
  }
  const text = printModelTypes(name, version.signature);
  return { value: { model: name, version: version.version, types: text }, text: text.trimEnd() };
}

async function detailsOf(workspace: string, name: string): Promise<ModelDetails> {
  const server = await findServer(workspace);
  if (server !== undefined) {
    return (await server.request('GET', `/api/models/${encodeURIComponent(name)}`)) as ModelDetails;
  }
  const model = (await inspect(workspace, name)).find((candidate) => candidate.name === name);
  if (model !== undefined) return model;
  throw new ServeryError('MODEL_NOT_FOUND', `Cannot find model "${name}" in the workspace`);
}

async function inspect(workspace: string, only?: string): Promise<readonly ModelDetails[]> {
  const opened = await openWorkspace(resolve(workspace), process.env, {});
  return inspectWorkspace(opened, only);
}
