/**
 * Vertex AI: predictions of an endpoint, below `/v1/projects/P/locations/L/endpoints`, and the contract of a container.
 *
 * Any project and location will do. Names of members and failures: `google/cloud/aiplatform/v1/prediction_service.proto`.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import {
  chooseDeployed,
  deployedModels,
  endpointResource,
  endpointNotFound,
  findDeployed,
  originHeaders,
  originOf,
  type Deployed,
  type EndpointName,
} from '../../protocol/vertex/endpoints.ts';
import { explanationsJson, readExplainBody } from '../../protocol/vertex/explain.ts';
import { failureOf } from '../../protocol/vertex/failure.ts';
import type { HttpDeps } from '../deps.ts';
import type { CreateDoor } from '../door.ts';
import { STATUS, errorHeaders, type ErrorForm } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../route.ts';
import { INSTANCES_BODY } from './instances-route.ts';
import { containerRoutes } from './vertex-container.ts';
import { directPredictor, directRawPredictor } from './vertex-direct.ts';
import { vertexPredictor, type HeadersOf } from './vertex-predict.ts';

const ENDPOINTS = 'projects/:project/locations/:location/endpoints/:target';

const errors: ErrorForm = (error) => {
  const { status, body } = failureOf(error.code, error.message, STATUS[error.code]);
  return { status, body, headers: errorHeaders(error) };
};

export const vertexDoor: CreateDoor = (deps, isDraining) => {
  const predictor = vertexPredictor(deps);
  const direct = directPredictor(deps);
  const directRaw = directRawPredictor(deps);

  async function predict(exchange: Exchange, name: EndpointName): Promise<void> {
    const deployed = choose(name);
    const { text, model } = await predictor.predict(exchange, deployed.model, exchange.body);
    exchange.json(`${text.slice(0, -1)},${JSON.stringify(originOf(name, deployed, model)).slice(1)}`);
  }

  function rawPredict(exchange: Exchange, name: EndpointName, isStream: boolean): Promise<void> {
    const deployed = choose(name);
    const headersOf: HeadersOf = (model) => Object.entries(originHeaders(name, originOf(name, deployed, model))).flat();
    const { sendRaw, sendStream } = predictor;
    return (isStream ? sendStream : sendRaw)(exchange, deployed.model, headersOf);
  }

  async function explain(exchange: Exchange, name: EndpointName): Promise<void> {
    const request = readExplainBody(exchange.body);
    const { deployedModelId: id } = request;
    const deployed = id === undefined ? choose(name) : findDeployed(deps.protocols.vertex, name, id);
    const { text, explanations, model } = await predictor.explain(exchange, deployed.model, request);
    const { deployedModelId } = originOf(name, deployed, model);
    const predictions = text.slice(1);
    exchange.json(
      `{"explanations":${explanationsJson(explanations)},"deployedModelId":"${deployedModelId}",${predictions}`,
    );
  }

  const choose = (name: EndpointName) => chooseDeployed(deps.protocols.vertex, name, Math.random());

  function answer(exchange: Exchange, name: EndpointName, verb: string): Promise<void> {
    switch (verb) {
      case 'predict':
        return predict(exchange, name);
      case 'rawPredict':
      case 'streamRawPredict':
        return rawPredict(exchange, name, verb === 'streamRawPredict');
      case 'explain':
        return explain(exchange, name);
      case 'directPredict':
        return direct(exchange, choose(name).model, false);
      case 'serverStreamingPredict':
        return direct(exchange, choose(name).model, true);
      case 'directRawPredict':
        // The endpoint has to be one.
        deps.models.describe(choose(name).model);
        return directRaw(exchange);
      default:
        throw new ServeryError('NOT_FOUND', `Method not found: ${quote(exchange.param('target'))}`);
    }
  }

  const routesOf = (version: string): readonly Route[] => [
    {
      method: 'POST',
      path: `/${version}/${ENDPOINTS}`,
      scope: 'predict',
      body: INSTANCES_BODY,
      predicts: true,
      isRoomCheckedLater: true,
      async handle(exchange) {
        const { name, verb } = asked(exchange);
        try {
          await answer(exchange, name, verb);
        } catch (error) {
          throw inItsWords(error, name);
        }
      },
    },
    {
      method: 'GET',
      path: `/${version}/${ENDPOINTS}`,
      scope: 'read',
      handle: (exchange) => sendEndpoint(deps, exchange),
    },
    notFound('GET', `/${version}/projects/*`),
    notFound('POST', `/${version}/projects/*`),
  ];
  const routes = [...routesOf('v1'), ...routesOf('v1beta1'), ...containerRoutes(deps, isDraining)];
  return { shared: routes, own: routes, errors };
};

function notFound(method: Route['method'], path: string): Route {
  return {
    method,
    path,
    scope: 'read',
    handle() {
      throw new ServeryError('NOT_FOUND', 'Method not found.', {
        hint: 'Predictions are at projects/PROJECT/locations/LOCATION/endpoints/ENDPOINT:predict.',
      });
    },
  };
}

interface Asked {
  readonly name: EndpointName;
  readonly verb: string;
}

/** `…/endpoints/iris:predict` → its name, `predict`. */
function asked(exchange: Exchange): Asked {
  const target = exchange.param('target');
  const colon = target.lastIndexOf(':');
  const endpoint = colon === -1 ? target : target.slice(0, colon);
  const location = `projects/${exchange.param('project')}/locations/${exchange.param('location')}`;
  return { name: { location, endpoint }, verb: colon === -1 ? '' : target.slice(colon + 1) };
}

function sendEndpoint({ models, protocols, options }: HttpDeps, exchange: Exchange): void {
  const { name } = asked(exchange);
  const deployed = deployedModels(protocols.vertex, name);
  const describe = ({ model }: Deployed) => {
    try {
      return models.describe(model).model;
    } catch (error) {
      throw inItsWords(error, name);
    }
  };
  const described = deployed.map((entry) => [entry, describe(entry)] as const);
  const resource = endpointResource(name, described, new Date(performance.timeOrigin));
  const { host } = exchange.headers;
  // Clients ask a dedicated endpoint by HTTPS only.
  const isDedicated = options.tls !== undefined && host !== undefined;
  const dedicated = isDedicated ? { dedicatedEndpointEnabled: true, dedicatedEndpointDns: host } : {};
  exchange.json(JSON.stringify({ ...resource, ...dedicated }));
}

function inItsWords(error: unknown, name: EndpointName): unknown {
  const isUnknown = error instanceof ServeryError && error.code === 'MODEL_NOT_FOUND';
  return isUnknown ? endpointNotFound(name) : error;
}
