/**
 * KServe's first protocol: predictions and explanations by instances, the list of models, and whether one is ready.
 *
 * KServe's server speaks both of its protocols at one port, and so does a port of its own here.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import { readAnswers } from '../../core/handler-envelope.ts';
import { parseModelRef } from '../../core/model.ts';
import { encodeEvent, readEvent } from '../../protocol/cloud-events.ts';
import { decodeBodies, decodeInstances, isOneInstance, KSERVE } from '../../protocol/instances.ts';
import { failureBody } from '../../protocol/kserve.ts';
import { chunkForm, sendChunks } from '../chunks.ts';
import type { HttpDeps } from '../deps.ts';
import type { CreateDoor } from '../door.ts';
import { STATUS, errorHeaders, type ErrorForm } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { inferRoutes } from '../infer-routes.ts';
import { oipRoutes } from '../oip-routes.ts';
import { streamFor } from '../prediction.ts';
import { requireName, type Route } from '../route.ts';
import { METRICS_TYPE } from '../server-routes.ts';
import { INSTANCES_BODY, answerInstances, explainInstances, type AnswerBody } from './instances-route.ts';

const errors: ErrorForm = (error, { model, target = '' }) => ({
  status: STATUS[error.code],
  body: failureBody(error.code, error.message, model ?? target.replace(/:(predict|explain)$/, '')),
  headers: errorHeaders(error),
});

export const kserveDoor: CreateDoor = (deps, isDraining) => {
  const { models } = deps;
  const predict = inKind(answerInstances(deps, KSERVE));
  const explain = inKind(explainInstances(deps, KSERVE));
  const stream = streamer(deps);
  const get = (path: string, handle: Route['handle']): Route => ({ method: 'GET', path, scope: 'read', handle });
  const routes: readonly Route[] = [
    {
      method: 'POST',
      path: '/v1/models/:target',
      scope: 'predict',
      body: INSTANCES_BODY,
      predicts: true,
      model: ({ target = '' }) => parseModelRef(splitTarget(target).name),
      handle(exchange) {
        if (splitTarget(exchange.param('target')).verb === 'explain') return explain(exchange);
        const { streams } = models.describe(exchange.target!.model);
        // An event is answered by one, whatever the model could do.
        const isStream = streams === true && !isEvent(exchange) && isOneInstance(exchange.body);
        return isStream ? stream(exchange) : predict(exchange);
      },
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

  const own: readonly Route[] = [
    ...routes,
    { ...get('/', (exchange) => exchange.json('{"status":"alive"}')), scope: 'none' },
    {
      ...get('/metrics', async (exchange) => exchange.send(200, METRICS_TYPE, await deps.control.metrics('kserve'))),
      whileDraining: true,
    },
    ...oipRoutes(deps, isDraining),
    ...inferRoutes(deps),
    ...repositoryRoutes(deps),
  ];
  return { shared: routes, own, errors };
};

function isEvent({ headers, mediaType, body }: Exchange): boolean {
  return readEvent(headers, mediaType, body).form !== undefined;
}

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

/** The chunks of a handler that streams, as they are. */
function streamer({ stream, models, options }: HttpDeps): (exchange: Exchange) => Promise<void> {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  return (exchange) => {
    const ref = exchange.target!.model;
    const isRoute = models.describe(ref).route !== undefined;
    const chunks = streamFor(exchange, stream, ref, (known) =>
      isRoute ? decodeBodies(exchange.body, known) : decodeInstances(exchange.body, known, limits, KSERVE).tensors,
    );
    return sendChunks(exchange, chunks, chunkForm(exchange.headers.accept), (outputs) => void readAnswers(outputs));
  };
}

/** Loading and unloading, which are Triton's, with KServe's answers. */
function repositoryRoutes({ control }: HttpDeps): readonly Route[] {
  const route = (action: 'load' | 'unload'): Route => ({
    method: 'POST',
    path: `/v2/repository/models/:model/${action}`,
    scope: 'admin',
    // Its clients send none, or an empty one of whatever type.
    body: INSTANCES_BODY,
    async handle(exchange) {
      const name = requireName('model', exchange.param('model'));
      await control[action](name);
      exchange.json(JSON.stringify({ name, [action]: true }));
    },
  });
  return [route('load'), route('unload')];
}

/** `iris:predict` → `iris`, `predict`. */
function splitTarget(text: string): { readonly name: string; readonly verb: string } {
  const colon = text.lastIndexOf(':');
  const verb = text.slice(colon + 1);
  if (colon >= 1 && (verb === 'predict' || verb === 'explain')) return { name: text.slice(0, colon), verb };
  throw new ServeryError('NOT_FOUND', `There is no ${quote(text)}: expected NAME:predict`);
}
