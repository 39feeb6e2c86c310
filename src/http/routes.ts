/** The tables of built-in routes: of the port that all share, and of ports that one protocol has for itself. */
import { adminRoutes } from './admin-routes.ts';
import { backfillRoutes } from './backfill-routes.ts';
import type { OwnPort } from '../protocol/protocols.ts';
import type { HttpDeps } from './deps.ts';
import { createDoor, sharedDoorRoutes } from './door.ts';
import type { ErrorForm } from './errors.ts';
import { inferRoutes } from './infer-routes.ts';
import { jobRoutes } from './job-routes.ts';
import { oipRoutes } from './oip-routes.ts';
import { plainRoutes } from './plain-routes.ts';
import { repositoryRoutes } from './repository-routes.ts';
import type { Route } from './route.ts';
import { runRoutes } from './run-routes.ts';
import { serverRoutes } from './server-routes.ts';
import { streamRoutes } from './stream-routes.ts';

export interface RouteTable {
  readonly routes: readonly Route[];
  /** Of failures before a route is known; ours by default. */
  readonly errors?: ErrorForm;
  /** Handlers may add routes of theirs. */
  readonly hasHandlerRoutes: boolean;
  /** The words of a path may be written in any case. */
  readonly isAnyCase?: boolean | undefined;
}

export type OpenTable = (deps: HttpDeps, isDraining: () => boolean) => RouteTable;

export function sharedTable(deps: HttpDeps, isDraining: () => boolean): RouteTable {
  const routes = [...builtInRoutes(deps, isDraining), ...sharedDoorRoutes(deps, isDraining)];
  return { routes, hasHandlerRoutes: true };
}

export function ownTable({ protocol, option }: Pick<OwnPort, 'protocol'> & Partial<OwnPort>): OpenTable {
  return (deps, isDraining) => {
    const { own, metrics, errors, isAnyCase } = createDoor(protocol, deps, isDraining);
    return { routes: option === 'metrics' ? metrics : own, errors, hasHandlerRoutes: false, isAnyCase };
  };
}

export function builtInRoutes(deps: HttpDeps, isDraining: () => boolean): readonly Route[] {
  return [
    ...plainRoutes(deps),
    ...inferRoutes(deps),
    ...oipRoutes(deps, isDraining),
    ...repositoryRoutes(deps),
    ...adminRoutes(deps),
    ...jobRoutes(deps),
    ...runRoutes(deps),
    ...backfillRoutes(deps),
    ...streamRoutes(deps),
    ...serverRoutes(deps),
  ];
}
