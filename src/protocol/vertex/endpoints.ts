/** What an endpoint is: the models that are deployed to it, and which of them gets a request. */
import { ServeryError, quote } from '../../core/errors.ts';
import { isModelName, parseModelRef, parseVersion, type ModelRef, type ModelVersion } from '../../core/model.ts';
import type { VertexOptions } from './options.ts';

/** Of names, `projects/P/locations/L`. */
export interface EndpointName {
  readonly location: string;
  readonly endpoint: string;
}

export interface Deployed {
  readonly model: ModelRef;
  /** Undefined where the configuration gives none: the number of the version that answers is its own. */
  readonly id?: string;
  readonly traffic: number;
}

/** @throws {ServeryError} `INVALID_REQUEST` */
export function parseEndpointName(text: string): EndpointName {
  const [, location, endpoint] = /^(projects\/[^/]+\/locations\/[^/]+)\/endpoints\/([^/]+)$/.exec(text) ?? [];
  if (location !== undefined && endpoint !== undefined) return { location, endpoint };
  throw new ServeryError('INVALID_REQUEST', `Invalid resource name ${quote(text)}`, {
    hint: 'Name it projects/PROJECT/locations/LOCATION/endpoints/ENDPOINT.',
  });
}

/** @throws {ServeryError} `MODEL_NOT_FOUND` */
export function deployedModels({ endpoints }: VertexOptions, name: EndpointName): readonly Deployed[] {
  const known = endpoints.find(({ id }) => id === name.endpoint);
  if (known !== undefined) {
    return known.deployedModels.map(({ id, model, traffic }) => ({ id, model: parseModelRef(model), traffic }));
  }
  if (!isModelName(name.endpoint)) throw endpointNotFound(name);
  return [{ model: { name: name.endpoint }, traffic: 100 }];
}

/**
 * @param share in [0, 1), decides by the split of the traffic
 * @throws {ServeryError} `MODEL_NOT_FOUND`
 */
export function chooseDeployed(options: VertexOptions, name: EndpointName, share: number): Deployed {
  const deployed = deployedModels(options, name);
  let left = share * 100;
  for (const candidate of deployed) {
    if (left < candidate.traffic) return candidate;
    left -= candidate.traffic;
  }
  throw new RangeError('The traffic of an endpoint sums to 100');
}

/**
 * The one that a request names, whatever the split of the traffic is.
 *
 * @throws {ServeryError} `MODEL_NOT_FOUND`
 */
export function findDeployed(options: VertexOptions, name: EndpointName, id: string): Deployed {
  const found = deployedModels(options, name).find((deployed) => deployed.id === undefined || deployed.id === id);
  if (found?.id !== undefined) return found;
  // Its id is the number of its version.
  const version = parseVersion(id);
  if (found !== undefined && version !== undefined) return { ...found, model: { name: found.model.name, version }, id };
  throw new ServeryError('MODEL_NOT_FOUND', `Deployed model ${quote(id)} is not found in the endpoint.`);
}

export function endpointNotFound({ location, endpoint }: EndpointName): ServeryError {
  return new ServeryError('MODEL_NOT_FOUND', `Endpoint ${quote(`${location}/endpoints/${endpoint}`)} is not found.`, {
    hint: 'An endpoint is the name of a model, or one of `protocols.vertex.endpoints`.',
  });
}

/** How an answer names what it comes from. */
export interface Origin {
  readonly deployedModelId: string;
  readonly model: string;
  readonly modelDisplayName: string;
  readonly modelVersionId: string;
}

export function originOf({ location }: EndpointName, { id }: Deployed, { name, version }: ModelVersion): Origin {
  return {
    deployedModelId: id ?? String(version),
    model: `${location}/models/${name}`,
    modelDisplayName: name,
    modelVersionId: String(version),
  };
}

/** Their names, also those of gRPC's metadata. */
export function originHeaders({ endpoint }: EndpointName, origin: Origin): Readonly<Record<string, string>> {
  return {
    'x-vertex-ai-endpoint-id': endpoint,
    'x-vertex-ai-deployed-model-id': origin.deployedModelId,
    'x-vertex-ai-model': origin.model,
    'x-vertex-ai-model-version-id': origin.modelVersionId,
  };
}

/** The resource of an endpoint, as GetEndpoint answers it. */
export interface EndpointResource {
  readonly name: string;
  readonly displayName: string;
  readonly deployedModels: readonly {
    readonly id: string;
    readonly model: string;
    readonly displayName: string;
    readonly modelVersionId: string;
  }[];
  readonly trafficSplit: Readonly<Record<string, number>>;
  /** When this server began. Clients that find none ask again for each prediction. */
  readonly createTime: string;
  /** Where the client for Python sends raw bytes: else it would send them to Google. */
  readonly dedicatedEndpointEnabled?: boolean;
  readonly dedicatedEndpointDns?: string;
}

export function endpointResource(
  name: EndpointName,
  deployed: readonly (readonly [Deployed, ModelVersion])[],
  since: Date,
): EndpointResource {
  const models = deployed.map(([entry, version]) => {
    const { deployedModelId, model, modelDisplayName, modelVersionId } = originOf(name, entry, version);
    const described = { id: deployedModelId, model, displayName: modelDisplayName, modelVersionId };
    return [described, entry.traffic] as const;
  });
  return {
    name: `${name.location}/endpoints/${name.endpoint}`,
    displayName: name.endpoint,
    deployedModels: models.map(([described]) => described),
    trafficSplit: Object.fromEntries(models.map(([{ id }, traffic]) => [id, traffic])),
    createTime: since.toISOString(),
  };
}
