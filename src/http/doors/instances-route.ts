/** The prediction by instances, as the doors of several protocols have it. */
import { readAnswers } from '../../core/handler-envelope.ts';
import {
  encodePredictions,
  decodeBodies,
  decodeInstances,
  type InstancesDialect,
  type InstancesForm,
} from '../../protocol/instances.ts';
import type { HttpDeps } from '../deps.ts';
import { STATUS, errorHeaders, type ErrorForm } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { explainFor, predictFor } from '../prediction.ts';

/** Clients send what they like: `curl -d` calls it a form. */
export const INSTANCES_BODY = { mediaTypes: ['application/json'], anyType: true };

export const messageOnly: ErrorForm = (error) => ({
  status: STATUS[error.code],
  body: JSON.stringify({ error: error.message }),
  headers: errorHeaders(error),
});

export function predictInstances(
  { predict, models, options }: HttpDeps,
  dialect?: InstancesDialect,
): (exchange: Exchange) => Promise<void> {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  return async (exchange) => {
    const ref = exchange.target!.model;
    if (models.describe(ref).route !== undefined) {
      const { outputs } = await predictFor(exchange, predict, ref, (known) => decodeBodies(exchange.body, known));
      exchange.json(`{"predictions":[${readAnswers(outputs).join()}]}`);
      return;
    }
    let form: InstancesForm = 'row';
    const { signature, outputs } = await predictFor(exchange, predict, ref, (known) => {
      const request = decodeInstances(exchange.body, known, limits, dialect);
      form = request.form;
      return request.tensors;
    });
    exchange.json(encodePredictions(signature, outputs, form, dialect));
  };
}

/** Why the model answers instances as it does: what its handler says of each. */
export function explainInstances({ explain, models, options }: HttpDeps): (exchange: Exchange) => Promise<void> {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  return async (exchange) => {
    const ref = exchange.target!.model;
    const isRoute = models.describe(ref).route !== undefined;
    const { body } = exchange;
    const { explanations } = await explainFor(exchange, explain, ref, (known) =>
      isRoute ? decodeBodies(body, known) : decodeInstances(body, known, limits).tensors,
    );
    exchange.json(`{"explanations":[${explanations.join()}]}`);
  };
}
