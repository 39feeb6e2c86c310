/** The description of its inference API that TorchServe gives to whoever asks. */

const body = (description: string) => ({
  description,
  content: { '*/*': { schema: { type: 'string', format: 'binary' } } },
});
const problem = (description: string) => ({
  description,
  content: {
    'application/json': {
      schema: {
        type: 'object',
        required: ['code', 'type', 'message'],
        properties: {
          code: { type: 'integer', description: 'Error code.' },
          type: { type: 'string', description: 'Error type.' },
          message: { type: 'string', description: 'Error message.' },
        },
      },
    },
  },
});
const PROBLEM = problem('Internal Server Error');

const parameter = (name: string, description: string) => ({
  in: 'path',
  name,
  description,
  required: true,
  schema: { type: 'string' },
});
const MODEL = parameter('model_name', 'Name of model.');
const VERSION = parameter('model_version', 'Name of model version.');

const predict = (operationId: string, description: string, parameters: readonly object[]) => ({
  post: {
    description,
    operationId,
    parameters,
    requestBody: { ...body('Input data format is defined by each model.'), required: true },
    responses: {
      200: body('Output data format is defined by each model.'),
      404: problem('Model not found or Model Version not found'),
      500: PROBLEM,
      503: problem('No worker is available to serve request'),
    },
  },
});

const json = (description: string, properties: Readonly<Record<string, object>>) => ({
  description,
  content: { 'application/json': { schema: { type: 'object', required: Object.keys(properties), properties } } },
});

const get = (operationId: string, description: string, ok: object) => ({
  description,
  operationId,
  parameters: [],
  responses: { 200: ok, 500: PROBLEM },
});

const DESCRIPTION = (operationId: string) =>
  get(
    operationId,
    'Get openapi description.',
    json('A openapi 3.0.1 descriptor', {
      openapi: { type: 'string' },
      info: { type: 'object' },
      paths: { type: 'object' },
    }),
  );

const METRICS = {
  description: 'Get TorchServe application metrics in prometheus format.',
  operationId: 'metrics',
  parameters: [
    {
      in: 'query',
      name: 'name[]',
      description: 'Names of metrics to filter',
      required: false,
      schema: { type: 'string' },
    },
  ],
  responses: {
    200: {
      description: 'TorchServe application metrics',
      content: {
        'text/plain; version=0.0.4; charset=utf-8': {
          schema: {
            type: 'object',
            required: ['# HELP', '# TYPE', 'metric'],
            properties: {
              '# HELP': { type: 'string', description: 'Help text for TorchServe metric.' },
              '# TYPE': { type: 'string', description: 'Type of TorchServe metric.' },
              metric: { type: 'string', description: 'TorchServe application metric.' },
            },
          },
        },
      },
    },
    500: PROBLEM,
  },
};

/** @param version of Servery */
export function describeApi(version: string): object {
  const predictions = predict('predictions', 'Predictions entry point to get inference using default model version.', [
    MODEL,
  ]);
  const info = {
    title: 'TorchServe APIs',
    description: 'TorchServe is a flexible and easy to use tool for serving deep learning models',
    version,
  };
  return document(info, {
    '/': { options: DESCRIPTION('apiDescription') },
    '/ping': {
      get: get(
        'ping',
        'Get TorchServe status.',
        json('TorchServe status', { status: { type: 'string', description: 'Overall status of the TorchServe.' } }),
      ),
    },
    '/v1/models/{model_name}:predict': predictions,
    '/v2/models/{model_name}/infer': predictions,
    '/predictions/{model_name}': predictions,
    '/predictions/{model_name}/{model_version}': predict(
      'version_predictions',
      'Predictions entry point to get inference using specific model version.',
      [MODEL, VERSION],
    ),
    '/api-description': { get: { ...DESCRIPTION('api-description'), deprecated: true } },
    '/metrics': { get: METRICS },
  });
}

/** With the paths as its own has them, `/prediction/NAME` too. */
export function describeModelApi(name: string): object {
  const description = `A predict entry point for model: ${name}.`;
  const path = { post: get(name, description, { description: 'OK' }) };
  return document(
    { title: `RESTful API for: ${name}`, version: '1.0.0' },
    {
      [`/prediction/${name}`]: path,
      '/v1/models/{model_name}:predict': path,
      '/v2/models/{model_name}/infer': path,
    },
  );
}

const document = (info: object, paths: object) => ({ openapi: '3.0.1', info, paths });
