/**
 * The OpenAPI document of a server: its table of routes, and its models as they are now.
 *
 * The same routes and models always give the same document, so that it can be compared and kept.
 */
import type { Route, RouteDocs } from '../route.ts';
import { failures, RESPONSES, SCHEMAS } from './components.ts';
import type { ModelForm, OpenApiDocument, Operation, PathItem } from './document.ts';
import { documentHandlerRoute, toTemplate } from './handler-operation.ts';
import type { Schema } from './json-schema.ts';
import { documentModel, type DocumentedModel } from './model-operations.ts';
import { BINARY_BODY, DESCRIPTIONS, ndjson, pathParameters, type RouteDescription } from './server-operations.ts';

export type DocumentedRoute = Pick<Route, 'method' | 'path' | 'scope' | 'body'> & { readonly docs: RouteDocs };

export function isDocumented(route: Route): route is Route & DocumentedRoute {
  return route.docs !== undefined;
}

export interface DocumentSettings {
  /** Of the server. */
  readonly version: string;
  /** Whether API keys are asked for. */
  readonly authentication: boolean;
}

const TAGS: Readonly<Record<RouteDocs['tag'], string>> = {
  Predictions: 'Rows in, rows out.',
  'Open Inference Protocol': 'The second version of the protocol, with extensions of Triton.',
  Models: 'Which versions there are, and what aliases mean.',
  Jobs: 'What to do, and when.',
  Runs: 'Executions of jobs, what they print and what happens to them.',
  Backfills: 'Jobs over ranges of past intervals.',
  Server: 'Metrics and documentation.',
};

const DESCRIPTION =
  'Predictions by machine learning models. A model is named by its name alone, by `NAME@ALIAS`, or with a version. ' +
  'NaN and the infinities are `null` in JSON. Every failure has a message, a code and a hint. ' +
  'The header `Servery-Timeout-Ms` sets a deadline for any request, after which the answer is 504.';

const KEYS = [{ bearer: [] }, { apiKey: [] }];

export function buildOpenApi(
  models: Iterable<DocumentedModel>,
  routes: Iterable<DocumentedRoute>,
  { version, authentication }: DocumentSettings,
): OpenApiDocument {
  const paths = new Map<string, Record<string, Operation>>();
  const schemas: Record<string, Schema> = { ...SCHEMAS };
  const forms: ModelForm[] = [];
  const operationId = uniqueIds();

  function put(path: string, method: string, operation: Operation, scope: Route['scope']): void {
    const item = paths.get(path) ?? {};
    paths.set(path, item);
    if (Object.hasOwn(item, method)) return; // the first answers, here as in the server
    item[method] = authentication ? withKeys(operation, scope) : operation;
  }

  // The built-in ones are named first, so that no model changes what they are called.
  const builtIn = Array.from(routes).flatMap((route) => {
    const description = DESCRIPTIONS[`${route.method} ${route.path}`];
    return description === undefined ? [] : [{ route, operation: describeRoute(route, description, operationId) }];
  });
  for (const model of Array.from(models).sort((a, b) => (a.entry.name < b.entry.name ? -1 : 1))) {
    const { route } = model.descriptor;
    const {
      schemas: own,
      operations,
      form,
    } = route === undefined ? documentModel(model, operationId) : documentHandlerRoute(model, route, operationId);
    Object.assign(schemas, own);
    forms.push(form);
    for (const { path, method, operation } of operations) put(path, method, operation, 'predict');
  }
  for (const { route, operation } of builtIn) {
    put(toTemplate(route.path), route.method.toLowerCase(), operation, route.scope);
  }

  return {
    openapi: '3.1.1',
    info: { title: 'Servery', version, description: DESCRIPTION },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    ...(authentication ? { security: KEYS } : {}),
    paths: Object.fromEntries<PathItem>(paths),
    components: {
      schemas,
      responses: RESPONSES,
      ...(authentication
        ? {
            securitySchemes: {
              bearer: { type: 'http', scheme: 'bearer', description: 'Made by `servery token`.' },
              apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
            },
          }
        : {}),
    },
    'x-servery-models': forms,
  };
}

function withKeys(operation: Operation, scope: Route['scope']): Operation {
  if (scope === 'none') return { ...operation, security: [] };
  return { ...operation, responses: { ...operation.responses, ...failures(401, 403) } };
}

function describeRoute(
  { method, path, body, docs }: DocumentedRoute,
  description: RouteDescription,
  operationId: (text: string) => string,
): Operation {
  const { body: schema, bodyExample, isBodyOptional = false, parameters = [], answers } = description;
  const all = [...pathParameters(path), ...parameters];
  // Elsewhere it is only what some clients call JSON.
  const isWanted = (type: string) => type !== 'application/octet-stream' || path.endsWith('/infer');
  const types = body?.mediaTypes.filter(isWanted) ?? [];
  const content = types.map((type) => {
    if (type === 'application/json') {
      return [type, { schema: schema ?? {}, ...(bodyExample === undefined ? {} : { example: bodyExample }) }] as const;
    }
    if (type === 'application/octet-stream') return [type, BINARY_BODY] as const;
    return [type, type === 'application/x-ndjson' ? ndjson() : { schema: { type: 'string' } }] as const;
  });
  return {
    operationId: operationId(`${method.toLowerCase()}${path}`),
    tags: [docs.tag],
    summary: docs.summary,
    ...(all.length === 0 ? {} : { parameters: all }),
    ...(content.length === 0
      ? {}
      : { requestBody: { required: !isBodyOptional, content: Object.fromEntries(content) } }),
    responses: { ...answers, ...failures(...description.failures) },
  };
}

/** Names for generated clients: letters, digits and `_`, none twice. */
function uniqueIds(): (text: string) => string {
  const given = new Set<string>();
  return (text) => {
    const base = text.replace(/[^A-Za-z0-9]+/g, '_').replace(/_$/, '');
    let id = base;
    for (let i = 2; given.has(id); i += 1) id = `${base}_${i}`;
    given.add(id);
    return id;
  };
}
