/** What SageMaker asks of a model container: whether it is well, an invocation, and how a batch transform should call. */
import type { HttpDeps } from '../deps.ts';
import type { Route } from '../route.ts';
import { messageOnly } from './instances-route.ts';
import { onlyModel } from './only-model.ts';
import { INVOCATION_BODY, invoker } from './sagemaker-invoke.ts';

const MIB = 1024 * 1024;
/** What the platform sends at most by default, and what it allows to be in flight at once. */
const USUAL_PAYLOAD_MIB = 6;

export interface ContainerRoutes {
  readonly ping: Route;
  readonly container: readonly Route[];
}

export function containerRoutes(deps: HttpDeps, isDraining: () => boolean): ContainerRoutes {
  const { models, protocols, options } = deps;
  const { model, maxConcurrentTransforms } = protocols.sagemaker;
  const invoke = invoker(deps);

  const ping: Route = {
    method: 'GET',
    path: '/ping',
    scope: 'none',
    errors: messageOnly,
    whileDraining: true,
    handle(exchange) {
      const isReady = models.snapshot.ready && !isDraining();
      exchange.send(isReady ? 200 : 503, 'application/json', `{"status":"${isReady ? 'Healthy' : 'Unhealthy'}"}`);
    },
  };
  const invocations: Route = {
    method: 'POST',
    path: '/invocations',
    scope: 'predict',
    body: INVOCATION_BODY,
    predicts: true,
    isRoomCheckedLater: true,
    errors: messageOnly,
    async handle(exchange) {
      const { type, body } = await invoke(exchange, onlyModel(deps, model, 'protocols.sagemaker.model'));
      exchange.send(200, type, body);
    },
  };
  const parameters: Route = {
    method: 'GET',
    path: '/execution-parameters',
    scope: 'none',
    errors: messageOnly,
    handle(exchange) {
      const payload = Math.max(1, Math.min(USUAL_PAYLOAD_MIB, Math.floor(options.maxBodyBytes / MIB)));
      const said = {
        MaxConcurrentTransforms: maxConcurrentTransforms,
        BatchStrategy: 'MULTI_RECORD',
        MaxPayloadInMB: payload,
      };
      exchange.json(JSON.stringify(said));
    },
  };
  return { ping, container: [invocations, parameters] };
}
