/** What Vertex AI asks of a model container: whether it is well, and predictions, on the routes that it names. */
import { ServeryError } from '../../core/errors.ts';
import { parseModelRef, type ModelRef } from '../../core/model.ts';
import type { HttpDeps } from '../deps.ts';
import type { Route } from '../route.ts';
import { INSTANCES_BODY, messageOnly } from './instances-route.ts';
import { vertexPredictor } from './vertex-predict.ts';

export function containerRoutes(deps: HttpDeps, isDraining: () => boolean): readonly Route[] {
  const { models, protocols } = deps;
  const { healthRoute, predictRoute, model } = protocols.vertex;
  const { predict } = vertexPredictor(deps);

  const modelRef = (): ModelRef => {
    if (model !== undefined) return parseModelRef(model);
    const [only, ...others] = models.snapshot.models;
    if (only !== undefined && others.length === 0) return { name: only.name };
    const problem = only === undefined ? 'there is no model' : `there are ${others.length + 1} models`;
    throw new ServeryError('MODEL_NOT_FOUND', `Cannot tell which model is asked: ${problem}`, {
      hint: 'Set `protocols.vertex.model`.',
    });
  };

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
        const { text } = await predict(exchange, modelRef(), exchange.body);
        exchange.json(text);
      },
    });
  }
  return routes;
}
