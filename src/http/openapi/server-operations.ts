/**
 * What the built-in routes take and give, beside what the table of routes says of them.
 *
 * By method and path, as in that table; a test holds the two together.
 */
import type { MediaType, Parameter, Response } from './document.ts';
import { JOB_DESCRIPTIONS } from './job-operations.ts';
import { componentRef, objectOf, type Schema } from './json-schema.ts';

export interface RouteDescription {
  /** Schema of a JSON body; the other media types of the route have bodies of their own. */
  readonly body?: Schema;
  readonly bodyExample?: unknown;
  /** The body may be left out. */
  readonly isBodyOptional?: boolean;
  readonly parameters?: readonly Parameter[];
  /** By status. */
  readonly answers: Readonly<Record<string, Response>>;
  /** Statuses of the failures that are worth telling apart. */
  readonly failures: readonly number[];
}

const NAME = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
/** Of 15 digits. */
const LARGEST_VERSION = 999_999_999_999_999;

const json = (schema: string, description: string): Record<string, Response> => ({
  200: { description, content: { 'application/json': { schema: componentRef(schema) } } },
});
const EMPTY: Record<string, Response> = { 200: { description: 'Done.' } };

export const LABELS: Parameter = {
  name: 'labels',
  in: 'query',
  required: false,
  description: 'Classes by name: `label: "setosa"`, `probabilities.setosa`.',
  schema: { type: 'boolean', default: false },
};

export const PREDICTION_FAILURES = [400, 404, 413, 415, 500, 501, 503, 504];

const HEADER_LENGTH = 'Inference-Header-Content-Length';

export const STREAMED: Readonly<Record<string, MediaType>> = Object.fromEntries(
  ['text/plain', 'text/event-stream', 'application/x-ndjson', 'application/octet-stream'].map((type) => [
    type,
    { schema: {} },
  ]),
);

/** A body of JSON with binary tensors after it. */
export const BINARY_BODY: MediaType = {
  schema: {
    description:
      `JSON and then binary tensors: the header \`${HEADER_LENGTH}\` gives the bytes of the JSON. ` +
      'With 0 the body is the only tensor of the request.',
  },
};

export const INFER_ANSWERS: Record<string, Response> = {
  200: {
    description: 'The outputs; in binary where that was asked for.',
    headers: {
      [HEADER_LENGTH]: {
        description: 'Bytes of JSON at the beginning, when binary tensors follow.',
        schema: { type: 'integer' },
      },
    },
    content: {
      'application/json': { schema: componentRef('InferResponse') },
      'application/octet-stream': { schema: {} },
    },
  },
};

const infer: RouteDescription = {
  body: componentRef('InferRequest'),
  answers: INFER_ANSWERS,
  failures: PREDICTION_FAILURES,
};
const predict: RouteDescription = {
  body: componentRef('PredictRequest'),
  parameters: [LABELS],
  answers: predictAnswers(componentRef('PredictResponse')),
  failures: PREDICTION_FAILURES,
};
const stream: RouteDescription = {
  body: objectOf({ row: { description: 'A row, or the body of a handler with a route of its own.' } }),
  answers: { 200: { description: 'The answer bit by bit, in the form that Accept names.', content: STREAMED } },
  failures: PREDICTION_FAILURES,
};
const read = (schema: string, description: string, ...failures: number[]): RouteDescription => ({
  answers: json(schema, description),
  failures,
});
const readModel = (schema: string, description: string) => read(schema, description, 404, 503);
const aliasChange = { answers: json('ModelSummary', 'The model after the change.'), failures: [400, 404, 409] };

