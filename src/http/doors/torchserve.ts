/**
 * TorchServe's inference API: predictions with any body, its descriptions and its health.
 *
 * Texts and types of failures, and what is asked of a path: its `http/api/rest/InferenceRequestHandler.java` and
 * `ApiDescriptionRequestHandler.java`. Its port for metrics is a port of its own here too.
 */
import { ServeryError } from '../../core/errors.ts';
import type { ModelRef } from '../../core/model.ts';
import type { Signature } from '../../core/signature.ts';
import { version as ownVersion } from '../../core/package-info.ts';
import { describeApi, describeModelApi } from '../../protocol/torchserve/description.ts';
import { failureOf } from '../../protocol/torchserve/failure.ts';
import { readTorchServeRef } from '../../protocol/torchserve/model-ref.ts';
import { decodeInferRequest } from '../../protocol/open-inference/infer-request.ts';
import { bindInferRequest } from '../../protocol/open-inference/bind-request.ts';
import {
  MODEL_NAME,
  decodeBody,
  decodeFields,
  formField,
  readQuery,
  type AnswerForm,
} from '../../protocol/torchserve/request.ts';
import { asItsWriter, onlyMetrics } from '../../protocol/torchserve/metrics.ts';
import {
  answerOfHandler,
  encodeAnswer,
  encodeExplanations,
  encodeTensorExplanations,
  healthJson,
  prettyJson,
  type TorchServeAnswer,
} from '../../protocol/torchserve/response.ts';
import { BODY_CHUNKS, sendChunks } from '../chunks.ts';
import type { HttpDeps } from '../deps.ts';
import type { CreateDoor } from '../door.ts';
import { STATUS, errorHeaders, type ErrorForm } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { explainFor, predictFor, streamFor, type CallOptions } from '../prediction.ts';
import { inferRoutes } from '../infer-routes.ts';
import { oipRoutes } from '../oip-routes.ts';
import type { Method, Route } from '../route.ts';
import { splitPath, splitUrl } from '../router.ts';
import { METRICS_TYPE } from '../server-routes.ts';

const JSON_TYPE = 'application/json';
/** Its handlers read whatever comes: an image, a form, JSON. */
const ANY_BODY = { mediaTypes: [JSON_TYPE], anyType: true };
/** It looks at the path alone. */
const METHODS: readonly Method[] = ['POST', 'PUT', 'GET'];
const PATHS = (call: string) => [`/${call}/:name`, `/${call}/:name/:version`];
/** What stands behind the version is for the handler. */
const LONGER_PATH = (call: string) => `/${call}/:name/:version/*`;

export const torchserveDoor: CreateDoor = (deps, isDraining) => {
  const predict = named(predictAny(deps));
  const explain = named(explainAny(deps));
  const call = (name: string, handle: Route['handle']): readonly Route[] =>
    [...PATHS(name), LONGER_PATH(name)].flatMap((path) =>
      METHODS.map((method): Route => ({
        method,
        path,
        scope: 'predict',
        body: ANY_BODY,
        predicts: true,
        model: refOf,
        handle,
      })),
    );
  const ping = (method: Method): Route => ({
    method,
    path: '/ping',
    scope: 'none',
    whileDraining: true,
    handle(exchange) {
      const isHealthy = deps.models.snapshot.ready && !isDraining();
      exchange.nameRequest();
      exchange.send(isHealthy ? 200 : 500, JSON_TYPE, healthJson(isHealthy));
    },
  });
  const shared = [...call('predictions', predict), ...call('explanations', explain), ping('GET')];
  const describe = (method: Method, path: string): Route => ({
    method,
    path,
    scope: 'none',
    handle: (exchange) => exchange.json(prettyJson(describeApi(ownVersion))),
  });
  const own: readonly Route[] = [
    ...shared,
    ping('POST'),
    ping('PUT'),
    ...otherNames(deps, predict, explain),
    ...inferRoutes(deps),
    explainTensors(deps),
    metricsRoute(deps),
    ...oipRoutes(deps, isDraining),
    describe('OPTIONS', '/'),
    describe('GET', '/api-description'),
    ...PATHS('predictions').map((path): Route => ({
      method: 'OPTIONS',
      path,
      scope: 'read',
      model: refOf,
      handle(exchange) {
        const { model } = deps.models.describe(exchange.target!.model);
        exchange.json(prettyJson(describeModelApi(model.name)));
      },
    })),
  ];
  return { shared, own, metrics: [metricsRoute(deps)], errors: inItsWords(deps) };
};

