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

const status = (description: string, operationId: string, ok: string, required: readonly string[]) => ({
  description,
  operationId,
  parameters: [],
  responses: {
    200: {
      description: ok,
      content: { 'application/json': { schema: { type: 'object', required } } },
    },
    500: PROBLEM,
  },
});

/** @param version of Servery */
export function describeApi(version: string): object {
  return document(version, {
    '/': {
      options: status('Get openapi description.', 'apiDescription', 'A openapi 3.0.1 descriptor', [
        'openapi',
        'info',
        'paths',
      ]),
    },
    '/ping': { get: status('Get TorchServe status.', 'ping', 'TorchServe status', ['status']) },
    '/predictions/{model_name}': predict(
      'predictions',
      'Predictions entry point to get inference using default model version.',
      [MODEL],
    ),
    '/predictions/{model_name}/{model_version}': predict(
      'version_predictions',
      'Predictions entry point to get inference using specific model version.',
      [MODEL, VERSION],
    ),
    '/api-description': {
      get: status('Get openapi description.', 'api-description', 'A openapi 3.0.1 descriptor', [
        'openapi',
        'info',
        'paths',
      ]),
    },
  });
}

export function describeModelApi(version: string, name: string): object {
  const path = `/predictions/${encodeURIComponent(name)}`;
  return document(version, { [path]: predict('predictions', `A predict entry point for model: ${name}.`, []) });
}

function document(version: string, paths: object): object {
  const info = {
    title: 'TorchServe APIs',
    description: "TorchServe's inference API, answered by Servery",
    version,
  };
  return { openapi: '3.0.1', info, paths };
}
