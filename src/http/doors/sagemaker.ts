/**
 * SageMaker: the calls of its runtime below `/endpoints`, and the contract of a model container.
 *
 * Names of headers, members and failures: the service model `sagemaker-runtime/2017-05-13`.
 */
import { presentedKey } from '../../core/api-keys.ts';
import { wallClock } from '../../core/clock.ts';
import { ServeryError } from '../../core/errors.ts';
import { chooseModel, endpointNotFound, variantNotFound, type Chosen } from '../../protocol/sagemaker/endpoints.ts';
import { payloadParts } from '../../protocol/sagemaker/event-frames.ts';
import { failureOf } from '../../protocol/sagemaker/failure.ts';
import { checkSignature } from '../../protocol/sagemaker/signature.ts';
import type { HttpDeps } from '../deps.ts';
import type { CreateDoor } from '../door.ts';
import { STATUS, errorHeaders, type ErrorForm } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../route.ts';
import { splitUrl } from '../router.ts';
import { acceptor } from './sagemaker-async.ts';
import { containerRoutes } from './sagemaker-container.ts';
import { EVENT_STREAM, INVOCATION_BODY, invoker, streamer, textHeader } from './sagemaker-invoke.ts';
import { multiModelRoutes } from './sagemaker-models.ts';

const VARIANT = 'x-amzn-invoked-production-variant';

const runtimeErrors: ErrorForm = (error) => {
  const { type, status, body } = failureOf(error.code, error.message, STATUS[error.code]);
  return { status, body, headers: ['x-amzn-errortype', type, ...errorHeaders(error)] };
};

export const sagemakerDoor: CreateDoor = (deps, isDraining) => {
  const { accessKeys } = deps.protocols.sagemaker;
  const invoke = invoker(deps);
  const stream = streamer(deps);

  const call = (operation: string, answer: (exchange: Exchange, chosen: Chosen) => Promise<void>): Route => ({
    method: 'POST',
    path: `/endpoints/:endpoint/${operation}`,
    // A signature stands in for an API key, and can be checked only with the body.
    scope: accessKeys.length > 0 ? 'none' : 'predict',
    body: INVOCATION_BODY,
    errors: runtimeErrors,
    async handle(exchange) {
      exchange.addHeader('x-amzn-requestid', exchange.requestId);
      requireSignature(deps, exchange);
      checkMembers(exchange);
      const chosen = choose(deps, exchange);
      await inItsWords(exchange, chosen, () => answer(exchange, chosen));
    },
  });
  const prediction = (operation: string, answer: Parameters<typeof call>[1]): Route => ({
    ...call(operation, async (exchange, chosen) => {
      requireRoom(deps, exchange, chosen);
      await answer(exchange, chosen);
    }),
    predicts: true,
    isRoomCheckedLater: true,
  });

  const runtime = [
    prediction('invocations', async (exchange, { model, variant }) => {
      const { type, body } = await invoke(exchange, model);
      exchange.send(200, type, body, [VARIANT, variant]);
    }),
    prediction('invocations-response-stream', async (exchange, { model, variant }) => {
      if (deps.models.describe(model).streams === true) {
        exchange.addHeader(VARIANT, variant);
        return stream(exchange, model);
      }
      const { type, body } = await invoke(exchange, model);
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      exchange.send(200, EVENT_STREAM, payloadParts(bytes), ['x-amzn-sagemaker-content-type', type, VARIANT, variant]);
    }),
    { ...call('async-invocations', acceptor(deps)), errors: asyncErrors },
  ];
  const { ping, container } = containerRoutes(deps, isDraining);
  const { container: isContainer } = deps.protocols.sagemaker;
  return {
    // On the port that all share, TorchServe's says the same.
    shared: [...runtime, ...(deps.protocols.torchserve.enabled ? [] : [ping]), ...(isContainer ? container : [])],
    own: [...runtime, ping, ...container, ...multiModelRoutes(deps)],
    errors: runtimeErrors,
  };
};

/** A request that the client must change is its own fault here: nothing was passed on to a model. */
const asyncErrors: ErrorForm = (error, params) => {
  if (error.code !== 'INVALID_REQUEST' && error.code !== 'UNSUPPORTED') return runtimeErrors(error, params);
  const { type, status, body } = failureOf('MODEL_NOT_FOUND', error.message, 400);
  return { status, body, headers: ['x-amzn-errortype', type] };
};

/** What the server sends to itself (asynchronous invocations) was signed when it came. */
function requireSignature({ protocols, keys }: HttpDeps, exchange: Exchange): void {
  const { accessKeys } = protocols.sagemaker;
  if (accessKeys.length === 0 || keys.isOwner(presentedKey(exchange.headers.authorization, undefined))) return;
  checkSignature(accessKeys, signedRequest(exchange), wallClock.now());
}

function choose({ protocols }: HttpDeps, exchange: Exchange): Chosen {
  const wanted = {
    endpoint: exchange.param('endpoint'),
    variant: textHeader(exchange, 'target-variant'),
    targetModel: textHeader(exchange, 'target-model'),
  };
  return chooseModel(protocols.sagemaker, wanted, Math.random());
}

const UNKNOWN: Readonly<Record<string, string>> = {
  'target-container-hostname': 'The endpoint has no containers that could be called directly.',
  'inference-component': 'The endpoint has no inference components.',
  'enable-explanations': 'The endpoint has no explainer.',
  'session-id': 'The endpoint has no stateful sessions.',
};

/** Members that are passed on or passed over, and how long they may be. */
const LONGEST: Readonly<Record<string, number>> = { 'custom-attributes': 1024, 'inference-id': 64 };

/** What would change the answer, and is not there, is refused rather than passed over. */
function checkMembers(exchange: Exchange): void {
  for (const [name, longest] of Object.entries(LONGEST)) {
    const text = textHeader(exchange, name) ?? 'none';
    if (text.length >= 1 && text.length <= longest && /^[\x20-\x7e]*$/.test(text)) continue;
    const problem = `X-Amzn-SageMaker-${name} must have 1 to ${longest} printable characters.`;
    throw new ServeryError('MODEL_NOT_FOUND', problem);
  }
  for (const [name, problem] of Object.entries(UNKNOWN)) {
    if (textHeader(exchange, name) !== undefined) throw new ServeryError('MODEL_NOT_FOUND', problem);
  }
}

function requireRoom({ models }: HttpDeps, exchange: Exchange, { model }: Chosen): void {
  const refusal = models.refusalNow(model);
  if (refusal === undefined) return;
  exchange.model = refusal.model;
  throw refusal.error;
}

async function inItsWords<T>(exchange: Exchange, { model, variant }: Chosen, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'MODEL_NOT_FOUND') throw error;
    const endpoint = exchange.param('endpoint');
    throw model.alias === undefined ? endpointNotFound(endpoint) : variantNotFound(endpoint, variant);
  }
}

function signedRequest({ request, headers, body }: Exchange) {
  const { method = '', url = '' } = request;
  return { method, ...splitUrl(url), headers, body };
}
