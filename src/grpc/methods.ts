/** Every method of the gRPC door by its path. */
import type { GrpcDeps } from './deps.ts';
import { isShared, type ProtocolName } from '../protocol/protocols.ts';
import type { HealthService } from './health.ts';
import { inferenceMethods } from './inference-service.ts';
import { lateStreaming } from './late-method.ts';
import type { Method } from './method.ts';
import { tensorflowServingServices } from './tensorflow-serving.ts';
import { torchserveMethods } from './torchserve.ts';
import { vertexServices } from './vertex.ts';

const reflectionMethod: Method = {
  scope: 'none',
  answer: lateStreaming(async () => ({ streaming: (await import('./reflection.ts')).reflect })),
};

export function methodTable(
  deps: GrpcDeps,
  health: HealthService,
  isDraining: () => boolean,
): ReadonlyMap<string, Method> {
  const { only } = deps;
  const has = (protocol: ProtocolName) => (only === undefined ? isShared(deps.protocols[protocol]) : only === protocol);
  const services: Readonly<Record<string, Readonly<Record<string, Method>>>> = {
    ...(only === undefined ? { 'inference.GRPCInferenceService': inferenceMethods(deps, isDraining) } : {}),
    ...(has('tensorflowServing') && tensorflowServingServices(deps)),
    ...(has('vertex') && vertexServices(deps)),
    'grpc.health.v1.Health': health.methods,
    ...(has('torchserve') && {
      'org.pytorch.serve.grpc.inference.InferenceAPIsService': torchserveMethods(deps, isDraining),
    }),
    'grpc.reflection.v1.ServerReflection': { ServerReflectionInfo: reflectionMethod },
    'grpc.reflection.v1alpha.ServerReflection': { ServerReflectionInfo: reflectionMethod },
  };
  const table = new Map<string, Method>();
  for (const [service, methods] of Object.entries(services)) {
    for (const [name, method] of Object.entries(methods)) table.set(`/${service}/${name}`, method);
  }
  return table;
}
