/**
 * MLflow's scoring server: `/invocations` for one model, and on a port of its own the calls by which its clients see
 * whether it is there and what it is, and reach every model by name as a deployment.
 */
import { decodeEnvelope } from '../../core/handler-envelope.ts';
import { ServeryError, quote } from '../../core/errors.ts';
import { parseModelRef, type ModelRef } from '../../core/model.ts';
import type { BytesElement } from '../../core/tensor.ts';
import type { VersionDescriptor } from '../../models/snapshot.ts';
import { readParquetBody, type TypedFrame } from '../../dataset/parquet-body.ts';
import { NO_PREDICTIONS, encodeScoring } from '../../protocol/mlflow/scoring-answer.ts';
import { failureJson, scoringFailure, unparsable, withoutSchema } from '../../protocol/mlflow/scoring-failure.ts';
import { scoringType, type ScoringType } from '../../protocol/mlflow/content-type.ts';
import { decodeBodies } from '../../protocol/mlflow/bodies.ts';
import { decodeFrame, decodeScoring } from '../../protocol/mlflow/scoring-request.ts';
import type { CreateDoor } from '../door.ts';
import { STATUS, errorHeaders, type ErrorForm } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { predictFor } from '../prediction.ts';
import type { Route } from '../route.ts';
import { onlyModel } from './only-model.ts';

/** Of the server whose answers these are; its clients print it. */
const MLFLOW_VERSION = '3.17.2';
const PARQUET = 'application/vnd.apache.parquet';
const TEXT = 'text/plain; charset=utf-8';

const scoringErrors: ErrorForm = (error) => {
  const { code, message } = error;
  const headers = errorHeaders(error);
  switch (code) {
    case 'UNSUPPORTED_MEDIA_TYPE':
      return { status: 415, body: message, contentType: TEXT, headers };
    case 'DEADLINE_EXCEEDED':
      return { status: 504, body: 'Request processing time exceeded limit', headers };
    case 'NOT_FOUND':
    case 'METHOD_NOT_ALLOWED':
      return { status: STATUS[code], body: JSON.stringify({ detail: message }), headers };
    default: {
      const failure = scoringFailure(code, message, STATUS[code]);
      return { status: failure.status, body: failureJson(failure), headers };
    }
  }
};

export const mlflowDoor: CreateDoor = (deps, isDraining) => {
  const { predict, models, options, protocols } = deps;
  const { profile } = protocols.mlflow;
  const limits = { maxNesting: options.maxNesting, maxElements: options.maxElements };

  const score = (path: string, model: Route['model']): Route => ({
    method: 'POST',
    path,
    scope: 'predict',
    // Compared by the scoring server's own rules, in its words.
    body: { mediaTypes: ['application/json', 'text/csv', PARQUET], anyType: true },
    predicts: true,
    ...(model !== undefined && { model }),
    async handle(exchange) {
      const type = scoringType(exchange.headers['content-type']);
      const ref = exchange.target!.model;
      if (models.describe(ref).route !== undefined) return scoreBodies(exchange, ref, type);
      const frame = type === 'parquet' ? await readParquet(exchange.body, limits.maxElements) : undefined;
      const decode = ({ model, signature, declared }: VersionDescriptor) => {
        exchange.model = model;
        const target = { signature, declared, profile };
        if (frame !== undefined) return decodeFrame(frame, target, limits);
        return decodeScoring(exchange.body, type === 'csv' ? 'csv' : 'json', target, limits);
      };
      const descriptor = models.describe(ref);
      const { declared } = descriptor;
      const hasSchema = declared !== undefined && declared.inputs.length > 0;
      try {
        let request = decode(descriptor);
        if (request.isEmpty) return exchange.json(NO_PREDICTIONS);
        const answer = await predictFor(exchange, predict, ref, (_signature, { version }) => {
          // Another version may have become the one that is meant.
          if (version !== descriptor.model.version) request = decode(models.describe({ ...ref, version }));
          return request.tensors;
        });
        exchange.json(encodeScoring(answer, request.form, profile));
      } catch (error) {
        throw profile === 'mlflow-compat' && !hasSchema ? withoutSchema(error) : error;
      }
    },
  });

  /** A handler with JSON bodies of its own. */
  async function scoreBodies(exchange: Exchange, ref: ModelRef, type: ScoringType): Promise<void> {
    if (type !== 'json') throw new ServeryError('UNSUPPORTED_MEDIA_TYPE', 'The model takes JSON alone');
    const { texts, isWhole } = decodeBodies(exchange.body, limits);
    const { outputs } = await predictFor(exchange, predict, ref, ({ inputs: [input] }) => {
      return [{ name: input!.name, datatype: 'BYTES', shape: [texts.length], data: texts }];
    });
    const answers = (outputs[0]!.data as readonly BytesElement[]).map((element) => {
      const envelope = decodeEnvelope(element);
      if ('ok' in envelope) return envelope.ok;
      const problems = envelope.invalid.map(({ path, message }) => `${path.join('.')}: ${message}`);
      throw new ServeryError('INVALID_REQUEST', `Invalid input. ${problems.join('; ')}`);
    });
    exchange.json(isWhole ? answers[0]! : `{"predictions": [${answers.join(', ')}]}`);
  }

  const get = (path: string, scope: Route['scope'], handle: Route['handle']): Route => ({
    method: 'GET',
    path,
    scope,
    handle,
    whileDraining: true,
  });

  function sendHealth(exchange: Exchange): void {
    if (!models.snapshot.ready || isDraining()) throw new ServeryError('NOT_FOUND', 'Not Found');
    exchange.json('\n');
  }

  function sendDeployment(exchange: Exchange): void {
    const { name } = models.describe(deployment(exchange.param('endpoint'))).model;
    exchange.json(JSON.stringify(described(name)));
  }

  function sendDeployments(exchange: Exchange): void {
    exchange.json(JSON.stringify({ endpoints: models.snapshot.models.map(({ name }) => described(name)) }));
  }

  const invocations = score('/invocations', () => onlyModel(deps, protocols.mlflow.model, 'protocols.mlflow.model'));
  return {
    // A container of SageMaker has the path for itself.
    shared: protocols.sagemaker.container ? [] : [invocations],
    own: [
      invocations,
      score('/endpoints/:endpoint/invocations', ({ endpoint = '' }) => deployment(endpoint)),
      get('/ping', 'none', sendHealth),
      get('/health', 'none', sendHealth),
      get('/version', 'none', (exchange) => exchange.json(MLFLOW_VERSION)),
      get('/api/2.0/endpoints', 'read', sendDeployments),
      get('/api/2.0/endpoints/:endpoint', 'read', sendDeployment),
    ],
    errors: scoringErrors,
  };
};

async function readParquet(body: Uint8Array, maxElements: number): Promise<TypedFrame> {
  try {
    return await readParquetBody(body, maxElements);
  } catch (error) {
    if (!(error instanceof ServeryError) || error.code !== 'DATA_INVALID') throw error;
    throw unparsable('Parquet', 'it is no whole Parquet file', error);
  }
}

/** As its gateway describes one: `mlflow/deployments/server/config.py`. */
function described(name: string): object {
  return {
    name,
    endpoint_type: 'predict',
    model: { name, provider: 'servery' },
    endpoint_url: `/endpoints/${encodeURIComponent(name)}/invocations`,
    limit: null,
  };
}

function deployment(name: string): ModelRef {
  if (name !== '' && !name.includes('/')) return parseModelRef(name);
  throw new ServeryError('MODEL_NOT_FOUND', `Deployment ${quote(name)} is not found`);
}
