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

/** JSON text that answers a body. */
export type AnswerBody = (exchange: Exchange, body: Uint8Array) => Promise<string>;

/** `{"instances": […]}` → `{"predictions": […]}`; instances for a handler with a route of its own are bodies. */
export function answerInstances({ predict, models, options }: HttpDeps, dialect?: InstancesDialect): AnswerBody {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  return async (exchange, body) => {
    const ref = exchange.target!.model;
    if (models.describe(ref).route !== undefined) {
      const { outputs } = await predictFor(exchange, predict, ref, (known) => decodeBodies(body, known));
      return `{"predictions":[${readAnswers(outputs).join()}]}`;
    }
    let form: InstancesForm = 'row';
    const { signature, outputs } = await predictFor(exchange, predict, ref, (known) => {
      const request = decodeInstances(body, known, limits, dialect);
      form = request.form;
      return request.tensors;
    });
    return encodePredictions(signature, outputs, form, dialect);
  };
}

/** Why the model answers instances as it does: `{"explanations": […]}`, what its handler says of each. */
export function explainInstances({ explain, models, options }: HttpDeps, dialect: InstancesDialect): AnswerBody {
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };
  return async (exchange, body) => {
    const ref = exchange.target!.model;
    const isRoute = models.describe(ref).route !== undefined;
    const { explanations } = await explainFor(exchange, explain, ref, (known) =>
      isRoute ? decodeBodies(body, known) : decodeInstances(body, known, limits, dialect).tensors,
    );
    return `{"explanations":[${explanations.join()}]}`;
  };
}
