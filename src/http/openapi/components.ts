/** What many operations share: schemas of answers that do not depend on a model, and the errors. */
import { ERROR_CATALOG } from '../../core/errors.ts';
import type { Response } from './document.ts';
import { anyInferRequest } from './infer-schemas.ts';
import { JOB_SCHEMAS } from './job-schemas.ts';
import { componentRef, listOf, objectOf, type Schema } from './json-schema.ts';

const text = { type: 'string' };
const flag = { type: 'boolean' };
const count = { type: 'integer', minimum: 0 };
const version = { type: 'integer', minimum: 1 };
const mapOf = (values: Schema): Schema => ({ type: 'object', additionalProperties: values });
const sizes = listOf({ type: 'integer', minimum: -1 });

const countAndNs = objectOf({ count, ns: count });
const tensor = objectOf({ name: text, datatype: text, shape: sizes });
const configTensor = objectOf({ name: text, data_type: text, dims: sizes });
const answeredTensor = objectOf(
  { name: text, datatype: text, shape: listOf(count) },
  {
    optional: {
      data: listOf({ type: ['number', 'string', 'boolean', 'null'] }),
      parameters: componentRef('Parameters'),
    },
  },
);
const versionState = { enum: ['loading', 'ready', 'stuck', 'failed', 'unloading', 'unloaded'] };
const costs = listOf(objectOf({ rows: count, runMs: { type: 'number' } }));
const spec = objectOf({ name: text, datatype: text, shape: listOf({ type: ['integer', 'null'] }) }, { open: true });

const summary = {
  name: text,
  defaultVersion: { type: ['integer', 'null'] },
  aliases: mapOf(objectOf({ version, pending: flag, previous: { type: ['integer', 'null'] } })),
  versions: listOf(objectOf({ version, state: versionState, reason: text, live: flag })),
  unloaded: flag,
};

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: {
    ...objectOf(
      {
        error: { type: 'string', description: 'What was expected and what came.' },
        code: { type: 'string', description: 'For programs.', examples: Object.keys(ERROR_CATALOG).slice(0, 3) },
        hint: { type: 'string', description: 'What to do about it.' },
      },
      { open: true },
    ),
    description: 'Every failure has this form.',
  },
  PredictRequest: objectOf({
    rows: {
      ...listOf({ type: ['object', 'array'], description: 'An object by feature, or a list in their order.' }),
      minItems: 1,
    },
  }),
  PredictResponse: objectOf({ model: text, version, rows: listOf({ type: 'object' }) }),
  Parameters: mapOf({ type: ['string', 'number', 'boolean'] }),
  InferParameters: {
    type: 'object',
    properties: {
      priority: { type: 'integer', minimum: 0, description: 'Has no effect: there is one queue.' },
      binary_data_output: { type: 'boolean', description: 'Answer all outputs in binary, after the JSON.' },
    },
    additionalProperties: { type: ['string', 'number', 'boolean'] },
    description:
      '`timeout`: most microseconds in the queue; 0 is no limit. What the protocol does not know goes to the model.',
  },
  InferRequest: anyInferRequest(),
  InferResponse: objectOf(
    { model_name: text, model_version: text, outputs: listOf(answeredTensor) },
    { optional: { id: text, parameters: componentRef('Parameters') } },
  ),
  ServerMetadata: objectOf({ name: text, version: text, extensions: listOf(text) }),
  ServerLive: objectOf({ live: flag }),
  ServerReady: objectOf({ ready: flag }),
  ModelReady: objectOf({ name: text, ready: flag }),
  ModelNames: objectOf({ models: listOf(text) }),
  ModelMetadata: objectOf({
    name: text,
    versions: listOf(text),
    platform: text,
    inputs: listOf(tensor),
    outputs: listOf(tensor),
  }),
  ModelConfig: objectOf(
    {
      name: text,
      platform: text,
      backend: text,
      max_batch_size: count,
      input: listOf(configTensor),
      output: listOf(configTensor),
    },
    { open: true },
  ),
  ModelStatistics: objectOf({
    model_stats: listOf(
      objectOf(
        {
          name: text,
          version: text,
          last_inference: count,
          inference_count: count,
          execution_count: count,
          inference_stats: mapOf(countAndNs),
          batch_stats: listOf(
            objectOf({
              batch_size: count,
              compute_input: countAndNs,
              compute_infer: countAndNs,
              compute_output: countAndNs,
            }),
          ),
        },
        { open: true },
      ),
    ),
  }),
  RepositoryIndex: listOf(objectOf({ name: text, state: text, reason: text }, { optional: { version: text } })),
  ModelSummary: objectOf(summary, { open: true }),
  ModelList: objectOf({ models: listOf(componentRef('ModelSummary')) }),
  ModelDetails: objectOf(
    {
      ...summary,
      notes: listOf(text),
      resolved: listOf(
        objectOf(
          {
            version,
            platform: text,
            signature: objectOf({ inputs: listOf(spec), outputs: listOf(spec), batched: flag }),
            batching: objectOf({ maxRows: count, latencyBudgetMs: { type: 'number' }, maxQueuedRows: count }),
            batchable: flag,
            minRows: count,
            placement: text,
            costs,
            notes: listOf(text),
            exampleRows: listOf({ type: 'object' }),
          },
          { open: true },
        ),
      ),
    },
    { open: true },
  ),
  ...JOB_SCHEMAS,
};

const error = { 'application/json': { schema: componentRef('Error') } };
const retryAfter = { 'Retry-After': { description: 'Seconds until trying again is worth it.', schema: count } };

/** Answers that are errors, by status. */
const FAILURES: Readonly<Record<string, Response>> = {
  400: { description: 'The request or a value in it is not right.', content: error },
  401: { description: 'The request brings no key that is known.', content: error },
  403: { description: 'The key lacks the scope, or the host or origin is not allowed.', content: error },
  404: { description: 'There is no such model, version, alias, job, run or path.', content: error },
  405: { description: 'The path has no such method.', content: error },
  409: { description: 'The present state does not allow it.', content: error },
  413: { description: 'The body, or a tensor in it, is larger than the server takes.', content: error },
  415: { description: 'The content type or encoding of the body is not one that is read.', content: error },
  500: { description: 'The model failed, or the server.', content: error },
  501: { description: 'The protocol has it and this server does not.', content: error },
  503: {
    description: 'The queue is full, the model is not ready, or there are too many streams.',
    content: error,
    headers: retryAfter,
  },
  504: { description: 'The deadline has passed.', content: error },
  default: { description: 'Any other failure.', content: error },
};

const componentName = (status: string): string => (status === 'default' ? 'Failure' : `Failure${status}`);

export const RESPONSES: Readonly<Record<string, Response>> = Object.fromEntries(
  Object.entries(FAILURES).map(([status, response]) => [componentName(status), response]),
);

/** References to the failures with these statuses, and to the default. */
export function failures(...statuses: readonly number[]): Record<string, { readonly $ref: string }> {
  return Object.fromEntries(
    [...statuses, 'default'].map((status) => [
      status,
      { $ref: `#/components/responses/${componentName(String(status))}` },
    ]),
  );
}
