/** KServe's first protocol: predictions by instances, the list of models, and whether one is ready. */
import { ServeryError, quote } from '../../core/errors.ts';
import { parseModelRef } from '../../core/model.ts';
import type { CreateDoor } from '../door.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../route.ts';
import { INSTANCES_BODY, explainInstances, messageOnly, predictInstances } from './instances-route.ts';

export const kserveDoor: CreateDoor = (deps) => {
  const { models } = deps;
  const predict = predictInstances(deps);
  const explain = explainInstances(deps);
  const get = (path: string, handle: Route['handle']): Route => ({ method: 'GET', path, scope: 'read', handle });
  const routes: readonly Route[] = [
    {
      method: 'POST',
      path: '/v1/models/:target',
      scope: 'predict',
      body: INSTANCES_BODY,
      predicts: true,
      model: ({ target = '' }) => parseModelRef(splitTarget(target).name),
      handle: (exchange) =>
        splitTarget(exchange.param('target')).verb === 'predict' ? predict(exchange) : explain(exchange),
    },
    get('/v1/models', (exchange) =>
      exchange.json(JSON.stringify({ models: models.snapshot.models.map(({ name }) => name) })),
    ),
    get('/v1/models/:model', sendReadiness),
  ];

  function sendReadiness(exchange: Exchange): void {
    const { model } = models.describe(exchange.target!.model);
    exchange.json(JSON.stringify({ name: model.name, ready: true }));
  }

  const alive: Route = { ...get('/', (exchange) => exchange.json('{"status":"alive"}')), scope: 'none' };
  return { shared: routes, own: [...routes, alive], errors: messageOnly };
};

/** `iris:predict` → `iris`, `predict`. */
function splitTarget(text: string): { readonly name: string; readonly verb: string } {
  const colon = text.lastIndexOf(':');
  const verb = text.slice(colon + 1);
  if (colon >= 1 && (verb === 'predict' || verb === 'explain')) return { name: text.slice(0, colon), verb };
  throw new ServeryError('NOT_FOUND', `There is no ${quote(text)}: expected NAME:predict`);
}