export const DESCRIPTIONS: Readonly<Record<string, RouteDescription>> = {
  'POST /models/:model/predict': predict,
  'POST /models/:model/versions/:version/predict': predict,
  'POST /models/:model/stream': stream,
  'POST /models/:model/versions/:version/stream': stream,
  'POST /v2/models/:model/infer': infer,
  'POST /v2/models/:model/versions/:version/infer': infer,
  'GET /v2': read('ServerMetadata', 'The server.'),
  'GET /v2/health/live': read('ServerLive', 'It is alive.'),
  'GET /v2/health/ready': read('ServerReady', 'It is ready.', 503),
  'GET /v2/models': read('ModelNames', 'The names.'),
  'GET /v2/models/stats': read('ModelStatistics', 'Since each version was loaded.'),
  'GET /v2/models/:model': readModel('ModelMetadata', 'The signature.'),
  'GET /v2/models/:model/versions/:version': readModel('ModelMetadata', 'The signature.'),
  'GET /v2/models/:model/ready': readModel('ModelReady', 'It is ready.'),
  'GET /v2/models/:model/versions/:version/ready': readModel('ModelReady', 'It is ready.'),
  'GET /v2/models/:model/config': readModel('ModelConfig', 'The configuration, in the words of Triton.'),
  'GET /v2/models/:model/versions/:version/config': readModel(
    'ModelConfig',
    'The configuration, in the words of Triton.',
  ),
  'GET /v2/models/:model/stats': readModel('ModelStatistics', 'Since each version was loaded.'),
  'GET /v2/models/:model/versions/:version/stats': readModel('ModelStatistics', 'Since the version was loaded.'),
  'POST /v2/repository/index': {
    body: objectOf({}, { optional: { ready: { type: 'boolean', description: 'Only what is ready.' } }, open: true }),
    isBodyOptional: true,
    answers: json('RepositoryIndex', 'Versions and states.'),
    failures: [400, 413, 415],
  },
  'POST /v2/repository/models/:model/load': {
    body: objectOf(
      {},
      {
        optional: {
          parameters: {
            type: 'object',
            properties: { config: { type: 'string', pattern: '^\\s*\\{\\s*\\}\\s*$' } },
            patternProperties: {
              '^file:[1-9][0-9]{0,14}/model\\.onnx$': { type: 'string', contentEncoding: 'base64' },
            },
            description: 'Files to publish first: `file:VERSION/model.onnx`.',
          },
        },
        open: true,
      },
    ),
    isBodyOptional: true,
    answers: EMPTY,
    failures: [400, 404, 409, 413, 415, 501, 503],
  },
  'POST /v2/repository/models/:model/unload': {
    body: { type: 'object' },
    isBodyOptional: true,
    answers: EMPTY,
    failures: [400, 404, 413, 415],
  },
  'GET /api/models': read('ModelList', 'The models.'),
  'GET /api/models/:model': read('ModelDetails', 'The model.', 404),
  'PUT /api/models/:model/aliases/:alias': {
    ...aliasChange,
    body: objectOf({ version: { type: 'integer', minimum: 1, maximum: LARGEST_VERSION } }, { open: true }),
    bodyExample: { version: 1 },
  },
  'DELETE /api/models/:model/aliases/:alias': aliasChange,
  'POST /api/models/:model/rollback': {
    ...aliasChange,
    body: objectOf({}, { optional: { alias: nameSchema() }, open: true }),
    isBodyOptional: true,
  },
  ...JOB_DESCRIPTIONS,
  'GET /metrics': {
    answers: { 200: { description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } } },
    failures: [],
  },
  'GET /openapi.json': {
    answers: {
      200: { description: 'This document.', content: { 'application/json': { schema: { type: 'object' } } } },
    },
    failures: [],
  },
  'GET /docs': {
    answers: {
      200: { description: 'A page for a browser.', content: { 'text/html': { schema: { type: 'string' } } } },
    },
    failures: [],
  },
  'GET /': { answers: { 302: { description: 'To /docs.' } }, failures: [] },
};

/** A row of the plain door in each line. */
export function ndjson(example?: string): MediaType {
  const shown = example === undefined ? '' : `: \`${example.trim()}\``;
  // Not as an example of its own: some tools then want to make such bodies, and cannot.
  return { schema: { type: 'string', description: `A row as JSON in each line${shown}` } };
}

/** Rows in each form; which one it is depends on the form of the request. */
export function predictAnswers(schema: Schema): Record<string, Response> {
  const text: MediaType = { schema: { type: 'string' } };
  return {
    200: {
      description: 'The rows, in the form of the request.',
      content: { 'application/json': { schema }, 'application/x-ndjson': text, 'text/csv': text },
    },
  };
}

function nameSchema(): Schema {
  return { type: 'string', pattern: `^${NAME}$` };
}

/** The parameters in the path of a built-in route. */
export function pathParameters(path: string): readonly Parameter[] {
  // What a route changes, and what has a version, is named by its name alone.
  const takesAlias = !/:version|:alias|\/(load|unload|rollback)$/.test(path);
  const model = takesAlias
    ? { description: 'A model: `NAME` or `NAME@ALIAS`.', schema: { type: 'string', pattern: `^${NAME}(@${NAME})?$` } }
    : { description: 'The name of a model.', schema: nameSchema() };
  const known: Readonly<Record<string, Pick<Parameter, 'description' | 'schema'>>> = {
    model,
    version: { description: 'A version.', schema: { type: 'integer', minimum: 1, maximum: LARGEST_VERSION } },
    alias: { description: 'The name of an alias.', schema: nameSchema() },
    job: { description: 'The name of a job.', schema: nameSchema() },
    run: { description: 'The id of a run.', schema: { type: 'string', minLength: 1 } },
    backfill: { description: 'The id of a backfill.', schema: { type: 'string', minLength: 1 } },
  };
  return Array.from(path.matchAll(/:(\w+)/g), ([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    ...known[name]!,
  }));
}
