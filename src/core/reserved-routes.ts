/**
 * The paths that belong to Servery, so that a handler's own route can be refused before it hides one.
 *
 * First segments are reserved whole, not route by route: a later release may add a route below them
 * without breaking a handler that was accepted today.
 */
const RESERVED_SEGMENTS: ReadonlySet<string> = new Set([
  'endpoints',
  'execution-parameters',
  'invocations',
  'ping',
  'v1',
  'v1beta1',
  'v2',
  'api',
  'models',
  'metrics',
  'docs',
  'console',
  'openapi.json',
  'predictions',
  'explanations',
  'monitoring',
]);
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);
const LITERAL = /^[A-Za-z0-9_~.-]+$/;
const PARAMETER = /^:[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Whether a handler may not have this route, because it is or could become a built-in one.
 * `path` is a pattern: segments such as `:id` are parameters.
 */
export function isReservedRoute(method: string, path: string): boolean {
  if (!METHODS.has(method) || !path.startsWith('/')) return true;
  const [first = '', ...rest] = path.slice(1).split('/');
  // A parameter in front would answer for every built-in path of that length.
  if (!isLiteral(first) || RESERVED_SEGMENTS.has(first)) return true;
  return !rest.every((segment) => PARAMETER.test(segment) || isLiteral(segment));
}

function isLiteral(segment: string): boolean {
  return LITERAL.test(segment) && segment !== '.' && segment !== '..';
}
