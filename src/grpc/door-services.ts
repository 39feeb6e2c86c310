/** The services of other systems' protocols that are enabled, by name. */
import type { GrpcDeps } from './deps.ts';
import type { Method } from './method.ts';

export type Services = Readonly<Record<string, Readonly<Record<string, Method>>>>;

export function doorServices(_: GrpcDeps): Services {
  return {};
}
