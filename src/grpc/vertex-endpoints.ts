/** Vertex AI's EndpointService, as far as clients of predictions ask it: what an endpoint is. */
import { deployedModels, endpointResource, parseEndpointName } from '../protocol/vertex/endpoints.ts';
import { decodeGetEndpoint, encodeEndpoint } from '../protocol/vertex/messages.ts';
import type { GrpcDeps } from './deps.ts';
import { withHeadroom } from './framing.ts';
import type { Method } from './method.ts';
import { inVertexWords } from './vertex-call.ts';

export function endpointMethods({ models, protocols }: GrpcDeps): Readonly<Record<string, Method>> {
  return {
    GetEndpoint: {
      scope: 'read',
      answer: {
        unary(message) {
          const name = parseEndpointName(decodeGetEndpoint(message));
          return inVertexWords(name, () => {
            const deployed = deployedModels(protocols.vertex, name).map((entry) => {
              return [entry, models.describe(entry.model).model] as const;
            });
            const resource = endpointResource(name, deployed, new Date(performance.timeOrigin));
            return withHeadroom(encodeEndpoint(resource));
          });
        },
      },
    },
  };
}
