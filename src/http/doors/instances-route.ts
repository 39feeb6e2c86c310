/** The prediction by instances, as the doors of several protocols have it. */
import {
  encodePredictions,
  decodeInstances,
  type InstancesDialect,
  type InstancesForm,
} from '../../protocol/instances.ts';
import type { HttpDeps } from '../deps.ts';
import { STATUS, errorHeaders, type ErrorForm } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { predictFor } from '../prediction.ts';

/** Clients send what they like: `curl -d` calls it a form. */
export const INSTANCES_BODY = { mediaTypes: ['application/json'], anyType: true };

export const messageOnly: ErrorForm = (error) => ({
  status: STATUS[error.code],
  body: JSON.stringify({ error: error.message }),
  headers: errorHeaders(error),
});

export function predictInstances(
  { predict, options }: HttpDeps,
  dialect?: InstancesDialect,
): (exchange: Exchange) => Promise<void> {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  return async (exchange) => {
    let form: InstancesForm = 'row';
    const { signature, outputs } = await predictFor(exchange, predict, exchange.target!.model, (known) => {
      const request = decodeInstances(exchange.body, known, limits, dialect);
      form = request.form;
      return request.tensors;
    });
    exchange.json(encodePredictions(signature, outputs, form, dialect));
  };
}
