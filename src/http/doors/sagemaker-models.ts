/**
 * SageMaker's multi-model API, on a port of its own: the platform loads and unloads models by itself.
 *
 * It puts the files of a model in `ROOT/NAME/model` and names that folder. A model is loaded from nowhere else, so
 * that whoever may load models may not read files.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ServeryError, quote } from '../../core/errors.ts';
import { notThereYet } from '../../models/snapshot.ts';
import { decodeText, isJsonObject, parseJson } from '../../protocol/json.ts';
import type { HttpDeps } from '../deps.ts';
import { STATUS, errorHeaders, type ErrorForm } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { Query } from '../query.ts';
import { requireName, type Route } from '../route.ts';
import { INVOCATION_BODY, invoker } from './sagemaker-invoke.ts';

const MOST_LISTED = 100;
const ARTIFACT = 'model.onnx';
/** What containers with one worker for each model say. */
const LOADED = 'Workers scaled';

/** As Amazon's multi-model server has it: its types are the names of exceptions, which clients compare. */
const modelErrors: ErrorForm = (error) => {
  const status = STATUS[error.code];
  return {
    status,
    body: JSON.stringify({
      code: status,
      type: EXCEPTIONS[status] ?? 'InternalServerException',
      message: error.message,
    }),
    headers: errorHeaders(error),
  };
};

const EXCEPTIONS: Readonly<Record<number, string>> = {
  400: 'BadRequestException',
  404: 'ModelNotFoundException',
  409: 'ConflictStatusException',
  413: 'BadRequestException',
  415: 'BadRequestException',
  503: 'ServiceUnavailableException',
  504: 'RequestTimeoutException',
  507: 'OutOfMemoryError',
};

export function multiModelRoutes(deps: HttpDeps): readonly Route[] {
  const { control, protocols } = deps;
  const { modelsRoot, memoryBudgetBytes } = protocols.sagemaker;
  const invoke = invoker(deps);
  const root = resolve(modelsRoot);
  const folderOf = (name: string) => join(root, name, 'model');
  const described = (modelName: string) => ({ modelName, modelUrl: folderOf(modelName) });

  /** Known also to the other front ends, unlike what this one has seen of the models. */
  async function loaded(): Promise<readonly string[]> {
    const models = await control.listModels();
    return models.filter(({ versions }) => versions.some(({ live }) => live)).map(({ name }) => name);
  }

  async function requireLoaded(name: string): Promise<void> {
    if (!(await loaded()).includes(name)) throw notLoaded(deps, name);
  }

  async function load(exchange: Exchange): Promise<void> {
    const { model_name: said, url } = readMembers(exchange);
    if (typeof url !== 'string') throw new ServeryError('INVALID_REQUEST', 'Parameter url is required.');
    const name = requireName('model', typeof said === 'string' ? said : undefined);
    const folder = folderOf(name);
    if (resolve(url) !== folder) {
      throw new ServeryError('INVALID_REQUEST', 'Cannot load the model: expected its folder below the root of models', {
        hint: 'The folder is NAME/model below `protocols.sagemaker.modelsRoot`.',
      });
    }
    const before = await loaded();
    if (before.includes(name)) throw new ServeryError('CONFLICT', `Model ${name} is already registered.`);
    const [wanted, ...used] = await Promise.all([name, ...before].map((other) => sizeOf(folderOf(other))));
    if (wanted === undefined) {
      throw new ServeryError('DATA_NOT_FOUND', `Model not found in model store: ${name} has no ${ARTIFACT}`);
    }
    const bytes = used.reduce<number>((sum, size) => sum + (size ?? 0), wanted);
    if (memoryBudgetBytes !== undefined && bytes > memoryBudgetBytes) {
      const problem = `with it the models have ${bytes} bytes, and ${memoryBudgetBytes} are allowed`;
      throw new ServeryError('STORAGE_FULL', `Cannot load model ${quote(name)}: ${problem}`);
    }
    const known = (await control.listModels()).some((model) => model.name === name);
    await control.load(name, known ? undefined : await filesOf(folder));
    exchange.json(JSON.stringify({ status: LOADED }));
  }

  async function list(exchange: Exchange): Promise<void> {
    const query = new Query(exchange);
    const limit = count(query.text('limit')) ?? MOST_LISTED;
    const from = count(query.text('next_page_token')) ?? 0;
    const names = [...(await loaded())].sort();
    const end = from + Math.min(limit, MOST_LISTED);
    exchange.json(
      JSON.stringify({
        models: names.slice(from, end).map(described),
        ...(end < names.length && { nextPageToken: String(end) }),
      }),
    );
  }

  const route = (method: Route['method'], path: string, handle: Route['handle']): Route => {
    return { method, path, scope: method === 'GET' ? 'read' : 'admin', errors: modelErrors, handle };
  };
  return [
    { ...route('POST', '/models', load), body: { mediaTypes: ['application/json'], anyType: true } },
    route('GET', '/models', list),
    route('GET', '/models/:model', async (exchange) => {
      const name = exchange.param('model');
      await requireLoaded(name);
      exchange.json(JSON.stringify(described(name)));
    }),
    route('DELETE', '/models/:model', async (exchange) => {
      const name = exchange.param('model');
      await requireLoaded(name);
      await control.unload(name);
      exchange.json(JSON.stringify({ status: `Model "${name}" unregistered` }));
    }),
    {
      ...route('POST', '/models/:model/invoke', async (exchange) => {
        const { name } = exchange.target!.model;
        if (deps.models.snapshot.models.every((model) => model.name !== name)) throw notLoaded(deps, name);
        const { type, body } = await invoke(exchange, { name });
        exchange.send(200, type, body);
      }),
      scope: 'predict',
      body: INVOCATION_BODY,
      predicts: true,
    },
  ];
}

/** Of a body in JSON, or of the query, where there is none. */
function readMembers(exchange: Exchange): Readonly<Record<string, unknown>> {
  const query = new Query(exchange);
  if (exchange.body.length === 0) return { model_name: query.text('model_name'), url: query.text('url') };
  const document = parseJson(decodeText(exchange.body));
  return isJsonObject(document) ? document : {};
}

/** What is no number is as if it were not there. */
function count(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

function notLoaded({ models }: HttpDeps, name: string): ServeryError {
  if (!models.snapshot.complete) return notThereYet(`Model ${quote(name)} is not loaded`);
  return new ServeryError('MODEL_NOT_FOUND', `Model not found: ${name}`);
}

/** @returns undefined when there is no artifact */
async function sizeOf(folder: string): Promise<number | undefined> {
  const { size } = (await stat(join(folder, ARTIFACT)).catch(() => undefined)) ?? {};
  return size;
}

/** All files of the folder, as those of a first version. */
async function filesOf(folder: string): Promise<Readonly<Record<string, Uint8Array>>> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [`1/${name}`, await readFile(join(folder, name))] as const)),
  );
}
