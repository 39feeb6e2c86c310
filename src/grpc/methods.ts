/** Every method of the gRPC door by its path. */
import type { GrpcDeps } from './deps.ts';
import { isShared, type ProtocolName } from '../protocol/protocols.ts';
import type { HealthService } from './health.ts';
import { inferenceMethods } from './inference-service.ts';
import { lateStreaming } from './late-method.ts';
import type { Method, StreamedRequest } from './method.ts';
import { tensorflowServingServices } from './tensorflow-serving.ts';
import { torchserveMethods } from './torchserve.ts';
import { vertexServices } from './vertex.ts';

/** @param services names of those that the port has */
function reflectionMethod(services: () => ReadonlySet<string>): Method {
  const load = async () => {
    const { reflect } = await import('./reflection.ts');
    return { streaming: (requests: AsyncIterable<StreamedRequest>) => reflect(requests, services()) };
  };
  return { scope: 'none', answer: lateStreaming(load) };
}

export function methodTable(
  deps: GrpcDeps,
  health: HealthService,
  isDraining: () => boolean,
): ReadonlyMap<string, Method> {
  const { only } = deps;
  const has = (protocol: ProtocolName) => (only === undefined ? isShared(deps.protocols[protocol]) : only === protocol);
  const table = new Map<string, Method>();
  const reflection = { ServerReflectionInfo: reflectionMethod(() => new Set(Object.keys(services))) };
  const services: Readonly<Record<string, Readonly<Record<string, Method>>>> = {
    ...(only === undefined ? { 'inference.GRPCInferenceService': inferenceMethods(deps, isDraining) } : {}),
    ...(has('tensorflowServing') && tensorflowServingServices(deps)),
    ...(has('vertex') && vertexServices(deps, (path) => table.get(path))),
    'grpc.health.v1.Health': health.methods,
    ...(has('torchserve') && {
      'org.pytorch.serve.grpc.inference.InferenceAPIsService': torchserveMethods(deps, isDraining),
    }),
    'grpc.reflection.v1.ServerReflection': reflection,
    'grpc.reflection.v1alpha.ServerReflection': reflection,
  };
  for (const [service, methods] of Object.entries(services)) {
    for (const [name, method] of Object.entries(methods)) table.set(`/${service}/${name}`, method);
  }
  return table;
}
