/** Triton's model repository extension: what is there, load, unload. */
import {
  checkUnloadRequest,
  decodeIndexRequest,
  decodeLoadRequest,
  repositoryIndex,
} from '../protocol/open-inference/repository.ts';
import type { HttpDeps } from './deps.ts';
import { requireName, type Route } from './route.ts';

const tag = 'Open Inference Protocol';
// The asynchronous Python client of Triton labels these bodies text/plain.
const BODY = { mediaTypes: ['application/json', 'application/octet-stream'], allowsText: true };

export function repositoryRoutes({ models, control }: HttpDeps): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v2/repository/index',
      scope: 'read',
      body: BODY,
      docs: { tag, summary: 'Every version of every model, and its state' },
      handle(exchange) {
        const { readyOnly } = decodeIndexRequest(exchange.body);
        exchange.json(JSON.stringify(repositoryIndex(models.snapshot.models, readyOnly)));
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
        await control.load(name, decodeLoadRequest(exchange.body).files);
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
        checkUnloadRequest(exchange.body);
        await control.unload(name);
        exchange.send(200, '', '');
      },
    },
  ];
}
