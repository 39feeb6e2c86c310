/**
 * A door for the clients of another system: its routes, and how its failures look.
 *
 * A door decodes and encodes, by the folder of its name in protocol/; predictions, limits and models are the same
 * as everywhere.
 */
import { isShared, type ProtocolName } from '../protocol/protocols.ts';
import type { HttpDeps } from './deps.ts';
import { bentomlDoor } from './doors/bentoml.ts';
import { kserveDoor } from './doors/kserve.ts';
import { mlflowDoor } from './doors/mlflow.ts';
import { sagemakerDoor } from './doors/sagemaker.ts';
import { tensorflowServingDoor } from './doors/tensorflow-serving.ts';
import { torchserveDoor } from './doors/torchserve.ts';
import { vertexDoor } from './doors/vertex.ts';
import type { ErrorForm } from './errors.ts';
import type { Route } from './route.ts';

export interface Door {
  /** On the port that all protocols share. */
  readonly shared: readonly Route[];
  /** On a port of its own. */
  readonly own: readonly Route[];
  /** On a port for its metrics alone, where it has one. */
  readonly metrics?: readonly Route[];
  /** On a port of its own also of requests that find no route. */
  readonly errors: ErrorForm;
  /** On a port of its own, the words of its paths may be written in any case; not by default. */
  readonly isAnyCase?: boolean;
}

export type CreateDoor = (deps: HttpDeps, isDraining: () => boolean) => Door;

const DOORS: Readonly<Record<ProtocolName, CreateDoor>> = {
  tensorflowServing: tensorflowServingDoor,
  kserve: kserveDoor,
  sagemaker: sagemakerDoor,
  mlflow: mlflowDoor,
  torchserve: torchserveDoor,
  bentoml: bentomlDoor,
  vertex: vertexDoor,
};

export function createDoor(name: ProtocolName, deps: HttpDeps, isDraining: () => boolean): Required<Door> {
  const { shared, own, metrics = [], errors, isAnyCase = false } = DOORS[name](deps, isDraining);
  const withErrors = (routes: readonly Route[]) => routes.map((route) => ({ errors, ...route }));
  return { shared: withErrors(shared), own: withErrors(own), metrics: withErrors(metrics), errors, isAnyCase };
}

/** The routes on the shared port of all protocols that are enabled. */
export function sharedDoorRoutes(deps: HttpDeps, isDraining: () => boolean): readonly Route[] {
  const names = Object.keys(DOORS) as ProtocolName[];
  const enabled = names.filter((name) => isShared(deps.protocols[name]));
  return enabled.flatMap((name) => createDoor(name, deps, isDraining).shared);
}
