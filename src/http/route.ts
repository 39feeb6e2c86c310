/** What a route is. The table of them drives dispatch, methods, scopes, content types and the documentation. */
import type { Scope } from '../core/api-keys.ts';
import { ServeryError, quote } from '../core/errors.ts';
import { isModelName, parseModelRef, parseVersion, type ModelRef } from '../core/model.ts';
import type { ErrorForm } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { BodyRule } from './web-rules.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

export interface Route {
  readonly method: Method;
  /** Segments like `:model` are parameters; `*` at the end stands for any others. */
  readonly path: string;
  readonly scope: Scope;
  /** Undefined when the route takes no body. */
  readonly body?: BodyRule;
  /** Answers also while the server is draining. */
  readonly whileDraining?: boolean;
  /** Its answers are predictions, and are counted as such. */
  readonly predicts?: boolean;
  /** The path alone does not tell its model, so it asks by itself whether there is room. */
  readonly isRoomCheckedLater?: boolean;
  readonly handle: (exchange: Exchange) => void | Promise<void>;
  /** How its failures look, where not as ours do. */
  readonly errors?: ErrorForm;
  /** The model that the parameters name, where not `:model` and `:version` do. Asked once for a path. */
  readonly model?: (params: Readonly<Record<string, string>>) => ModelRef;
  /** False: the path is none, whatever the method; asked where the method is refused. */
  readonly exists?: (model: ModelRef) => boolean;
  /** Undefined for routes of other systems: their clients know them. */
  readonly docs?: RouteDocs | undefined;
}

export interface RouteDocs {
  readonly tag: 'Predictions' | 'Open Inference Protocol' | 'Models' | 'Jobs' | 'Runs' | 'Backfills' | 'Server';
  readonly summary: string;
}

/** A route that was found for a path. One is shared by all requests for the same path. */
export class Target {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  #ref: ModelRef | undefined;

  constructor(route: Route, params: Readonly<Record<string, string>>) {
    this.route = route;
    this.params = params;
  }

  /**
   * The model that `:model` and `:version` name; `:model` may be `NAME@ALIAS`.
   *
   * @throws {ServeryError} `MODEL_NOT_FOUND` when no model can have such a name
   */
  get model(): ModelRef {
    this.#ref ??= this.route.model?.(this.params) ?? readModelRef(this.params.model ?? '', this.params.version);
    return this.#ref;
  }
}

function readModelRef(text: string, version: string | undefined): ModelRef {
  // A slash would be read as the sign of a version, and versions have a place of their own in a path.
  if (text.includes('/')) throw noSuchModel(text);
  const ref = parseModelRef(text);
  if (version === undefined) return ref;
  const number = parseVersion(version);
  if (number === undefined || ref.alias !== undefined) throw noSuchModel(`${text}/${version}`);
  return { name: ref.name, version: number };
}

function noSuchModel(text: string): ServeryError {
  return new ServeryError('MODEL_NOT_FOUND', `Request for unknown model: ${quote(text)} is not found`);
}

/**
 * A name that an admin route will create or change.
 *
 * @throws {ServeryError} `INVALID_REQUEST`
 */
export function requireName(kind: 'model' | 'alias', name: string | undefined): string {
  if (name === undefined || name.trim() === '') throw badName(kind, 'name cannot be empty');
  if (name.includes('/') || name.includes('\\') || name.includes('..')) {
    throw badName(kind, 'name must not contain path traversal characters');
  }
  if (isModelName(name)) return name;
  throw badName(kind, `name ${quote(name)} is not one: it has letters, digits, _, - and . only, at most 128`);
}

function badName(kind: 'model' | 'alias', problem: string): ServeryError {
  return new ServeryError('INVALID_REQUEST', `${kind === 'model' ? 'Model' : 'Alias'} ${problem}`);
}