/** What is said of a request, its id says too. */
function named(handle: Route['handle']): Route['handle'] {
  return (exchange) => {
    exchange.nameRequest();
    return handle(exchange);
  };
}

/** Other paths of the same calls: KServe's, SageMaker's, and those of its first versions. */
function otherNames(deps: HttpDeps, predict: Route['handle'], explain: Route['handle']): readonly Route[] {
  const { models } = deps;
  const call = (method: Method, path: string, model: NonNullable<Route['model']>, handle = predict): Route => ({
    method,
    path,
    scope: 'predict',
    body: ANY_BODY,
    predicts: true,
    model,
    handle,
  });
  const verbOf = (target: string) => /:(predict|explain)$/.exec(target)?.[1];
  return [
    call(
      'POST',
      '/v1/models/:target',
      ({ target = '' }) => {
        if (verbOf(target) === undefined) throw new ServeryError('NOT_FOUND', 'There is no such call');
        return refOf({ name: target.slice(0, target.lastIndexOf(':')) });
      },
      (exchange) => (verbOf(exchange.param('target')) === 'explain' ? explain : predict)(exchange),
    ),
    {
      method: 'GET',
      path: '/v1/models/:name',
      scope: 'read',
      model: refOf,
      handle(exchange) {
        const { model } = models.describe(exchange.target!.model);
        exchange.json(prettyJson({ name: model.name, ready: true }));
      },
    },
    ...METHODS.flatMap((method): readonly Route[] => [
      call(method, '/models/:name/invoke', refOf),
      call(method, '/:name/predict', refOf),
      call(method, '/:name/:version/predict', refOf),
      {
        method,
        path: '/invocations',
        scope: 'predict',
        body: ANY_BODY,
        predicts: true,
        isRoomCheckedLater: true,
        handle: named((exchange) => predictAny(deps, invokedModel(deps, exchange))(exchange)),
      },
    ]),
  ];
}

/** By the query, by a field of a form, or the only one that there is. */
function invokedModel({ models }: HttpDeps, { query, body, headers }: Exchange): ModelRef {
  const [only, ...others] = models.snapshot.models;
  const name =
    new URLSearchParams(query).get('model_name') ??
    (others.length === 0 ? only?.name : undefined) ??
    formField(body, headers['content-type'] ?? '', MODEL_NAME);
  if (name !== undefined && name !== '') return refOf({ name });
  throw new ServeryError('INVALID_REQUEST', 'Parameter model_name is required.');
}

/** KServe's second protocol has predictions alone; TorchServe has this beside it. */
function explainTensors({ explain, models, options }: HttpDeps): Route {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  const handle: Route['handle'] = async (exchange) => {
    const ref = exchange.target!.model;
    if (models.describe(ref).explains !== true) throw noExplainer();
    const request = decodeInferRequest(exchange.body, undefined, limits);
    const { explanations } = await explainFor(exchange, explain, ref, (signature, { name }) =>
      bindInferRequest(request, signature, name),
    );
    exchange.json(encodeTensorExplanations(exchange.model!, request, explanations));
  };
  return {
    method: 'POST',
    path: '/v2/models/:model/explain',
    scope: 'predict',
    body: ANY_BODY,
    predicts: true,
    handle: named(handle),
  };
}

/** Its port for metrics: ours and its names, or those that `name[]` asks for. */
function metricsRoute({ control }: HttpDeps): Route {
  return {
    method: 'GET',
    path: '/metrics',
    scope: 'read',
    whileDraining: true,
    async handle(exchange) {
      const text = await control.metrics('torchserve');
      const names = new Set(new URLSearchParams(exchange.query).getAll('name[]'));
      exchange.send(200, METRICS_TYPE, asItsWriter(names.size === 0 ? text : onlyMetrics(text, names)));
    },
  };
}

