/**
 * Finds the route of a path: a tree of segments, built once from the table.
 *
 * Handlers declare routes of their own, which come and go with their versions, so a router is cheap to build.
 */
import { ServeryError, quote } from '../core/errors.ts';
import { Target, type Method, type Route } from './route.ts';

interface Node {
  readonly literals: Map<string, Node>;
  parameter: Node | undefined;
  /** Takes what is left of a path, when nothing else does. */
  rest: Routes | undefined;
  readonly routes: Routes;
}

type Routes = Map<Method, { readonly route: Route; readonly names: readonly string[] }>;

export class Router {
  readonly #root = createNode();
  readonly #isAnyCase: boolean;

  /** @param isAnyCase whether the words of a path, which are in small letters, may be written otherwise */
  constructor(routes: Iterable<Route>, isAnyCase = false) {
    this.#isAnyCase = isAnyCase;
    for (const route of routes) this.#add(route);
  }

  /** The routes of a path by method; undefined when there is none. */
  find(segments: readonly string[]): ReadonlyMap<Method, () => Target> | undefined {
    const values: string[] = [];
    const routes = findRoutes(this.#root, segments, 0, values, this.#isAnyCase);
    if (routes === undefined) return undefined;
    const found = new Map<Method, () => Target>();
    for (const [method, { route, names }] of routes) {
      found.set(method, () => new Target(route, Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']))));
    }
    return found;
  }

  #add(route: Route): void {
    const names: string[] = [];
    let node = this.#root;
    let { routes } = node;
    for (const segment of splitPattern(route.path)) {
      if (segment === '*') {
        routes = node.rest ??= new Map();
        break;
      }
      if (segment.startsWith(':')) {
        names.push(segment.slice(1));
        node = node.parameter ??= createNode();
      } else {
        let next = node.literals.get(segment);
        if (next === undefined) node.literals.set(segment, (next = createNode()));
        node = next;
      }
      routes = node.routes;
    }
    if (!routes.has(route.method)) routes.set(route.method, { route, names });
  }
}

function createNode(): Node {
  return { literals: new Map(), parameter: undefined, rest: undefined, routes: new Map() };
}

function findRoutes(
  node: Node,
  segments: readonly string[],
  at: number,
  values: string[],
  isAnyCase: boolean,
): Routes | undefined {
  if (at === segments.length) return node.routes.size > 0 ? node.routes : node.rest;
  const segment = segments[at]!;
  const literal = node.literals.get(segment) ?? (isAnyCase ? node.literals.get(segment.toLowerCase()) : undefined);
  const found = literal === undefined ? undefined : findRoutes(literal, segments, at + 1, values, isAnyCase);
  if (found !== undefined) return found;
  if (node.parameter === undefined) return node.rest;
  values.push(segment);
  const byParameter = findRoutes(node.parameter, segments, at + 1, values, isAnyCase);
  if (byParameter === undefined) values.pop();
  return byParameter ?? node.rest;
}

function splitPattern(path: string): readonly string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

/**
 * The decoded segments of a request's path. One slash at the end makes no difference.
 *
 * Splitting comes first: an encoded slash is part of a name, and a name with a slash fits no model.
 *
 * @throws {ServeryError} `INVALID_REQUEST` when an escape in it is broken
 */
export function splitPath(path: string): readonly string[] {
  if (path === '/' || path === '') return [];
  const text = path.endsWith('/') ? path.slice(1, -1) : path.slice(1);
  const segments = text.split('/');
  if (!text.includes('%')) return segments;
  try {
    return segments.map(decodeURIComponent);
  } catch {
    throw new ServeryError('INVALID_REQUEST', `Cannot read the path ${quote(path)}: an escape in it is broken`);
  }
}

/** The path and the query of a request's target, which may also be an absolute URL. */
export function splitUrl(url: string): { readonly path: string; readonly query: string } {
  const local = url.startsWith('/') ? url : url.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/, '');
  const end = local.search(/[?#]/);
  if (end === -1) return { path: local, query: '' };
  const query = local[end] === '?' ? local.slice(end + 1).replace(/#.*$/s, '') : '';
  return { path: local.slice(0, end), query };
}
