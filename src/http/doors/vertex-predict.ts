/** A prediction by `{"instances": …, "parameters": …}`, whoever says which model. */
import type { ModelRef } from '../../core/model.ts';
import { bindInstances, readPredictBody } from '../../protocol/vertex/predict.ts';
import type { Prediction } from '../../serving/predict.ts';
import type { HttpDeps } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { predictFor } from '../prediction.ts';

export type PredictInstances = (exchange: Exchange, ref: ModelRef, body: Uint8Array) => Promise<Prediction>;

export function instancesPredictor({ predict, models, options }: HttpDeps): PredictInstances {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  return async (exchange, ref, body) => {
    const refusal = models.refusalNow(ref);
    if (refusal !== undefined) {
      exchange.model = refusal.model;
      throw refusal.error;
    }
    const request = readPredictBody(body);
    const { parameters } = request;
    return predictFor(exchange, predict, ref, (signature) => bindInstances(request, signature, limits), { parameters });
  };
}