/** @param invoked the model, where the path does not name it */
function predictAny({ predict, stream, models, options }: HttpDeps, invoked?: ModelRef): Route['handle'] {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  return async (exchange) => {
    const ref = invoked ?? exchange.target!.model;
    const { body, headers, query } = exchange;
    const parameters = handlerParameters(exchange);
    let form: AnswerForm = 'one';
    const { route, streams } = models.describe(ref);
    const isOwnRoute = route !== undefined;
    const decode = (known: Signature) => {
      const request =
        body.length === 0 && query !== '' && !isOwnRoute
          ? decodeFields(readQuery(query), known, limits)
          : decodeBody(body, isOwnRoute ? '' : (headers['content-type'] ?? ''), known, limits);
      form = request.form;
      return request.tensors;
    };
    const send = ({ contentType, body: text }: TorchServeAnswer) => exchange.send(200, contentType, text);
    if (streams === true) {
      const chunks = streamFor(exchange, stream, ref, decode, { parameters });
      return sendChunks(exchange, chunks, BODY_CHUNKS, (outputs) => send(answerOfHandler(outputs)));
    }
    const { signature, outputs, rows } = await predictFor(exchange, predict, ref, decode, { parameters });
    send(isOwnRoute ? answerOfHandler(outputs) : encodeAnswer(signature, outputs, rows, form));
  };
}

/** What its handlers find as the header `url_path` of a request. */
function handlerParameters({ request: { url = '' }, target }: Exchange): CallOptions['parameters'] {
  if (target!.route.path.endsWith('/*') !== true) return undefined;
  const path = splitPath(splitUrl(url).path).slice(3).join('/');
  return { url_path: path };
}

function noExplainer(): ServeryError {
  // TorchServe finds that out when it calls the handler.
  return new ServeryError('HANDLER_FAILED', 'Cannot explain: the model has no explainer');
}

function explainAny({ explain, models, options }: HttpDeps): Route['handle'] {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  return async (exchange) => {
    const ref = exchange.target!.model;
    const { body, headers } = exchange;
    const { route, explains } = models.describe(ref);
    if (explains !== true) throw noExplainer();
    let form: AnswerForm = 'one';
    const { explanations } = await explainFor(exchange, explain, ref, (known) => {
      const contentType = route === undefined ? (headers['content-type'] ?? '') : '';
      const request = decodeBody(body, contentType, known, limits);
      form = request.form;
      return request.tensors;
    });
    const { contentType, body: text } = encodeExplanations(explanations, form);
    exchange.send(200, contentType, text);
  };
}

function refOf({ name = '', version }: Readonly<Record<string, string | undefined>>): ModelRef {
  return readTorchServeRef(name, version);
}

function inItsWords({ models }: HttpDeps): ErrorForm {
  return (error, params) => {
    const { version, target, model } = params;
    const name = params.name ?? model ?? target?.slice(0, target.lastIndexOf(':'));
    const isKnown = models.snapshot.models.some((known) => known.name === name);
    const asked = name === undefined ? undefined : { name, version, isKnown };
    const { type, message } = failureOf(error, asked);
    const status = statusOf(error);
    return { status, body: prettyJson({ code: status, type, message }), headers: errorHeaders(error) };
  };
}

function statusOf({ code }: ServeryError): number {
  switch (code) {
    // Its tokens are wrong as a parameter is wrong.
    case 'UNAUTHENTICATED':
    case 'FORBIDDEN':
    case 'UNSUPPORTED_MEDIA_TYPE':
    case 'UNSUPPORTED_ENCODING':
      return 400;
    case 'DEADLINE_EXCEEDED':
      return 408;
    case 'MODEL_FAILED':
    case 'HANDLER_FAILED':
      return 503;
    default:
      return STATUS[code];
  }
}
