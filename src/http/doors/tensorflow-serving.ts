/**
 * TensorFlow Serving over HTTP: predictions, status and metadata below `/v1/models`.
 *
 * Paths and texts of failures: its `model_servers/http_rest_api_handler.cc`. Labels are aliases.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import { isModelName, parseVersion, type ModelRef } from '../../core/model.ts';
import { decodeExamples, encodeResults, type ExamplesRequest } from '../../protocol/tensorflow-serving/examples.ts';
import type { ExampleMethod } from '../../protocol/tensorflow-serving/method-signature.ts';
import {
  decodeInstances,
  encodePredictions,
  type FindSignature,
  type InstancesDialect,
  type InstancesForm,
} from '../../protocol/instances.ts';
import { signatureView, type SignatureView } from '../../protocol/tensorflow-serving/named-signatures.ts';
import { TENSORFLOW_SERVING_JSON } from '../../protocol/tensorflow-serving/lax-json.ts';
import { inItsWords as inWords, servableNotFound } from '../../protocol/tensorflow-serving/words.ts';
import { metadataJson, statusJson } from '../../protocol/tensorflow-serving.ts';
import type { HttpDeps } from '../deps.ts';
import type { CreateDoor } from '../door.ts';
import type { Exchange } from '../exchange.ts';
import { predictFor } from '../prediction.ts';
import type { Method, Route } from '../route.ts';
import { METRICS_TYPE } from '../server-routes.ts';
import { INSTANCES_BODY, answerInstances, messageOnly } from './instances-route.ts';

const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export const tensorflowServingDoor: CreateDoor = (deps) => {
  const predict = inItsWords((exchange) => sendPredictions(deps, exchange));
  const answerExamples = (exchange: Exchange, method: ExampleMethod) =>
    inItsWords((asked) => sendResults(deps, asked, method))(exchange);
  const post = (path: string): Route => {
    const handle = (exchange: Exchange) => {
      const { verb } = splitTarget(exchange.param('target'));
      return verb === 'predict' ? predict(exchange) : answerExamples(exchange, verb);
    };
    // The last part of the path is what its place says, and the method.
    const kind = path.endsWith('/versions/:target') ? 'version' : path.endsWith('/labels/:target') ? 'label' : 'name';
    const model = (params: Readonly<Record<string, string>>) =>
      refOf({ ...params, [kind]: splitTarget(params.target).target });
    return { method: 'POST', path, scope: 'predict', body: INSTANCES_BODY, predicts: true, model, handle };
  };
  const get = (path: string, handle: Route['handle']): Route => {
    return { method: 'GET', path, scope: 'read', model: refOf, handle: inItsWords(handle) };
  };
  const of = (path: string): readonly Route[] => [
    get(path, (exchange) => sendStatus(deps, exchange)),
    get(`${path}/metadata`, (exchange) => sendMetadata(deps, exchange)),
  ];
  const refuse = (path: string, problem: (exchange: Exchange) => string): readonly Route[] =>
    METHODS.map((method) => ({
      method,
      path,
      scope: 'read',
      handle: (exchange) => {
        throw new ServeryError('INVALID_REQUEST', problem(exchange));
      },
    }));
  const routes: readonly Route[] = [
    post('/v1/models/:target'),
    post('/v1/models/:name/versions/:target'),
    post('/v1/models/:name/labels/:target'),
    ...of('/v1/models/:name'),
    ...of('/v1/models/:name/versions/:version'),
    ...of('/v1/models/:name/labels/:label'),
    {
      method: 'GET',
      path: '/monitoring/prometheus/metrics',
      scope: 'read',
      whileDraining: true,
      async handle(exchange) {
        exchange.send(200, METRICS_TYPE, await deps.control.metrics('tensorflow-serving'));
      },
    },
    ...refuse('/v1/models', () => 'Missing model name in request.'),
    ...refuse('/v1/models/*', ({ request: { method = '', url = '' } }) => `Malformed request: ${method} ${quote(url)}`),
  ];
  return { shared: routes, own: routes, errors: messageOnly };
};

const VERBS = ['predict', 'classify', 'regress'] as const;

interface Target {
  readonly target: string;
  readonly verb: 'predict' | ExampleMethod;
}

/** `iris:predict` → `iris`, `predict`. */
function splitTarget(text = ''): Target {
  const colon = text.lastIndexOf(':');
  const verb = VERBS.find((known) => known === text.slice(colon + 1).toLowerCase());
  if (colon < 1 || verb === undefined) {
    throw new ServeryError('INVALID_REQUEST', `Malformed request: ${quote(text)} names no method`, {
      hint: 'Post to /v1/models/NAME:predict.',
    });
  }
  return { target: text.slice(0, colon), verb };
}

