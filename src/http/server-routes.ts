/** Metrics, documentation, the way in for a browser, and what is known but not offered. */
import { ServeryError } from '../core/errors.ts';
import type { HttpDeps, Page } from './deps.ts';
import type { Exchange } from './exchange.ts';
import type { Method, Route } from './route.ts';

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function serverRoutes({ control, openapi, docs }: HttpDeps): readonly Route[] {
  const page = (make: () => Promise<Page>) => async (exchange: Exchange) => {
    const { contentType, body, headers } = await make();
    exchange.send(200, contentType, body, headers);
  };
  return [
    {
      method: 'GET',
      path: '/metrics',
      scope: 'read',
      whileDraining: true,
      docs: { tag: 'Server', summary: 'Metrics in the Prometheus format' },
      async handle(exchange) {
        exchange.send(200, METRICS_TYPE, await control.metrics());
      },
    },
    {
      method: 'GET',
      path: '/openapi.json',
      scope: 'read',
      docs: { tag: 'Server', summary: 'This server and its models as OpenAPI' },
      handle: page(openapi),
    },
    {
      method: 'GET',
      path: '/docs',
      scope: 'none',
      docs: { tag: 'Server', summary: 'Documentation to read and try' },
      handle: page(docs),
    },
    {
      method: 'GET',
      path: '/',
      scope: 'none',
      docs: { tag: 'Server', summary: 'Leads to the documentation' },
      handle: (exchange) => exchange.send(302, '', '', ['location', '/docs']),
    },
    ...UNSUPPORTED.flatMap(({ paths, methods, what, instead }) =>
      paths.flatMap((path) => methods.map((method) => unsupported(method, path, what, instead))),
    ),
  ];
}

interface Unsupported {
  readonly paths: readonly string[];
  readonly methods: readonly Method[];
  readonly what: string;
  readonly instead: string;
}

/** Extensions of Triton that clients know by name: they are told so, and not that the path is unknown. */
const UNSUPPORTED: readonly Unsupported[] = [
  {
    paths: ['/v2/trace/setting', '/v2/models/:model/trace/setting'],
    methods: ['GET', 'POST'],
    what: 'trace settings',
    instead: 'Send a `traceparent` header: it is passed on to the log.',
  },
  {
    paths: ['/v2/logging'],
    methods: ['GET', 'POST'],
    what: 'log settings',
    instead: 'Set the level of the log in the configuration.',
  },
  {
    paths: ['/v2/models/:model/generate', '/v2/models/:model/versions/:version/generate'],
    methods: ['POST'],
    what: 'generation of text',
    instead: 'Use /infer.',
  },
  {
    paths: ['/v2/models/:model/generate_stream', '/v2/models/:model/versions/:version/generate_stream'],
    methods: ['POST'],
    what: 'generation of text',
    instead: 'Use /infer.',
  },
  ...['systemsharedmemory', 'cudasharedmemory'].flatMap((kind): readonly Unsupported[] => [
    {
      paths: [`/v2/${kind}/status`, `/v2/${kind}/region/:region/status`],
      methods: ['GET'],
      what: 'shared memory regions',
      instead: 'Send binary tensors in the body.',
    },
    {
      paths: [`/v2/${kind}/unregister`, `/v2/${kind}/region/:region/register`, `/v2/${kind}/region/:region/unregister`],
      methods: ['POST'],
      what: 'shared memory regions',
      instead: 'Send binary tensors in the body.',
    },
  ]),
];

function unsupported(method: Method, path: string, what: string, hint: string): Route {
  return {
    method,
    path,
    scope: 'read',
    docs: { tag: 'Open Inference Protocol', summary: `Not offered: ${what}` },
    handle() {
      throw new ServeryError('UNSUPPORTED', `Cannot offer ${what}: this extension is not supported`, { hint });
    },
  };
}
