/**
 * A door for the clients of another system: its routes, and how its failures look.
 *
 * A door decodes and encodes, by the folder of its name in protocol/; predictions, limits and models are the same
 * as everywhere.
 */
import type { OwnPort, ProtocolName } from '../protocol/protocols.ts';
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
  /** On ports of its own, by their names in the configuration. */
  readonly own: Partial<Readonly<Record<OwnPort['kind'], readonly Route[]>>>;
  /** On ports of its own also of requests that find no route. */
  readonly errors: ErrorForm;
}

export type CreateDoor = (deps: HttpDeps, isDraining: () => boolean) => Door;

const DOORS: Readonly<Record<ProtocolName, CreateDoor>> = {
  tensorflowServing: tensorflowServingDoor,
  torchserve: torchserveDoor,
  mlflow: mlflowDoor,
  bentoml: bentomlDoor,
  sagemaker: sagemakerDoor,
  vertex: vertexDoor,
  kserve: kserveDoor,
};

export function createDoor(name: ProtocolName, deps: HttpDeps, isDraining: () => boolean): Door {
  const door = DOORS[name](deps, isDraining);
  const withErrors = (routes: readonly Route[] = []) => routes.map((route) => ({ errors: door.errors, ...route }));
  const own = Object.fromEntries(Object.entries(door.own).map(([port, routes]) => [port, withErrors(routes)]));
  return { ...door, shared: withErrors(door.shared), own };
}

/** The routes on the shared port of all protocols that are enabled. */
export function sharedDoorRoutes(deps: HttpDeps, isDraining: () => boolean): readonly Route[] {
  return (Object.keys(DOORS) as ProtocolName[]).flatMap((name) => {
    const slice = deps.protocols[name];
    return 'enabled' in slice && slice.enabled ? createDoor(name, deps, isDraining).shared : [];
  });
}