function refOf({ name = '', version, label }: Readonly<Record<string, string | undefined>>): ModelRef {
  if (!isModelName(name)) throw servableNotFound({ name });
  if (label !== undefined) return { name, alias: label };
  if (version === undefined) return { name };
  const number = parseVersion(version);
  if (number !== undefined) return { name, version: number };
  throw new ServeryError('INVALID_REQUEST', `Failed to convert version: ${quote(version)} to numeric`);
}

function inItsWords(handle: Route['handle']): (exchange: Exchange) => Promise<void> {
  return async (exchange) => {
    try {
      await handle(exchange);
    } catch (error) {
      throw inWords(error, exchange.target!.model);
    }
  };
}

function dialectOf({ protocols }: HttpDeps): InstancesDialect | undefined {
  return protocols.tensorflowServing.profile === 'strict' ? undefined : TENSORFLOW_SERVING_JSON;
}

async function sendPredictions(deps: HttpDeps, exchange: Exchange): Promise<void> {
  const { predict, models, options } = deps;
  const dialect = dialectOf(deps);
  if (models.describe(exchange.target!.model).route !== undefined) {
    // Its bodies have no tensors that a signature could name.
    exchange.json(await answerInstances(deps, dialect)(exchange, exchange.body));
    return;
  }
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  let form: InstancesForm = 'row';
  let view: SignatureView | undefined;
  const { outputs } = await predictFor(exchange, predict, exchange.target!.model, (known) => {
    const find: FindSignature = (name) => (view = signatureView(known, name))?.signature;
    const request = decodeInstances(exchange.body, find, limits, dialect);
    form = request.form;
    return view!.complete(request.tensors);
  });
  exchange.json(encodePredictions(view!.signature, view!.pick(outputs), form, dialect));
}

async function sendResults(deps: HttpDeps, exchange: Exchange, method: ExampleMethod): Promise<void> {
  const { predict, options } = deps;
  const dialect = dialectOf(deps);
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  let asked: ExamplesRequest | undefined;
  const { outputs } = await predictFor(exchange, predict, exchange.target!.model, (known) => {
    asked = decodeExamples(exchange.body, method, known, limits, dialect);
    return asked.tensors;
  });
  const { view, output } = asked!;
  exchange.json(encodeResults(view.signature, view.pick(outputs), output, method, dialect));
}

function sendStatus({ models }: HttpDeps, exchange: Exchange): void {
  const ref = exchange.target!.model;
  const { versions } = models.entry(ref.name);
  const wanted = ref.alias === undefined ? ref.version : models.describe(ref).model.version;
  const found = versions.filter(({ version }) => wanted === undefined || version === wanted);
  if (found.length === 0) throw servableNotFound(ref);
  const statuses = found.map(({ version, state, reason, key }) => {
    return { version, reason, isLive: key !== undefined, isLoading: state === 'loading' };
  });
  exchange.json(statusJson(statuses));
}

function sendMetadata({ models }: HttpDeps, exchange: Exchange): void {
  const { model, signature } = models.describe(exchange.target!.model);
  exchange.json(metadataJson(model.name, model.version, signature));
}
