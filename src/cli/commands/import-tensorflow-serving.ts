/** `servery import tensorflow-serving`: a workspace of what a server of TensorFlow Serving was configured with. */
import { cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { ServeryError, quote } from '../../core/errors.ts';
import {
  readBatchingParameters,
  readModelConfig,
  readMonitoringConfig,
  type ImportedBatching,
  type ImportedModel,
} from '../../protocol/tensorflow-serving/server-config.ts';
import type { Result } from '../output.ts';

export interface ImportFlags {
  readonly output: string;
  readonly batchingParameters?: string;
  readonly monitoringConfig?: string;
}

export async function importTensorflowServing(source: string, flags: ImportFlags): Promise<Result> {
  const models = readModelConfig(await read(source));
  const { batchingParameters, monitoringConfig } = flags;
  const batching =
    batchingParameters === undefined
      ? { value: {}, notes: [] }
      : readBatchingParameters(await read(batchingParameters));
  const monitoring = monitoringConfig === undefined ? [] : readMonitoringConfig(await read(monitoringConfig));
  const folder = resolve(flags.output);
  await requireEmpty(folder);
  await mkdir(join(folder, 'models'), { recursive: true });
  await writeFile(join(folder, 'servery.config.json'), `${JSON.stringify(configOf(models.value), undefined, 2)}\n`);
  const versions: string[] = [];
  const notes = [...models.notes, ...batching.notes, ...monitoring];
  for (const model of models.value) {
    const imported = await importModel(folder, model, batching.value);
    versions.push(...imported.versions);
    notes.push(...imported.notes);
  }
  const value = { workspace: folder, models: models.value.map(({ name }) => name), versions, notes };
  const count = `${models.value.length} models, ${versions.length} versions`;
  const lines = notes.map((note) => `  not kept: ${note}`);
  return { value, text: [`Wrote ${folder}: ${count}`, ...lines].join('\n') };
}

/** Clients find the ports that they know. */
function configOf(models: readonly ImportedModel[]): object {
  const aliases = models.filter(({ labels }) => Object.keys(labels).length > 0);
  return {
    protocols: { tensorflowServing: { http: '127.0.0.1:8501', grpc: '127.0.0.1:8500' } },
    models: Object.fromEntries(aliases.map(({ name, labels }) => [name, { aliases: labels }])),
  };
}

interface ImportedFiles {
  readonly versions: readonly string[];
  readonly notes: readonly string[];
}

async function importModel(
  workspace: string,
  { name, basePath, versions }: ImportedModel,
  batching: ImportedBatching,
): Promise<ImportedFiles> {
  const folder = join(workspace, 'models', name);
  await mkdir(folder, { recursive: true });
  const options = { versions, ...(Object.keys(batching).length > 0 && { batching }) };
  await writeFile(join(folder, 'model.yaml'), stringify(options));
  const found = await readdir(basePath).catch(() => undefined);
  if (found === undefined) {
    return {
      versions: [],
      notes: [`${name}: base_path ${quote(basePath)} is no folder here; copy its versions yourself`],
    };
  }
  const imported: string[] = [];
  const notes: string[] = [];
  for (const entry of found) {
    // TensorFlow Serving writes 00000123 for 123.
    const version = /^0*([1-9][0-9]{0,14})$/.exec(entry)?.[1];
    if (version === undefined) continue;
    const from = join(basePath, entry);
    if (await isFile(join(from, 'model.onnx'))) {
      await cp(from, join(folder, version), { recursive: true });
      imported.push(`${name}/${version}`);
    } else if (await isFile(join(from, 'saved_model.pb'))) {
      const output = join(folder, version, 'model.onnx');
      const convert = `python -m tf2onnx.convert --saved-model ${from} --output ${output}`;
      notes.push(`${name}/${version}: it is a SavedModel, which needs a conversion to ONNX: ${convert}`);
    } else notes.push(`${name}/${version}: it has neither model.onnx nor saved_model.pb`);
  }
  if (imported.length + notes.length === 0) notes.push(`${name}: its base_path has no versions`);
  return { versions: imported, notes };
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => {
    throw new ServeryError('USAGE', `Cannot read ${path}: expected a file`);
  });
}

async function requireEmpty(folder: string): Promise<void> {
  const present = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new ServeryError('USAGE', `Cannot write a workspace to ${folder}: it is not a folder`);
  });
  if (present.length > 0) throw new ServeryError('USAGE', `Cannot write a workspace to ${folder}: it is not empty`);
}
