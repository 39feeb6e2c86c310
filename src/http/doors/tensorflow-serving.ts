/**
 * TensorFlow Serving over HTTP: predictions, status and metadata below `/v1/models`.
 *
 * Paths and texts of failures: its `model_servers/http_rest_api_handler.cc`. Labels are aliases.
 */
import { ServeryError } from '../../core/errors.ts';
import { isModelName, parseVersion, type ModelRef } from '../../core/model.ts';
import { decodeExamples, encodeResults, type ExamplesRequest } from '../../protocol/tensorflow-serving/examples.ts';
import type { ExampleMethod } from '../../protocol/tensorflow-serving/method-signature.ts';
import {
  encodePredictions,
  type FindSignature,
  type InstancesDialect,
  type InstancesForm,
} from '../../protocol/instances.ts';
import { signatureView, type SignatureView } from '../../protocol/tensorflow-serving/named-signatures.ts';
import { decodePrediction, requestDialect } from '../../protocol/tensorflow-serving/request-json.ts';
import { scalarsAsRows, type ScalarRows } from '../../protocol/tensorflow-serving/scalars.ts';
import { bare, inItsWords as inWords, noVersions, servableNotFound } from '../../protocol/tensorflow-serving/words.ts';
import { metadataJson, statusJson } from '../../protocol/tensorflow-serving.ts';
import type { HttpDeps } from '../deps.ts';
import type { CreateDoor } from '../door.ts';
import type { Exchange } from '../exchange.ts';
import { predictFor } from '../prediction.ts';
import type { Method, Route } from '../route.ts';
import { splitUrl } from '../router.ts';
import { METRICS_TYPE } from '../server-routes.ts';
import { INSTANCES_BODY, answerInstances, messageOnly } from './instances-route.ts';

const METHODS_OF_NO_CALL: readonly Method[] = ['PUT', 'PATCH', 'DELETE'];
const METHODS: readonly Method[] = ['GET', 'POST', ...METHODS_OF_NO_CALL];

const PLACES = ['/v1/models/:name', '/v1/models/:name/versions/:version', '/v1/models/:name/labels/:label'];

export const tensorflowServingDoor: CreateDoor = (deps) => {
  const predict = inItsWords((exchange) => sendPredictions(deps, exchange));
  const answerExamples = (exchange: Exchange, method: ExampleMethod) =>
    inItsWords((asked) => sendResults(deps, asked, method))(exchange);
  const post = (path: string): Route => {
    const handle = (exchange: Exchange) => {
      const { verb } = splitTarget(exchange.param('target'), 'POST');
      return verb === 'predict' ? predict(exchange) : answerExamples(exchange, verb);
    };
    // The last part of the path is what its place says, and the method.
    const kind = path.endsWith('/versions/:target') ? 'version' : path.endsWith('/labels/:target') ? 'label' : 'name';
    const model = (params: PathParams) => {
      const asked = `POST ${filled(path, params)}`;
      return refOf({ ...params, [kind]: splitTarget(params.target, asked).target }, asked);
    };
    return { method: 'POST', path, scope: 'predict', body: INSTANCES_BODY, predicts: true, model, handle };
  };
  const get = (path: string, handle: Route['handle']): Route => {
    const model = (params: PathParams) => refOf(params, `GET ${filled(path, params)}`);
    return { method: 'GET', path, scope: 'read', model, handle };
  };
  const of = (path: string): readonly Route[] => [
    get(
      path,
      inItsWords((exchange) => sendStatus(deps, exchange), noVersions),
    ),
    get(
      `${path}/metadata`,
      inItsWords((exchange) => sendMetadata(deps, exchange)),
    ),
  ];
  const refuse = (path: string, methods = METHODS): readonly Route[] =>
    methods.map((method) => ({
      method,
      path,
      scope: 'read',
      handle: ({ request: { url = '' } }) => {
        const isList = method === 'GET' && splitUrl(url).path.toLowerCase() === '/v1/models';
        if (isList) throw new ServeryError('INVALID_REQUEST', 'Missing model name in request.');
        throw malformed(`${method} ${splitUrl(url).path}`);
      },
    }));
  const routes: readonly Route[] = [
    post('/v1/models/:target'),
    post('/v1/models/:name/versions/:target'),
    post('/v1/models/:name/labels/:target'),
    ...PLACES.flatMap(of),
    {
      method: 'GET',
      path: '/monitoring/prometheus/metrics',
      scope: 'read',
      whileDraining: true,
      async handle(exchange) {
        exchange.send(200, METRICS_TYPE, await deps.control.metrics('tensorflow-serving'));
      },
    },
    // Of a path that is known, the other methods.
    ...PLACES.flatMap((path) => [
      ...refuse(path, METHODS_OF_NO_CALL),
      ...refuse(`${path}/metadata`, ['POST', ...METHODS_OF_NO_CALL]),
    ]),
    ...refuse('/v1/models'),
    ...refuse('/v1/models/*'),
  ];
  // What else begins so belongs to other systems, where they share a port.
  return { shared: routes, own: [...routes, ...refuse('/v1/*')], errors: messageOnly, isAnyCase: true };
};

