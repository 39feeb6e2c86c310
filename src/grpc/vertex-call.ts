/** What a call of Vertex AI is about: an endpoint, and the model of it that answers. */
import { systemClock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import type { ModelVersion } from '../core/model.ts';
import {
  chooseDeployed,
  endpointNotFound,
  findDeployed,
  originHeaders,
  originOf,
  parseEndpointName,
  type Deployed,
  type EndpointName,
} from '../protocol/vertex/endpoints.ts';
import type { GrpcDeps } from './deps.ts';
import { announcePrediction } from './prediction.ts';

/** What is refused before a model is asked counts as a prediction that has failed. */
export function orCount<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    announcePrediction(undefined, 0, systemClock.now(), error instanceof ServeryError ? error.code : 'INTERNAL');
    throw error;
  }
}

export interface Asked {
  readonly name: EndpointName;
  readonly deployed: Deployed;
  /** Its handler has a route of its own. */
  readonly isRoute: boolean;
  readonly streams: boolean;
}

/** @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_NOT_READY`, `INVALID_REQUEST` */
export function ask({ models, protocols }: GrpcDeps, endpoint: string, deployedModelId?: string): Asked {
  const name = parseEndpointName(endpoint);
  return inVertexWords(name, () => {
    const deployed =
      deployedModelId === undefined
        ? chooseDeployed(protocols.vertex, name, Math.random())
        : findDeployed(protocols.vertex, name, deployedModelId);
    const { route, streams = false } = models.describe(deployed.model);
    return { name, deployed, isRoute: route !== undefined, streams };
  });
}

/** An unknown model is an unknown endpoint. */
export function inVertexWords<T>(name: EndpointName, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const isUnknown = error instanceof ServeryError && error.code === 'MODEL_NOT_FOUND';
    throw isUnknown ? endpointNotFound(name) : error;
  }
}

export function metadataOf({ name, deployed }: Asked, model: ModelVersion): Readonly<Record<string, string>> {
  return originHeaders(name, originOf(name, deployed, model));
}
