/** KServe's first protocol: predictions and explanations by instances, the list of models, and whether one is ready. */
import { ServeryError, quote } from '../../core/errors.ts';
import { parseModelRef } from '../../core/model.ts';
import { encodeEvent, readEvent } from '../../protocol/cloud-events.ts';
import type { CreateDoor } from '../door.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../route.ts';
import { INSTANCES_BODY, answerInstances, explainInstances, messageOnly, type AnswerBody } from './instances-route.ts';

export const kserveDoor: CreateDoor = (deps) => {
  const { models } = deps;
  const predict = inKind(answerInstances(deps));
  const explain = inKind(explainInstances(deps));
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

/** What comes as a CloudEvent is answered as one. */
function inKind(answer: AnswerBody): (exchange: Exchange) => Promise<void> {
  return async (exchange) => {
    const { data, form } = readEvent(exchange.headers, exchange.mediaType, exchange.body);
    const text = await answer(exchange, data);
    if (form === undefined) return exchange.json(text);
    const { contentType, body, headers } = encodeEvent(text, exchange.target!.model.name, form);
    exchange.send(200, contentType, body, headers);
  };
}

/** `iris:predict` → `iris`, `predict`. */
function splitTarget(text: string): { readonly name: string; readonly verb: string } {
  const colon = text.lastIndexOf(':');
  const verb = text.slice(colon + 1);
  if (colon >= 1 && (verb === 'predict' || verb === 'explain')) return { name: text.slice(0, colon), verb };
  throw new ServeryError('NOT_FOUND', `There is no ${quote(text)}: expected NAME:predict`);
}
