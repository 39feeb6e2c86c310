/** The one table of built-in routes. */
import { adminRoutes } from './admin-routes.ts';
import { backfillRoutes } from './backfill-routes.ts';
import type { HttpDeps } from './deps.ts';
import { inferRoutes } from './infer-routes.ts';
import { jobRoutes } from './job-routes.ts';
import { oipRoutes } from './oip-routes.ts';
import { plainRoutes } from './plain-routes.ts';
import { repositoryRoutes } from './repository-routes.ts';
import type { Route } from './route.ts';
import { runRoutes } from './run-routes.ts';
import { serverRoutes } from './server-routes.ts';
import { streamRoutes } from './stream-routes.ts';

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