const VERBS = ['predict', 'classify', 'regress'] as const;

interface Target {
  readonly target: string;
  readonly verb: 'predict' | ExampleMethod;
}

type PathParams = Readonly<Record<string, string>>;

/** The path that the parameters were taken from. */
function filled(path: string, params: PathParams): string {
  return path.replace(/:([a-z]+)/g, (_place, name: string) => params[name] ?? '');
}

function malformed(asked: string): ServeryError {
  const [method = '', path = ''] = asked.split(' ', 2);
  return new ServeryError('INVALID_REQUEST', `Malformed request: ${method} ${bare(path)}`, {
    hint: 'Post to /v1/models/NAME:predict.',
  });
}

/** `iris:predict` → `iris`, `predict`. */
function splitTarget(text = '', asked: string): Target {
  const colon = text.lastIndexOf(':');
  const verb = VERBS.find((known) => known === text.slice(colon + 1).toLowerCase());
  if (colon < 1 || verb === undefined) throw malformed(asked);
  return { target: text.slice(0, colon), verb };
}

const MAX_INT64 = 2n ** 63n - 1n;

function refOf({ name = '', version, label }: Readonly<Record<string, string | undefined>>, asked: string): ModelRef {
  const hasColon = name.includes(':') || label?.includes(':') === true;
  if (hasColon || (version !== undefined && !/^[0-9]+$/.test(version))) throw malformed(asked);
  if (version !== undefined && BigInt(version) > MAX_INT64) {
    throw new ServeryError('INVALID_REQUEST', `Failed to convert version: ${bare(version)} to numeric.`);
  }
  const number = version === undefined ? undefined : parseVersion(version);
  if (!isModelName(name)) throw servableNotFound({ name, ...(number !== undefined && { version: number }) });
  if (label !== undefined) return { name, alias: label };
  if (version === undefined) return { name };
  if (number === undefined) throw servableNotFound({ name, version: Number(version) });
  return { name, version: number };
}

function inItsWords(handle: Route['handle'], notFound = servableNotFound): (exchange: Exchange) => Promise<void> {
  return async (exchange) => {
    try {
      await handle(exchange);
    } catch (error) {
      throw inWords(error, exchange.target!.model, notFound);
    }
  };
}

function dialectOf({ protocols }: HttpDeps): InstancesDialect {
  return requestDialect(protocols.tensorflowServing.profile !== 'strict');
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
  let scalars: ScalarRows | undefined;
  const { outputs } = await predictFor(exchange, predict, exchange.target!.model, (known) => {
    const find: FindSignature = (name) => (view = signatureView(known, name))?.signature;
    const request = decodePrediction(exchange.body, find, limits, dialect);
    form = request.form;
    scalars = scalarsAsRows(view!.signature, request.tensors);
    return view!.complete(scalars.tensors);
  });
  exchange.json(encodePredictions(view!.signature, scalars!.restore(view!.pick(outputs)), form, dialect));
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
  if (found.length === 0) throw noVersions(ref);
  const statuses = found.map(({ version, state, reason, key }) => {
    return { version, reason, isLive: key !== undefined, isLoading: state === 'loading' };
  });
  exchange.json(statusJson(statuses));
}

function sendMetadata({ models }: HttpDeps, exchange: Exchange): void {
  const { model, signature } = models.describe(exchange.target!.model);
  exchange.json(metadataJson(model.name, model.version, signature));
}
