/** What Vertex AI asks of a model container: whether it is well, and predictions, on the routes that it names. */
import type { HttpDeps } from '../deps.ts';
import type { Route } from '../route.ts';
import { INSTANCES_BODY, messageOnly } from './instances-route.ts';
import { onlyModel } from './only-model.ts';
import { vertexPredictor } from './vertex-predict.ts';

export function containerRoutes(deps: HttpDeps, isDraining: () => boolean): readonly Route[] {
  const { models, protocols } = deps;
  const { healthRoute, predictRoute, model } = protocols.vertex;
  const { predict } = vertexPredictor(deps);

  const routes: Route[] = [];
  if (healthRoute !== undefined) {
    routes.push({
      method: 'GET',
      path: healthRoute,
      scope: 'none',
      errors: messageOnly,
      whileDraining: true,
      handle(exchange) {
        const isReady = models.snapshot.ready && !isDraining();
        exchange.send(isReady ? 200 : 503, 'application/json', `{"status":"${isReady ? 'healthy' : 'unhealthy'}"}`);
      },
    });
  }
  if (predictRoute !== undefined) {
    routes.push({
      method: 'POST',
      path: predictRoute,
      scope: 'predict',
      body: INSTANCES_BODY,
      predicts: true,
      isRoomCheckedLater: true,
      errors: messageOnly,
      async handle(exchange) {
        const { text } = await predict(exchange, onlyModel(deps, model, 'protocols.vertex.model'), exchange.body);
        exchange.json(text);
      },
    });
  }
  return routes;
}
