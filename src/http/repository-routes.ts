/** Triton's model repository extension: what is there, load, unload. */
import { ServeryError } from '../core/errors.ts';
import type { HttpDeps } from './deps.ts';
import { readObject, unfitMember } from './json-body.ts';
import { indexView } from './model-views.ts';
import { requireName, type Route } from './route.ts';

const tag = 'Open Inference Protocol';
// The asynchronous Python client of Triton labels these bodies text/plain.
const BODY = { mediaTypes: ['application/json', 'application/octet-stream'], allowsText: true };
const FILE = /^file:([1-9][0-9]{0,14})\/model\.onnx$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

export function repositoryRoutes({ models, control }: HttpDeps): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v2/repository/index',
      scope: 'read',
      body: BODY,
      docs: { tag, summary: 'Every version of every model, and its state' },
      handle(exchange) {
        const { ready = false } = readObject(exchange.body);
        if (typeof ready !== 'boolean') throw unfitMember('ready', 'true or false');
        exchange.json(JSON.stringify(indexView(models.snapshot, ready)));
      },
    },
    {
      method: 'POST',
      path: '/v2/repository/models/:model/load',
      scope: 'admin',
      body: BODY,
      docs: { tag, summary: 'Load a model, with the files in the body if there are any' },
      async handle(exchange) {
        const name = requireName('model', exchange.param('model'));
        await control.load(name, readFiles(readObject(exchange.body)));
        exchange.send(200, '', '');
      },
    },
    {
      method: 'POST',
      path: '/v2/repository/models/:model/unload',
      scope: 'admin',
      body: BODY,
      docs: { tag, summary: 'Unload a model, until it is loaded again' },
      async handle(exchange) {
        const name = requireName('model', exchange.param('model'));
        readObject(exchange.body);
        await control.unload(name);
        exchange.send(200, '', '');
      },
    },
  ];
}

/** `parameters` of a load: `file:VERSION/model.onnx` → base64. Nothing else: code is never taken from a request. */
function readFiles({ parameters = {} }: Readonly<Record<string, unknown>>): Record<string, Uint8Array> | undefined {
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters)) {
    throw unfitMember('parameters', 'an object');
  }
  const files: Record<string, Uint8Array> = {};
  for (const [key, value] of Object.entries(parameters)) {
    if (key === 'config') refuseConfig(value);
    else if (key.startsWith('file:')) files[key.slice(5)] = readFile(key, value);
  }
  return Object.keys(files).length === 0 ? undefined : files;
}

function readFile(key: string, value: unknown): Uint8Array {
  if (!FILE.test(key)) {
    throw new ServeryError('INVALID_REQUEST', 'Cannot load the file: expected "file:VERSION/model.onnx"', {
      hint: 'A handler is code: put it into the workspace, it is never loaded from a request.',
    });
  }
  if (typeof value !== 'string' || value.length % 4 !== 0 || !BASE64.test(value)) {
    throw unfitMember('file:VERSION/model.onnx', 'base64');
  }
  return Buffer.from(value, 'base64');
}

function refuseConfig(value: unknown): void {
  // Clients that send files must send a configuration with them; one that says nothing changes nothing.
  if (typeof value === 'string' && /^\s*\{\s*\}\s*$/.test(value)) return;
  throw new ServeryError('UNSUPPORTED', 'Cannot override the configuration of a model in a load', {
    hint: 'Write it into `model.yaml` beside the versions: it is read again within a second.',
  });
}
